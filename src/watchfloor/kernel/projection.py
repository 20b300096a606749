"""Tables that people read, and how events change them (DESIGN §1 *Views*, §2 *SQL views*).

A capability declares its tables and one pure function per type of facts, from an event to row changes. Whoever keeps
the rows (engine/views.py) knows nothing of capabilities, and a capability knows nothing of databases. Views hold no
private part: what must be erasable is joined from the ledger when a page is shown, by the seqs that rows carry.

Theory of operation
-------------------
A change names a whole row (`put`), some columns of a row that is there (`set`, nothing happens where there is none),
or the end of a row (`drop`). Keys and values are absolute, never increments, so showing an event again to a row that
has seen no later event changes nothing. A fact that concerns many rows at once (a node that started anew) changes
one row only; tables that depend on it say so in `computed` columns, which the reader's database evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from watchfloor.kernel.messages import Event, Facts

Value = int | str | None


class Column(msgspec.Struct, frozen=True):
    """`type` is integer, instant (µs UTC, 0: never), flag (0 or 1), text or json (text holding JSON)."""

    type: str
    meaning: str
    nullable: bool = False

    @property
    def sql(self) -> str:
        """The type as SQL knows it."""
        return "TEXT" if self.type in ("text", "json") else "INTEGER"

    @property
    def absent(self) -> Value:
        """The value of a column that a `put` does not name."""
        if self.nullable:
            return None
        return {"text": "", "json": "[]"}.get(self.type, 0)


def integer(meaning: str, *, nullable: bool = False) -> Column:
    return Column("integer", meaning, nullable)


def instant(meaning: str) -> Column:
    return Column("instant", meaning)


def flag(meaning: str) -> Column:
    return Column("flag", meaning)


def text(meaning: str) -> Column:
    return Column("text", meaning)


def array(meaning: str) -> Column:
    return Column("json", meaning)


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change of one row. `key` is without the organisation, which the follower puts in front.

    op:     "put" (values: every column behind the key, in the table's order), "set" (values: column → value),
            or "drop" (no values)
    """

    table: str
    op: str
    key: tuple[int | str, ...]
    values: Any = ()


class Computed(msgspec.Struct, frozen=True):
    """A column the reader's database evaluates. `sql` sees the row as `a`, its own table's rows as `@rows`, other tables by name."""

    column: Column
    sql: str


class Index(msgspec.Struct, frozen=True):
    """A secondary index, `org` in front of `columns` by itself; `where` makes it partial (SQL over the columns).

    `ahead` is an SQL expression that stands between `org` and the columns. One that grows with the key keeps new
    entries together, so that a write touches few pages however large the table is; readers must name it.
    """

    columns: tuple[str, ...]
    where: str = ""
    ahead: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A view's table. Any change of what it holds raises `version`: it is then built anew beside the old one.

    `key` are names of columns; `columns` begins with them, in that order. `org` (integer) precedes them in storage.
    """

    name: str
    version: int
    meaning: str
    key: tuple[str, ...]
    columns: dict[str, Column]
    indexes: tuple[Index, ...] = ()
    computed: dict[str, Computed] = {}
    blank: dict[str, Value] = {}  # made from the columns: a row behind its key in which nothing is said

    def __post_init__(self) -> None:
        blank = {name: self.columns[name].absent for name in self.values}
        msgspec.structs.force_setattr(self, "blank", blank)
        if tuple(self.columns)[: len(self.key)] != self.key:
            raise ValueError(f"{self.name}: columns begin with the key")
        unknown = [c for index in self.indexes for c in index.columns if c not in self.columns]
        if unknown or "org" in self.columns or set(self.computed) & set(self.columns):
            raise ValueError(f"{self.name}: indexed columns exist, `org` is implied, computed names are new")

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the columns behind the key, in the order of a `put`."""
        return tuple(self.columns)[len(self.key) :]

    def put(self, *key: int | str, **values: Value) -> Change:
        """A whole row; columns not named get their `absent` value. Raises ValueError for a column that is not there."""
        row = self.blank | values
        if len(row) != len(self.blank) or len(key) != len(self.key):
            raise ValueError(f"{self.name}: no such columns {sorted(values.keys() - self.blank.keys())}")
        return Change(self.name, "put", key, tuple(row.values()))

    def set(self, *key: int | str, **values: Value) -> Change:
        """Some columns of a row that is there."""
        return Change(self.name, "set", key, values)

    def drop(self, *key: int | str) -> Change:
        """The end of a row."""
        return Change(self.name, "drop", key)


Projector = Callable[[Event], list[Change]]
Projectors = Mapping[type[Facts], Projector]

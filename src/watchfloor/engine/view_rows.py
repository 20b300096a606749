"""Tables as SQL, and changes gathered until they are written (DESIGN §2 *SQL views*).

Folding: of all changes of one row between two writes only the outcome is written. The three outcomes are closed under
further changes (law: folded = unfolded, tests/laws/test_view_laws.py):

    waiting \\ change   put        set                drop
    nothing            put        set                drop
    put                put        put, changed       drop
    set                put        set, both          drop
    drop               put        drop               drop

The last two of `drop` rest on a set of a row that is not there doing nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from watchfloor.kernel.projection import Change, Table

Key = tuple[int | str, ...]
Outcome = list[Any] | tuple[Any, ...] | dict[str, Any] | None  # put, put, set, drop

_NOTHING: Any = object()
_MANY = 1_000_000  # rows of a large organisation; only the proportions matter


class Storage:
    """One table's statements. Rows live in `<name>_v<version>`; `<name>` is an SQL view of them with computed columns."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.name = table.name
        self.rows = f"{table.name}_v{table.version}"
        self.positions = {name: place for place, name in enumerate(("org", *table.columns))}
        marks = ", ".join("?" * len(self.positions))
        self.put_sql = f"INSERT OR REPLACE INTO {self.rows} VALUES ({marks})"  # noqa: S608 - names from code
        self._where = " AND ".join(f'"{name}" = ?' for name in ("org", *table.key))
        self.drop_sql = f"DELETE FROM {self.rows} WHERE {self._where}"  # noqa: S608
        self._sets: dict[tuple[str, ...], str] = {}

    def create(self) -> list[str]:
        """Statements that make the rows' table and its indexes."""
        table = self.table
        columns = ["org INTEGER NOT NULL"]
        for name, column in table.columns.items():
            columns.append(f'"{name}" {column.sql}' + ("" if column.nullable else " NOT NULL"))
        key = ", ".join(f'"{name}"' for name in ("org", *table.key))
        made = [f"CREATE TABLE {self.rows} ({', '.join(columns)}, PRIMARY KEY ({key})) WITHOUT ROWID"]
        for number, index in enumerate(table.indexes):
            ahead = [index.ahead] if index.ahead else []
            on = ", ".join(["org", *ahead, *(f'"{name}"' for name in index.columns)])
            where = f" WHERE {index.where}" if index.where else ""
            made.append(f"CREATE INDEX {self.rows}_{number} ON {self.rows} ({on}){where}")
        return made

    def estimates(self) -> list[tuple[str, str, str]]:
        """Rows of `sqlite_stat1`: how selective the key and each index are in a large organisation.

        Without them the planner takes `org` alone to be as selective as `org` and an agent, and walks a whole organisation
        for each agent.
        """
        table = self.table
        parts = len(table.key)
        # Half: where nothing but the organisation is asked for, rows come by their key and not by some index.
        key = [_MANY, _MANY // 2, *(10 ** (parts - 1 - place) for place in range(parts))]
        found = [(self.rows, self.rows, key)]
        for number, index in enumerate(table.indexes):
            size = _MANY // 100 if index.where else _MANY
            columns = len(index.columns) + bool(index.ahead)
            each = [max(10, size // 1_000 ** (place + 1)) for place in range(columns)]
            found.append((self.rows, f"{self.rows}_{number}", [size, size, *each]))
        return [(rows, name, " ".join(map(str, numbers))) for rows, name, numbers in found]

    def show(self) -> list[str]:
        """Statements that let readers see these rows under the table's name."""
        computed = "".join(
            f', ({c.sql.replace("@rows", self.rows)}) AS "{name}"' for name, c in self.table.computed.items()
        )
        view = f"CREATE VIEW {self.name} AS SELECT a.*{computed} FROM {self.rows} a"  # noqa: S608
        return [f"DROP VIEW IF EXISTS {self.name}", view]

    @property
    def shape(self) -> str:
        """Digest of what is stored: rows of another shape are rebuilt even when the version was forgotten."""
        return sha256("\n".join(self.create()).encode()).hexdigest()[:16]

    def set_sql(self, columns: tuple[str, ...]) -> str:
        """The UPDATE of these columns. Raises KeyError for a column that the table does not have."""
        sql = self._sets.get(columns)
        if sql is None:
            known = self.table.columns
            for name in columns:
                known[name]
            these = ", ".join(f'"{name}" = ?' for name in columns)
            sql = self._sets[columns] = f"UPDATE {self.rows} SET {these} WHERE {self._where}"  # noqa: S608
        return sql


class Folding:
    """Changes of several tables, folded by row, until `write` puts them into a connection's open transaction.

    Changes of tables in `others` are known and left out: those tables are fed by somebody else at the moment.
    """

    def __init__(self, storages: Iterable[Storage], others: Iterable[str] = ()) -> None:
        self._storages = {storage.name: storage for storage in storages}
        self._waiting: dict[str, dict[Key, Outcome] | None] = {name: {} for name in self._storages}
        self._waiting.update(dict.fromkeys(others))

    def add(self, org: int, changes: list[Change]) -> None:
        """Fold in changes of one organisation. Raises KeyError for a table nobody declared."""
        for change in changes:
            rows = self._waiting[change.table]
            if rows is None:
                continue
            key = (org, *change.key)
            op = change.op
            if op == "put":
                rows[key] = key + change.values
            elif op == "set":
                before = rows.get(key, _NOTHING)
                if before is _NOTHING:
                    rows[key] = dict(change.values)
                elif type(before) is dict:
                    before.update(change.values)
                elif before is not None:
                    if type(before) is tuple:
                        before = rows[key] = list(before)
                    positions = self._storages[change.table].positions
                    for name, value in change.values.items():
                        before[positions[name]] = value
            else:
                rows[key] = None

    def __len__(self) -> int:
        """Rows to be written."""
        return sum(len(rows) for rows in self._waiting.values() if rows)

    def clear(self) -> None:
        """Forget what is waiting."""
        for rows in self._waiting.values():
            if rows:
                rows.clear()

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything; what waits is kept until `clear`, so that a rolled back transaction loses nothing."""
        for name, rows in self._waiting.items():
            if not rows:
                continue
            storage = self._storages[name]
            puts: list[Any] = []
            drops: list[Key] = []
            sets: dict[tuple[str, ...], list[Any]] = {}
            for key, outcome in rows.items():
                if outcome is None:
                    drops.append(key)
                elif type(outcome) is dict:
                    sets.setdefault(tuple(outcome), []).append((*outcome.values(), *key))
                else:
                    puts.append(outcome)
            if puts:
                connection.executemany(storage.put_sql, puts)
            for columns, values in sets.items():
                connection.executemany(storage.set_sql(columns), values)
            if drops:
                connection.executemany(storage.drop_sql, drops)

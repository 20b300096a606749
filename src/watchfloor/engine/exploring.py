"""People's own SQL over the views: read-only, of one organisation, bounded (spec 6 *Saved queries*, 7 *Data*; fault J10).

Theory of operation
-------------------
Every query gets a connection of its own, opened read-only, on which SQLite itself enforces what may be seen. For each
table of the views there are two temporary views: a *scoped* one, whose name is drawn anew every time and which reads the
stored rows of this organisation alone, and one with the table's own name on top of it. The authorizer lets stored rows be
read from within a scoped view and from nowhere else, and refuses everything that is not on its lists: other schemas,
catalogues, pragmas, attaching, writing, functions. A statement that names stored rows at all is refused before that, so
that not even somebody who knew a scoped view's name could dress up as one.

What a query may cost is bounded by time and by memory, both looked at every few hundred steps, and by rows and bytes of
the answer. Text functions whose built-in form takes longer than linear time within a single step are replaced.
"""

from __future__ import annotations

import re
import resource
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.engine.sql_text import FUNCTIONS as REPLACED
from watchfloor.kernel.limits import (
    INTEGER_MAX,
    QUERY_ANSWER_BYTES_MAX,
    QUERY_MEMORY_BYTES_MAX,
    QUERY_MS_MAX,
    QUERY_SQL_CHARS_MAX,
    QUERY_VALUE_BYTES_MAX,
)
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.projection import Table

_STEPS = 500  # virtual machine steps between two looks at clock and memory: some ten microseconds
_PAGE_BYTES = resource.getpagesize()
_STATM = Path("/proc/self/statm")
_SHOWN = re.compile(r"CREATE VIEW (?P<name>\w+) AS (?P<body>SELECT a\.\*.* FROM (?P<rows>\w+) a)", re.DOTALL)
_BEGINS = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(select|with|values)\b", re.IGNORECASE | re.DOTALL)
_FUNCTIONS = frozenset(
    (
        "abs",
        "avg",
        "char",
        "coalesce",
        "count",
        "cume_dist",
        "date",
        "datetime",
        "dense_rank",
        "first_value",
        "group_concat",
        "hex",
        "ifnull",
        "iif",
        "instr",
        "json",
        "json_array",
        "json_array_length",
        "json_extract",
        "json_group_array",
        "json_group_object",
        "json_object",
        "json_quote",
        "json_type",
        "json_valid",
        "->",
        "->>",
        "julianday",
        "lag",
        "last_value",
        "lead",
        "length",
        "like",
        "lower",
        "ltrim",
        "max",
        "min",
        "nth_value",
        "ntile",
        "nullif",
        "percent_rank",
        "quote",
        "rank",
        "replace",
        "round",
        "row_number",
        "rtrim",
        "sign",
        "strftime",
        "substr",
        "substring",
        "sum",
        "time",
        "total",
        "trim",
        "typeof",
        "unicode",
        "unixepoch",
        "upper",
    )
)
_GENERATED = frozenset(
    ("json_each", "json_tree")
)  # table-valued functions; they read their argument and nothing else
_OWN_NAMES = ("sqlite_", "pragma_", "dbstat", "bytecode", "tables_used")  # what SQLite brings along
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, QUERY_VALUE_BYTES_MAX),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 4 * QUERY_SQL_CHARS_MAX),
    (sqlite3.SQLITE_LIMIT_COLUMN, 200),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 100),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 50),
    (sqlite3.SQLITE_LIMIT_VDBE_OP, 100_000),
    (sqlite3.SQLITE_LIMIT_FUNCTION_ARG, 32),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1),
    (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a query answered. `cut` says which bound ended it early, empty when it is whole."""

    columns: tuple[str, ...]
    rows: list[tuple[int | float | str | None, ...]]
    cut: str
    elapsed_ms: int


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Of what organisation, which tables (empty name set: none), and how many rows at most."""

    org: int
    tables: frozenset[str]
    rows_max: int
    ms_max: int = QUERY_MS_MAX


def query(path: Path, sql: str, scope: Scope) -> Found:
    """The answer to one statement. In a thread. Raises Refused for what may not be asked, is wrong, or takes too long."""
    begun = time.monotonic()
    if len(sql) > QUERY_SQL_CHARS_MAX:
        raise _wrong("query_too_long", f"at most {QUERY_SQL_CHARS_MAX} characters", 413)
    if _BEGINS.match(sql) is None:
        raise _wrong("query_refused", "one SELECT, WITH or VALUES statement, nothing else", 403)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        rooms = _prepare(connection, scope)
        _refuse_stored_names(sql, rooms.stored)
        watch = _Watch(begun + scope.ms_max / 1_000)
        connection.set_progress_handler(watch, _STEPS)
        connection.set_authorizer(rooms.judge)
        return _answer(connection, sql, scope, watch, begun)
    finally:
        connection.close()


def _wrong(code: str, detail: str, status: int = 422) -> Refused:
    return Refused(code, detail, field="/sql", status=status)


class _Watch:
    """Ends a statement that takes too long or too much memory. `why` is the bound it met."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._memory = _resident() + QUERY_MEMORY_BYTES_MAX
        self.why = ""

    def __call__(self) -> int:
        if time.monotonic() > self._until:
            self.why = "time"
        elif _resident() > self._memory:
            self.why = "memory"
        return int(bool(self.why))


def _resident() -> int:
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Rooms:
    """What the authorizer goes by: names of stored rows, of scoped views, and of the views people see."""

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.scoped: set[str] = set()
        self.seen: set[str] = set()
        self.real: set[str] = set()  # whatever the file calls something, in lower case

    def judge(
        self, action: int, first: str | None, second: str | None, schema: str | None, inside: str | None
    ) -> int:
        """SQLite's question for every thing a statement touches; what is not allowed here is denied."""
        allowed = False
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            allowed = True
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() in _FUNCTIONS
        elif action == sqlite3.SQLITE_READ:
            if schema == "temp":
                allowed = first in self.seen or first in self.scoped
            elif schema is None:  # no column is read: of a common table that reads itself, or by count(*)
                name = (first or "").lower()
                allowed = name not in self.real and not name.startswith(_OWN_NAMES)
            else:
                allowed = first in _GENERATED or (first in self.stored and inside in self.scoped)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _prepare(connection: sqlite3.Connection, scope: Scope) -> _Rooms:
    """Make the organisation's own views, then nothing may be made any more."""
    for limit, value in _LIMITS:
        connection.setlimit(limit, value)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(
        "PRAGMA temp_store = MEMORY"
    )  # where the watch sees what it takes; nothing spills to a disk
    connection.execute("PRAGMA busy_timeout = 1000")
    rooms = _Rooms()
    drawn = secrets.token_hex(16)
    rooms.real = {row[0].lower() for row in connection.execute("SELECT name FROM main.sqlite_master")}
    shown = connection.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'view'").fetchall()
    for name, sql in shown:
        found = _SHOWN.fullmatch(sql)
        if found is None or name not in scope.tables:
            continue  # then it is read by nobody: its rows are in no scoped view
        rooms.stored.add(found["rows"])
        scoped = f"of_{drawn}_{name}"
        body = f"{found['body']} WHERE a.org = {scope.org:d}"
        connection.execute(f"CREATE TEMP VIEW {scoped} AS {body}")
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {scoped}")  # noqa: S608 - names from code
        rooms.scoped.add(scoped)
        rooms.seen.add(name)
    for name in _GENERATED:  # they declare themselves at their first use, which the authorizer would refuse
        connection.execute(f"SELECT 1 FROM {name}('[]')")  # noqa: S608 - names from code
    connection.execute("PRAGMA query_only = ON")
    for name, arguments, function in REPLACED:
        connection.create_function(name, arguments, function, deterministic=True)
    return rooms


def _refuse_stored_names(sql: str, stored: set[str]) -> None:
    lowered = sql.lower()
    for name in stored:
        if name.lower() in lowered:
            raise _wrong(
                "query_refused", f"{name} cannot be named; the table is {name.rpartition('_v')[0]}", 403
            )


def _answer(
    connection: sqlite3.Connection, sql: str, scope: Scope, watch: Callable[[], int], begun: float
) -> Found:
    rows: list[tuple[Any, ...]] = []
    size, cut = 0, ""
    try:
        cursor = connection.execute(sql)
        if cursor.description is None:
            raise _wrong("query_refused", "one SELECT, WITH or VALUES statement, nothing else", 403)
        columns = tuple(str(column[0]) for column in cursor.description)
        for row in cursor:
            if len(rows) >= scope.rows_max:
                cut = "rows"
                break
            plain = tuple(_plain(value) for value in row)
            size += sum(len(value) if isinstance(value, str) else 8 for value in plain)
            if size > QUERY_ANSWER_BYTES_MAX:
                cut = "bytes"
                break
            rows.append(plain)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _refused(error, getattr(watch, "why", ""), scope) from None
    except UnicodeDecodeError:
        raise _wrong("query_wrong", "a value is no text; use hex()") from None
    return Found(columns=columns, rows=rows, cut=cut, elapsed_ms=int((time.monotonic() - begun) * 1_000))


def _plain(value: Any) -> int | float | str | None:
    """As JSON carries it without loss: integers no browser holds and bytes as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        return str(value)
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return str(value)
    return value  # type: ignore[no-any-return]


def _refused(error: BaseException, why: str, scope: Scope) -> Refused:
    """SQLite's own words for what the person wrote, our own for what was not allowed."""
    if why == "time":
        return _wrong("query_too_slow", f"it took longer than {scope.ms_max} ms; narrow it down")
    if why == "memory":
        return _wrong("query_too_large", "it took too much memory; narrow it down")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    said = re.sub(r"of_[0-9a-f]{32}_", "", str(error))[:300]
    if code == sqlite3.SQLITE_AUTH or "prohibited" in said or "not authorized" in said:
        return _wrong("query_refused", f"{said}: only the documented tables, functions and SELECT", 403)
    if code == sqlite3.SQLITE_TOOBIG:
        return _wrong("query_too_large", f"a value of more than {QUERY_VALUE_BYTES_MAX} bytes")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
        return Refused("views_busy", "the views cannot be read just now", retryable=True, status=503)
    return _wrong("query_wrong", said)


def named(tables: Sequence[Table], hidden: frozenset[str]) -> frozenset[str]:
    """The names of the tables somebody may query."""
    return frozenset(table.name for table in tables) - hidden

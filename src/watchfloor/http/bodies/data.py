"""People's own queries over the views, and what they keep for themselves."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Instant, Name, Params, Seq
from watchfloor.kernel.limits import QUERY_ROWS_MAX, QUERY_SQL_CHARS_MAX, SAVED_VIEW_BYTES_MAX

SQL = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=QUERY_SQL_CHARS_MAX,
        description="one SELECT, WITH or VALUES of SQLite over the tables of GET /api/v1/sql/schema",
    ),
]
Place = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_/-]*\Z")]
State = Annotated[str, Meta(max_length=SAVED_VIEW_BYTES_MAX, description="the page's own, such as its query")]


class RunQueryBody(Body, frozen=True, kw_only=True):
    sql: SQL
    limit: Annotated[int, Meta(ge=1, le=QUERY_ROWS_MAX)] = 1_000


class QueryAnswer(Answer, frozen=True, kw_only=True):
    """`rows` hold integers, numbers, text or null; bytes come as hexadecimal text, integers beyond 2^53 as text.

    `cut` says which bound ended the answer early: rows, bytes, or nothing. `seq` is what the views showed at least.
    """

    columns: tuple[str, ...]
    rows: list[list[Any]]
    cut: str
    elapsed_ms: int
    seq: Seq


class QueryColumn(Answer, frozen=True, kw_only=True):
    """`type` is integer, instant (µs UTC), flag (0 or 1), text or json (text holding JSON)."""

    name: str
    type: str
    meaning: str


class QueryTable(Answer, frozen=True, kw_only=True):
    name: str
    meaning: str
    columns: tuple[QueryColumn, ...]


class QuerySchema(Answer, frozen=True, kw_only=True):
    """Every table you may query, with the bounds of a query."""

    tables: tuple[QueryTable, ...]
    rows_max: int
    ms_max: int
    seq: Seq


class SaveQueryBody(Body, frozen=True, kw_only=True):
    """Kept under its name, in place of your query of that name. `shared`: everybody of the organisation sees it."""

    name: Name
    sql: SQL
    shared: bool = False


class SavedQuery(Answer, frozen=True, kw_only=True):
    """`own` can be changed and removed by you; `owner` is the public id of whose it is."""

    name: str
    sql: str
    shared: bool
    own: bool
    owner: str
    owner_name: str
    changed_at: Instant


class SavedQueries(Answer, frozen=True, kw_only=True):
    items: tuple[SavedQuery, ...]


class NamedBody(Body, frozen=True, kw_only=True):
    name: Name


class SaveViewBody(Body, frozen=True, kw_only=True):
    """A page's filters under a name. `state` is the page's own and comes back as it was."""

    page: Place
    name: Name
    state: State


class ViewsParams(Params, frozen=True, kw_only=True):
    page: Annotated[str, Meta(max_length=64, pattern=r"^(?:[a-z][a-z0-9_/-]*)?\Z")] = ""


class SavedView(Answer, frozen=True, kw_only=True):
    page: str
    name: str
    state: str
    changed_at: Instant


class SavedViews(Answer, frozen=True, kw_only=True):
    items: tuple[SavedView, ...]


class NamedViewBody(Body, frozen=True, kw_only=True):
    page: Place
    name: Name


_AT = 1_763_700_000_000_000
_SQL = "SELECT status, count(*) AS tasks FROM tasks GROUP BY status"
_VIEW = {"page": "tasks", "name": "failed today", "state": "status=failed&sort=-finished_at"}
EXAMPLES: dict[type, dict[str, Any]] = {
    RunQueryBody: {"sql": _SQL, "limit": 100},
    QueryAnswer: {
        "columns": ["status", "tasks"],
        "rows": [["queued", 3], ["succeeded", 118]],
        "cut": "",
        "elapsed_ms": 4,
        "seq": 1042,
    },
    QuerySchema: {
        "tables": [
            {
                "name": "stops",
                "meaning": "Stops in force and lifted.",
                "columns": [{"name": "stop", "type": "integer", "meaning": "subject"}],
            }
        ],
        "rows_max": 10_000,
        "ms_max": 5_000,
        "seq": 1042,
    },
    SaveQueryBody: {"name": "tasks by status", "sql": _SQL, "shared": True},
    SavedQuery: {
        "name": "tasks by status",
        "sql": _SQL,
        "shared": True,
        "own": True,
        "owner": "per_4h2k9d0s7b1",
        "owner_name": "ada",
        "changed_at": _AT,
    },
    SavedQueries: {
        "items": [
            {
                "name": "tasks by status",
                "sql": _SQL,
                "shared": True,
                "own": True,
                "owner": "per_4h2k9d0s7b1",
                "owner_name": "ada",
                "changed_at": _AT,
            }
        ]
    },
    NamedBody: {"name": "tasks by status"},
    SaveViewBody: _VIEW,
    SavedView: {**_VIEW, "changed_at": _AT},
    SavedViews: {"items": [{**_VIEW, "changed_at": _AT}]},
    NamedViewBody: {"page": "tasks", "name": "failed today"},
}

"""People's own queries over the views; saved queries and saved views of pages (spec 6 *Saved queries*, 7 *Data*)."""

from __future__ import annotations

import asyncio

from watchfloor.engine.exploring import Found, Scope
from watchfloor.engine.projections import TABLES
from watchfloor.http import problems, spreadsheets
from watchfloor.http.asking import Call
from watchfloor.http.bodies import data as wire
from watchfloor.http.bodies import fields
from watchfloor.http.desk import Desk, Kept, TooMany
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.limits import QUERIES_AT_ONCE, QUERY_MS_MAX, QUERY_ROWS_MAX, SAVED_PER_PERSON_MAX

QUERY = "query"
VIEW = "view"
_PERSONAL = frozenset(("credentials",))  # who signs in when is for admins and auditors, as in the stream
_SHOWN = tuple(sorted(TABLES, key=lambda table: table.name))


def tables_for(call: Call) -> frozenset[str]:
    """The names of the tables the caller may query."""
    every = frozenset(table.name for table in TABLES)
    return every if call.principal.may("admin") or call.principal.may("auditor") else every - _PERSONAL


async def _found(call: Call) -> Found:
    body: wire.RunQueryBody = call.body
    scope = Scope(org=call.org, tables=tables_for(call), rows_max=body.limit)
    running: asyncio.Semaphore = call.services.queries
    try:
        async with asyncio.timeout(QUERY_MS_MAX / 1_000):
            await running.acquire()
    except TimeoutError:
        raise Problem(
            503,
            "too_many_queries",
            f"{QUERIES_AT_ONCE} queries are running",
            retryable=True,
            retry_after_ms=1_000,
        ) from None
    try:
        return await asyncio.to_thread(call.services.views.explore, body.sql, scope)
    finally:
        running.release()


async def run_query(call: Call) -> Reply:
    """The answer to one SELECT over the views of your organisation.

    SQLite's language, read-only; at most 5 s, 10,000 rows and 4 MiB.
    """
    seq = call.view_seq
    found = await _found(call)
    return Reply(
        body=wire.QueryAnswer(
            columns=found.columns,
            rows=[list(row) for row in found.rows],
            cut=found.cut,
            elapsed_ms=found.elapsed_ms,
            seq=seq,
        )
    )


async def run_query_csv(call: Call) -> Reply:
    """The same as run_query, as CSV."""
    found = await _found(call)
    return spreadsheets.table(found.columns, found.rows, "query")


async def get_query_schema(call: Call) -> Reply:
    """The tables and columns you may query, with their meaning."""
    allowed = tables_for(call)
    org = wire.QueryColumn(name="org", type="integer", meaning="the organisation, always yours")
    tables = tuple(
        wire.QueryTable(
            name=table.name,
            meaning=table.meaning,
            columns=(
                org,
                *(
                    wire.QueryColumn(name=name, type=column.type, meaning=column.meaning)
                    for name, column in (
                        *table.columns.items(),
                        *((name, computed.column) for name, computed in table.computed.items()),
                    )
                ),
            ),
        )
        for table in _SHOWN
        if table.name in allowed
    )
    return Reply(
        body=wire.QuerySchema(tables=tables, rows_max=QUERY_ROWS_MAX, ms_max=QUERY_MS_MAX, seq=call.view_seq)
    )


# Kept ----------------------------------------------------------------------------------------------------------------


def _desk(call: Call) -> Desk:
    found: Desk = call.services.desk
    return found


async def _keep(call: Call, kept: Kept) -> None:
    try:
        await asyncio.to_thread(_desk(call).keep, call.org, kept)
    except TooMany:
        raise Problem(
            409, "too_many", f"at most {SAVED_PER_PERSON_MAX} of a person; remove some first"
        ) from None


async def _drop(call: Call, kind: str, place: str, name: str) -> Reply:
    drop = _desk(call).drop
    if not await asyncio.to_thread(drop, call.org, kind, call.principal.subject, place, name):
        raise problems.not_found(f"saved {kind} of yours")
    return Reply(body=fields.Done())


def _query(call: Call, kept: Kept) -> wire.SavedQuery:
    owner = call.state("person", kept.owner)
    return wire.SavedQuery(
        name=kept.name,
        sql=kept.body,
        shared=kept.shared,
        own=kept.owner == call.principal.subject,
        owner=call.id_of("person", kept.owner),
        owner_name=owner.handle if owner is not None else "",
        changed_at=kept.changed_at,
    )


async def list_queries(call: Call) -> Reply:
    """Your saved queries, then those that others share, by name."""
    found = await asyncio.to_thread(_desk(call).every, call.org, QUERY, call.principal.subject)
    return Reply(body=wire.SavedQueries(items=tuple(_query(call, kept) for kept in found)))


async def save_query(call: Call) -> Reply:
    """Keep a query under a name. It is not run."""
    body: wire.SaveQueryBody = call.body
    kept = Kept(
        kind=QUERY,
        owner=call.principal.subject,
        place="",
        name=body.name,
        body=body.sql,
        shared=body.shared,
        changed_at=call.now,
    )
    await _keep(call, kept)
    return Reply(body=_query(call, kept))


async def remove_query(call: Call) -> Reply:
    """Keep a query of yours no longer."""
    return await _drop(call, QUERY, "", call.body.name)


async def list_views(call: Call) -> Reply:
    """Your saved views, of one page or of all, by name."""
    page: str | None = call.params.page or None
    found = await asyncio.to_thread(_desk(call).every, call.org, VIEW, call.principal.subject, page)
    return Reply(body=wire.SavedViews(items=tuple(_view(kept) for kept in found)))


def _view(kept: Kept) -> wire.SavedView:
    return wire.SavedView(page=kept.place, name=kept.name, state=kept.body, changed_at=kept.changed_at)


async def save_view(call: Call) -> Reply:
    """Keep a page's filters under a name, for yourself."""
    body: wire.SaveViewBody = call.body
    kept = Kept(
        kind=VIEW,
        owner=call.principal.subject,
        place=body.page,
        name=body.name,
        body=body.state,
        shared=False,
        changed_at=call.now,
    )
    await _keep(call, kept)
    return Reply(body=_view(kept))


async def remove_view(call: Call) -> Reply:
    """Keep a saved view of yours no longer."""
    body: wire.NamedViewBody = call.body
    return await _drop(call, VIEW, body.page, body.name)

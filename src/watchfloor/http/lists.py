"""Pages of the views: keyset cursors, filters by allow-list, always within one organisation (faults G13, J10).

Names of tables and columns come from code; every value is bound. A cursor is the key of the last row, opaque to
clients; one that was tampered with is refused or simply starts somewhere else in the same organisation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from watchfloor.engine.views import ViewBehind
from watchfloor.http.asking import Call
from watchfloor.http.problems import FieldError, Problem
from watchfloor.kernel.limits import INTEGER_MAX


def cursor_of(*key: int) -> str:
    """The opaque cursor of a key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_cursor(text: str, length: int) -> tuple[int, ...]:
    """The key of a cursor with `length` integers. Raises Problem 422."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        key = msgspec.json.decode(raw, type=tuple[int, ...])
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        key = ()
    if len(key) != length or not all(-INTEGER_MAX <= part <= INTEGER_MAX for part in key):
        wrong = FieldError(field="cursor", code="invalid", detail="take it from `next` of the page before")
        raise Problem(422, "invalid_parameters", "cursor: not one of this list", errors=(wrong,))
    return key


async def page(
    call: Call,
    table: str,
    key: tuple[str, ...],
    where: Mapping[str, object] | None = None,
    *,
    also: tuple[str, ...] = (),
    bound: Mapping[str, object] | None = None,
    ascending: bool = False,
    limit: int = 0,
    cursor: str = "",
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of a table, and the cursor of the next (None: this was the last).

    `key` are integer columns that order and identify rows; `where` columns and the values they must have (None: any);
    `also` further conditions, text from code, with the values `bound` in them.
    """
    limit = limit or call.params.limit
    conditions = ["org = :org", *also]
    bound = dict(bound or {})
    for column, value in (where or {}).items():
        if value is not None:
            conditions.append(f'"{column}" = :{column}')
            bound[column] = value
    cursor = cursor or getattr(call.params, "cursor", "")
    if cursor:
        marks = ", ".join(f":c{place}" for place in range(len(key)))
        conditions.append(f"({', '.join(key)}) {'>' if ascending else '<'} ({marks})")
        bound |= {f"c{place}": part for place, part in enumerate(read_cursor(cursor, len(key)))}
    order = ", ".join(f"{column} {'ASC' if ascending else 'DESC'}" for column in key)
    sql = f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {limit + 1:d}"  # noqa: S608 - names from code, values bound
    rows = await call.rows(sql, **bound)
    following = cursor_of(*(rows[limit - 1][column] for column in key)) if len(rows) > limit else None
    return rows[:limit], following


async def row(call: Call, table: str, **key: int | str) -> dict[str, Any] | None:
    """One row by its key, None when the views do not have it (yet)."""
    conditions = " AND ".join(["org = :org", *(f'"{column}" = :{column}' for column in key)])
    rows = await call.rows(f"SELECT * FROM {table} WHERE {conditions}", **key)  # noqa: S608 - names from code, values bound
    return rows[0] if rows else None


async def viewed(call: Call, table: str, kind: str, subject: int) -> dict[str, Any]:
    """The row of a subject that exists; the views get up to 2 s to show one that was just made."""
    found = await row(call, table, **{kind: subject})
    if found is None:
        try:
            await call.services.views.wait(call.org, subject)
        except ViewBehind as behind:
            raise view_behind(behind.visible) from None
        found = await row(call, table, **{kind: subject})
    if found is None:
        raise view_behind(call.view_seq)
    return found


def view_behind(visible: int) -> Problem:
    """503: the views are at `visible`, ask again."""
    return Problem(
        503, "view_behind", f"the views are at seq {visible}", retryable=True, retry_after_ms=500, seq=visible
    )


def listed(text: str) -> tuple[str, ...]:
    """A JSON array of a view as names."""
    return msgspec.json.decode(text, type=tuple[str, ...])

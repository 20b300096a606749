"""Answers as CSV, for spreadsheets (fault I5: what an agent named must not become a formula)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from watchfloor.http.replies import Reply

CSV = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def table(columns: Sequence[str], rows: Iterable[Iterable[Any]], name: str = "") -> Reply:
    """A line a row under the names of the columns; `name` is offered for the file."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([cell(column) for column in columns])
    for row in rows:
        writer.writerow([cell(value) for value in row])
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'} if name else {}
    return Reply(content=out.getvalue().encode(), media_type=CSV, headers=headers)


def cell(value: Any) -> str:
    """A spreadsheet must not run what an agent named: text that begins like a formula gets an apostrophe in front."""
    text = "" if value is None else " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int | float) else text

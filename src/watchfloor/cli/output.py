"""What commands print: tables for people, JSON for programs, failures with one exit code each."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

Limit = Annotated[int, Parameter(validator=Number(gte=1))]  # of how many lines a list has at most


class Failure(Exception):
    """The command did not work; `status` is the exit code."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def show(value: Any, *, json: bool, text: str) -> None:
    """Print the value as JSON, or the text that says the same to a person."""
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
    else:
        sys.stdout.write(text.rstrip("\n") + "\n")


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[tuple[str, str]], empty: str) -> str:
    """A table with the columns (key, heading); `empty` when there are no rows."""
    lines = [[visible(row.get(key, "")) for key, _ in columns] for row in rows]
    if not lines:
        return empty
    heading = [title for _, title in columns]
    widths = [max(len(line[i]) for line in [heading, *lines]) for i in range(len(columns))]
    out = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in [heading, *lines]
    ]
    return "\n".join(line.rstrip() for line in out)


def visible(value: Any) -> str:
    """One line of plain text: control and direction characters that could fool a terminal are shown as escapes."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(
        c if c.isprintable() and not 0x200B <= ord(c) <= 0x206F else f"\\u{ord(c):04x}" for c in text
    )


def block(text: str) -> str:
    """Several lines, each made visible."""
    return "\n".join(visible(line) for line in text.split("\n"))


def instant(at: int) -> str:
    """An instant in µs as UTC text, "" for none."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""

"""What is wrong with a policy document, and where (spec 3.6)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a document: `path` a JSON pointer into it, `what` says what it must be, `line` from 1 (0: none)."""

    path: str
    what: str
    line: int = 0


def between(path: str, value: int, low: int, high: int, unit: str = "") -> Iterator[Fault]:
    """A fault at `path` unless low <= value <= high; `unit` is how the message ends."""
    if not low <= value <= high:
        yield Fault(path, f"lies between {low} and {high}{unit and ' '}{unit}")


class PolicyInvalid(ValueError):
    """The text or document is no policy; `faults` names every place that is wrong."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(_shown(fault) for fault in faults))


def _shown(fault: Fault) -> str:
    return f"{fault.path} (line {fault.line}): {fault.what}" if fault.line else f"{fault.path}: {fault.what}"

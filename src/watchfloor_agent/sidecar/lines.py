"""What a command says in its output: the line protocol of the sidecar (docs/sidecar.md).

    ::progress 40 reading the tests        percent, and a text if there is one
    ::blocked waiting for a licence        the task waits for something
    ::usage tokens=1200 cost_micro=3400    what the work has used so far
    ::reason the tests do not compile      why it failed, if it fails
    ::result {"files": 3}                  the result; the last one counts

The same as JSON lines: {"watchfloor": "progress", "percent": 40, "message": "…"}, and so on. Any other line is plain
output; the last plain line that is a JSON object is the result when nothing else names one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LINE_BYTES_MAX = 512 * 1024  # a longer line is output and nothing else
MESSAGE_CHARS_MAX = 500
INTEGER_MAX = 2**53 - 1
_PERCENT = re.compile(r"(\d{1,3})%?(?:\s+|\Z)")
_PAIR = re.compile(r"(tokens|cost_micro)=(\d{1,16})\Z")


@dataclass
class Heard:
    """What was said so far. `percent` 0 to 100; money in millionths."""

    percent: int = 0
    message: str = ""
    blocked: bool = False
    tokens: int = 0
    cost_micro: int = 0
    reason: str = ""
    result: dict[str, Any] | None = None
    guessed: dict[str, Any] | None = None


class Lines:
    """Cuts a stream into lines and understands them; `moved` is called when there is progress."""

    def __init__(self, moved: Callable[[], None]) -> None:
        self._moved = moved
        self._line = bytearray()
        self._too_long = False
        self.heard = Heard()

    def feed(self, data: bytes) -> None:
        """More output."""
        first, *rest = data.split(b"\n")
        self._extend(first)
        for piece in rest:
            self.finish()
            self._extend(piece)

    def finish(self) -> None:
        """The line is complete, or the output has ended."""
        if self._line and not self._too_long:
            self._understand(bytes(self._line).strip())
        self._line.clear()
        self._too_long = False

    def _extend(self, piece: bytes) -> None:
        if self._too_long or len(self._line) + len(piece) > LINE_BYTES_MAX:
            self._too_long = True
            self._line.clear()
        else:
            self._line += piece

    def _understand(self, line: bytes) -> None:
        if line.startswith(b"::"):
            word, _, rest = line[2:].decode("utf-8", "replace").partition(" ")
            self._said(word, rest.strip())
        elif line.startswith(b"{") and line.endswith(b"}"):
            found = as_object(line)
            if found is not None and "watchfloor" in found:
                self._object(found)
            elif found is not None:
                self.heard.guessed = found

    def _said(self, word: str, rest: str) -> None:
        if word == "progress":
            number = _PERCENT.match(rest)
            percent = int(number.group(1)) if number else self.heard.percent
            self._progress(percent, rest[number.end() :] if number else rest)
        elif word == "blocked":
            self._progress(self.heard.percent, rest, blocked=True)
        elif word == "usage":
            pairs = [found.groups() for found in map(_PAIR.match, rest.split()) if found]
            self._usage({name: int(value) for name, value in pairs})
        elif word == "reason":
            self.heard.reason = rest
        elif word == "result":
            found = as_json(rest)
            if found is not None:
                self.heard.result = found if isinstance(found, dict) else {"value": found}

    def _object(self, said: dict[str, Any]) -> None:
        word, message = said.get("watchfloor"), str(said.get("message") or "")
        if word in ("progress", "blocked"):
            self._progress(
                _whole(said.get("percent"), self.heard.percent), message, blocked=word == "blocked"
            )
        elif word == "usage":
            self._usage({name: _whole(said[name], 0) for name in ("tokens", "cost_micro") if name in said})
        elif word == "reason":
            self.heard.reason = message
        elif word == "result" and "result" in said:
            found = said["result"]
            self.heard.result = found if isinstance(found, dict) else {"value": found}

    def _progress(self, percent: int, message: str, *, blocked: bool = False) -> None:
        self.heard.percent = max(0, min(percent, 100))
        self.heard.message = message[:MESSAGE_CHARS_MAX]
        self.heard.blocked = blocked
        self._moved()

    def _usage(self, used: dict[str, int]) -> None:
        self.heard.tokens = min(used.get("tokens", self.heard.tokens), INTEGER_MAX)
        self.heard.cost_micro = min(used.get("cost_micro", self.heard.cost_micro), INTEGER_MAX)


def as_json(text: str | bytes) -> Any:
    """The value, with fractions as text (results hold no fractions); None when it is not JSON."""
    try:
        return json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def as_object(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object, or None."""
    found = as_json(text)
    return found if isinstance(found, dict) else None


def _whole(value: Any, instead: int) -> int:
    """A whole number that is not negative; fractions arrive as text here."""
    try:
        return max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return instead

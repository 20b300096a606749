"""Text functions for people's queries, in place of built-in ones that can take quadratic time or worse in one step.

SQLite cannot be interrupted within a function. `LIKE` with many wildcards, `instr`, `replace` and the two-argument `trim`
over long texts would hold a thread for minutes; these take time linear in the text (times the pattern at most).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from watchfloor.kernel.limits import QUERY_VALUE_BYTES_MAX

PATTERN_CHARS_MAX = 200
ANY_LETTER_MAX = 20  # `_` in one pattern: each is tried at every place of the text


class _Pattern:
    """A LIKE pattern: runs between the `%`, found from left to right, never tried again."""

    def __init__(self, pattern: str, escape: str) -> None:
        runs: list[str] = [""]
        place = 0
        while place < len(pattern):
            letter = pattern[place]
            if escape and letter == escape and place + 1 < len(pattern):
                place += 1
                runs[-1] += re.escape(pattern[place])
            elif letter == "%":
                runs.append("")
            else:
                runs[-1] += "." if letter == "_" else re.escape(letter)
            place += 1
        compiled = [re.compile(run, re.DOTALL | re.IGNORECASE | re.ASCII) for run in runs]
        self._only = compiled[0] if len(runs) == 1 else None
        self._first, self._middle, self._last = compiled[0], compiled[1:-1], runs[-1]
        self._end = re.compile(runs[-1] + r"\Z", re.DOTALL | re.IGNORECASE | re.ASCII)
        self._last_chars = len(re.sub(r"\\(.)", r"\1", runs[-1], flags=re.DOTALL))

    def matches(self, text: str) -> bool:
        if self._only is not None:
            return self._only.fullmatch(text) is not None
        begun = self._first.match(text)
        if begun is None:
            return False
        place = begun.end()
        for run in self._middle:
            found = run.search(text, place)
            if found is None:
                return False
            place = found.end()
        at = len(text) - self._last_chars
        return at >= place and self._end.match(text, at) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, escape: str) -> _Pattern:
    return _Pattern(pattern, escape)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def like(pattern: Any, text: Any, escape: Any = "") -> int | None:
    """`text LIKE pattern [ESCAPE escape]`: ASCII letters of either case are the same."""
    if pattern is None or text is None or escape is None:
        return None
    if len(_text(pattern)) > PATTERN_CHARS_MAX or _text(pattern).count("_") > ANY_LETTER_MAX:
        raise ValueError("the pattern is too long")
    return int(_compiled(_text(pattern), _text(escape)).matches(_text(text)))


def instr(text: Any, part: Any) -> int | None:
    """Where `part` begins in `text`, from 1; 0: nowhere."""
    return None if text is None or part is None else _text(text).find(_text(part)) + 1


def replace(text: Any, old: Any, new: Any) -> str | None:
    """`text` with every `old` as `new`."""
    if text is None or old is None or new is None:
        return None
    whole, part, put = _text(text), _text(old), _text(new)
    if not part:
        return whole
    if len(whole) + whole.count(part) * (len(put) - len(part)) > QUERY_VALUE_BYTES_MAX:
        raise ValueError("the text becomes too long")
    return whole.replace(part, put)


def _stripping(strip: Callable[[str, str], str]) -> Callable[..., str | None]:
    def stripped(text: Any, letters: Any = " ") -> str | None:
        if text is None or letters is None:
            return None
        return strip(_text(text), "".join(dict.fromkeys(_text(letters))))

    return stripped


FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("like", 2, like),
    ("like", 3, like),
    ("instr", 2, instr),
    ("replace", 3, replace),
    *(
        (name, arguments, _stripping(strip))
        for name, strip in (("trim", str.strip), ("ltrim", str.lstrip), ("rtrim", str.rstrip))
        for arguments in (1, 2)
    ),
)

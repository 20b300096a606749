"""Plain data of a policy file, from the part of YAML that can be read in one way only (spec 3.6, faults J5 and J6).

Theory of operation
-------------------
Only PyYAML's *parser* is used, never a loader: it gives events, and this module makes the data. So no tag builds an
object, no alias multiplies, no merge key hides a value, no key is there twice, and no word turns into a number, a date
or a truth value that its author did not mean: what YAML 1.1 and 1.2 read differently must be quoted. Texts are NFC.
Depth, length and the number of values are bounded before anything is built. Every value knows its line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NoReturn

import msgspec
import yaml

from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.kernel.strict import pointer_escape
from watchfloor.policy.faults import Fault, PolicyInvalid

TEXT_CHARS_MAX = 256 * 1024
DEPTH_MAX = 16
VALUES_MAX = 20_000

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,19})\Z")
# What one of the two YAML versions takes for a number, a truth value or a null, and the other does not.
_NUMERIC = re.compile(r"[-+]?(\.?[0-9][0-9_]*([.eExXoO:][0-9a-fA-F_.:eE+-]*)?|\.(inf|nan))\Z", re.IGNORECASE)
_WORDS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null", "~"})
_MEANT: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


_Node = yaml.ScalarEvent | yaml.CollectionStartEvent


class _Open(msgspec.Struct):
    """A collection being read; `key` is the member waiting for its value, None between members."""

    value: dict[str, object] | list[object]
    path: str
    key: str | None = None


def read(text: str) -> tuple[object, dict[str, int]]:
    """The plain data of the text (dict, list, str, int, bool, None), and the line of each value by JSON pointer.

    Raises PolicyInvalid with the first fault; an empty text is an empty document, {}.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise PolicyInvalid((Fault("/", f"{len(text)} characters, at most {TEXT_CHARS_MAX}"),))
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        what = str(getattr(error, "problem", None) or "unreadable characters")
        raise PolicyInvalid((Fault("/", f"not YAML: {what}", line),)) from error
    return builder.document, builder.lines


def ambiguous(word: str) -> bool:
    """Would some version of YAML take the plain word for something else than text?"""
    return word.lower() in _WORDS or not word or _NUMERIC.match(word) is not None


def _events(text: str) -> Iterator[yaml.Event]:
    return iter(yaml.parse(text, Loader=yaml.SafeLoader))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


class _Builder:
    """Takes the parser's events one by one; iterative, so that nesting never costs stack."""

    def __init__(self) -> None:
        self.document: object = {}
        self.lines: dict[str, int] = {}
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = _line(event)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse("/", "one document a file", line)
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(self._here(), "no aliases: write the value out", line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._node(event, line)

    def _node(self, event: _Node, line: int) -> None:
        if event.anchor is not None:
            self._refuse(self._here(), "no anchors: write the value out", line)
        if event.tag is not None:
            self._refuse(self._here(), "no tags", line)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._name(top, event, line)
            return
        path = self._here()
        if len(self.lines) >= VALUES_MAX:
            self._refuse(path, f"more than {VALUES_MAX} values", line)
        self.lines[path] = line
        value = self._value(event, path, line)
        if top is None:
            self.document = value
        elif isinstance(top.value, list):
            top.value.append(value)
        else:
            assert top.key is not None
            top.value[top.key] = value
            top.key = None
        if isinstance(value, dict | list):
            if len(self._open) >= DEPTH_MAX:
                self._refuse(path, f"nested deeper than {DEPTH_MAX}", line)
            self._open.append(_Open(value, path))

    def _name(self, top: _Open, event: _Node, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(top.path, "names of members are texts", line)
        key = unicodedata.normalize("NFC", event.value)
        if key == "<<" and event.style is None:  # quoted it is a name like any other
            self._refuse(top.path, "no merge keys: write the members out", line)
        # A plain `on:` or `1:` is a name here as it is written; values alone are ambiguous.
        if key in top.value:
            self._refuse(_below(top.path, pointer_escape(key)), "is there twice", line)
        top.key = key

    def _value(self, event: _Node, path: str, line: int) -> object:
        if isinstance(event, yaml.MappingStartEvent):
            return {}
        if isinstance(event, yaml.SequenceStartEvent):
            return []
        assert isinstance(event, yaml.ScalarEvent)
        text: str = event.value
        if event.style is not None:
            return unicodedata.normalize("NFC", text)
        if text in _MEANT:
            return _MEANT[text]
        if _INTEGER.match(text):
            number = int(text)
            if not -INTEGER_MAX <= number <= INTEGER_MAX:
                self._refuse(path, "integers lie within ±(2^53-1)", line)
            return number
        if _NUMERIC.match(text):
            self._refuse(path, f"numbers are decimal integers; quote the text {text!r} if it is one", line)
        if ambiguous(text):
            self._refuse(path, f"write true, false or null, or quote the text {text!r}", line)
        return unicodedata.normalize("NFC", text)

    def _here(self) -> str:
        if not self._open:
            return "/"
        top = self._open[-1]
        step = str(len(top.value)) if isinstance(top.value, list) else pointer_escape(top.key or "")
        return _below(top.path, step)

    def _refuse(self, path: str, what: str, line: int) -> NoReturn:
        raise PolicyInvalid((Fault(path, what, line),))


def _below(path: str, step: str) -> str:
    return f"{path.rstrip('/')}/{step}"

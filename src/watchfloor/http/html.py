"""HTML that escapes by default: a page is made of `tag(…)` calls, never of strings (faults I1, I2, I6).

Text children are escaped and odd characters shown: control, bidirectional and zero-width characters appear as a
marked `U+202E`, so that nobody reads something else than what will run. Only `Safe` passes unchanged, and only this
module makes it. Links and form targets are local paths; anything else is refused when the page is built.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from html import escape

VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))
BLANK_LINES_MAX = 3  # longer runs are folded: nothing is pushed out of sight
SPACES_MAX = 60
_LOCAL = re.compile(r"^(?:/(?![/\\])|#)[^\\\x00-\x20]*$")
_URL_ATTRIBUTES = frozenset(("href", "src", "action"))
_NAME = re.compile(r"^[a-z][a-z0-9-]*$")
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
_BLANK_RUN = re.compile(rf"\n(?:[ \t]*\n){{{BLANK_LINES_MAX + 1},}}")
_SPACE_RUN = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]{" + f"{SPACES_MAX + 1}" + ",}")


class Safe(str):
    """HTML made by this module."""

    __slots__ = ()


Child = str | int | None | bool | Iterable["Child"]


def text(value: str) -> Safe:
    """Escaped text with odd characters shown as marks."""
    return Safe(_ODD.sub(_mark, escape(value, quote=True)))


def _mark(found: re.Match[str]) -> str:
    code = ord(found.group())
    name = unicodedata.name(found.group(), "control character")
    return f'<span class="odd" title="{escape(name)}">U+{code:04X}</span>'


def plain(value: str) -> str:
    """Odd characters as `⟨U+202E⟩` in plain text, for attributes and files."""
    return _ODD.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", value)


def spelled(value: str) -> str:
    """JSON text with its odd characters written as escapes: it reads the same, and nothing in it is out of sight."""
    return _ODD.sub(lambda found: json.dumps(found.group())[1:-1], value)


def verbatim(value: str) -> Safe:
    """Text for a field that people edit: escaped, and not marked, since it comes back as it stands."""
    return Safe(escape(value, quote=True))


def folded(value: str) -> str:
    """The text with long runs of empty lines and of spaces named instead of shown (fault I2)."""
    value = value.replace("\r\n", "\n")
    value = _BLANK_RUN.sub(lambda run: f"\n⟨{run.group().count(chr(10)) - 1} empty lines⟩\n", value)
    return _SPACE_RUN.sub(lambda run: f" ⟨{len(run.group())} spaces⟩ ", value)


def capped(value: str, chars_max: int) -> tuple[str, int]:
    """The beginning of the text and how many characters were left out."""
    return (value, 0) if len(value) <= chars_max else (value[:chars_max], len(value) - chars_max)


def mixed_alphabets(value: str) -> bool:
    """Does one word mix Latin letters with Cyrillic or Greek ones, as look-alike names do?"""
    if value.isascii():
        return False
    for word in re.findall(r"[^\W\d_]+", value):
        scripts = {unicodedata.name(letter, "?").split(" ", 1)[0] for letter in word}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return True
    return False


def render(child: Child) -> str:
    """Any child as HTML."""
    if child is None or child is False or child is True:
        return ""
    if isinstance(child, Safe):
        return child
    if isinstance(child, str):
        return text(child)
    if isinstance(child, int):
        return str(child)
    return "".join(render(item) for item in child)


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Safe:
    """One element. `class_` and `for_` lose their underscore, other underscores become dashes; False and None are left out.

    Raises ValueError for a name that is none, and for a link that is not a local path.
    """
    if not _NAME.match(name):
        raise ValueError(f"not an element: {name!r}")
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        if not _NAME.match(attribute) or attribute.startswith("on") or attribute == "style":
            raise ValueError(f"not an attribute here: {attribute!r}")
        if attribute in _URL_ATTRIBUTES and not _LOCAL.match(str(value)):
            raise ValueError(f"{attribute} is not a local path")
        written.append(
            f" {attribute}" if value is True else f' {attribute}="{escape(plain(str(value)), quote=True)}"'
        )
    opening = f"<{name}{''.join(written)}>"
    if name in VOID:
        return Safe(opening)
    return Safe(f"{opening}{render(children)}</{name}>")


def join(children: Iterable[Child]) -> Safe:
    """Children one after the other."""
    return Safe(render(list(children)))


def foreign(value: str, chars_max: int) -> Safe:
    """Text written by an agent or another outsider: folded, capped, isolated from the page's reading direction."""
    shown, left = capped(folded(value), chars_max)
    more = tag("span", f" … {left} more characters", class_="more") if left else None
    return tag("bdi", shown, more)

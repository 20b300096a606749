"""Names, hosts and paths as the gate compares them (spec 03 §3.1 rule 3, DESIGN 2b.11, faults G9 and I2).

Theory of operation
-------------------
*Names* (action types, tools) are compared after NFKC, case folding and trimming: `fold`. What the policy knows is
known only in exactly that form; every other name is unknown, which is the strictest there is. A name that a person
could take for a known one (invisible characters, a Cyrillic letter in a Latin word) is *ambiguous*, and ambiguity
is denied, because the envelope could otherwise be walked around by looks alone.

*Hosts* and *paths* are taken apart lexically and compared by component: `evil-example.com` is not inside
`example.com`, `/etcetera` not inside `/etc`. What two programs could read differently (user parts, odd spellings of
addresses, escapes, back-slashes, `..` above the start) is ambiguous. Nothing here asks the world: what a link or a
name server makes of it, the executor resolves at start and attests.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address

# Letters of other scripts that look like Latin ones, by hand from their shapes (Cyrillic, Greek, Armenian, IPA).
# Digits and Latin pairs (rn, vv) are left alone: they only make an unknown name, which is treated strictest anyway.
_SHAPES = {
    "a": "\u0430\u03b1\u0251", "b": "\u0432", "c": "\u0441", "d": "\u0501", "e": "\u0435\u03b5\u212e",
    "g": "\u0581\u0261", "h": "\u04bb\u043d\u0570", "i": "\u0456\u03b9\u0131", "j": "\u0458\u03f3\u0237",
    "k": "\u043a\u03ba", "l": "\u04cf", "m": "\u043c", "n": "\u043f\u0578", "o": "\u043e\u03bf\u0585",
    "p": "\u0440\u03c1", "q": "\u051b", "r": "\u0433", "s": "\u0455", "t": "\u0442\u03c4", "u": "\u03c5\u057d",
    "v": "\u0475\u03bd", "w": "\u051d", "x": "\u0445\u03c7", "y": "\u0443\u03b3", "-": "\u2010\u2011\u2012\u2013\u2014\u2212",
}  # fmt: skip
_LOOKALIKES = str.maketrans({shape: letter for letter, shapes in _SHAPES.items() for shape in shapes})
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Fill nothing on the screen although their category says letter or symbol (Hangul fillers, blank braille).
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")


def fold(name: str) -> str:
    """The name as it is compared and recorded: NFKC, case folding, no blanks at the ends. Idempotent, result is NFC."""
    if name.isascii():
        return name.strip().lower()
    folded = unicodedata.normalize("NFKC", name).casefold().strip()
    return unicodedata.normalize("NFKC", folded)


def invisible(name: str) -> bool:
    """Does the name hold characters nobody can see, or that turn the text around?"""
    if name.isascii():
        return not name.isprintable()
    return any(unicodedata.category(char) in _INVISIBLE or char in _BLANK for char in name)


def skeleton(name: str) -> str:
    """What a person would read: folded, without invisible characters and accents, look-alikes as Latin letters."""
    folded = fold(name)
    if folded.isascii():
        return folded
    bare = "".join(
        char
        for char in unicodedata.normalize("NFKD", folded)
        if unicodedata.category(char) not in _INVISIBLE
        and unicodedata.category(char) not in ("Mn", "Me")
        and char not in _BLANK
    )
    return fold(bare.translate(_LOOKALIKES))


_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*\Z", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_\-]{1,63}\Z")
_TEXT_MAX = 4096  # longer is neither a host nor a path that two programs agree about
_NAT64 = 0x0064FF9B << 96  # 64:ff9b::/96, RFC 6052: an IPv4 address in disguise


def host_of(text: str) -> str | None:
    """The host of a URL or of `host[:port]`, lower case, addresses in their one canonical spelling. None: ambiguous."""
    if not 0 < len(text) <= _TEXT_MAX or not text.isascii() or not text.isprintable() or " " in text:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator:
        rest = text
    elif _SCHEME.match(scheme) is None:
        return None
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].lower()
    if any(char in authority for char in "@%\\"):
        return None
    if authority.startswith("["):
        address, bracket, port = authority[1:].partition("]")
        return _sixth(address) if bracket and _is_port(port) else None
    host, colon, port = authority.partition(":")
    if not _is_port(colon + port):
        return None
    return _named(host.removesuffix("."))


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and text[1:].isdigit() and len(text) <= 6)


def _named(host: str) -> str | None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        return None
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        # Programs read 0x7f.1, 0177.0.0.1 and 2130706433 as 127.0.0.1, others do not: only one spelling passes.
        try:
            return str(IPv4Address(host))
        except ValueError:
            return None
    return host


def _sixth(text: str) -> str | None:
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    inner = int(address) & 0xFFFFFFFF
    if (
        address.ipv4_mapped is not None
        or int(address) - inner == _NAT64
        or 0xFFFF < int(address) <= 0xFFFFFFFF
    ):
        return str(IPv4Address(inner))
    return address.compressed


def zones(host: str) -> tuple[str, ...]:
    """The host and every zone it lies in, by component: `a.b.c`, `b.c`, `c`. An address lies in itself only."""
    if ":" in host or host.rsplit(".", 1)[-1].isdigit():
        return (host,)
    labels = host.split(".")
    return tuple(".".join(labels[index:]) for index in range(len(labels)))


def path_of(text: str) -> str | None:
    """The path without `.`, `..` and doubled slashes, absolute or relative as it was; `.` for the start. None: ambiguous."""
    if not 0 < len(text) <= _TEXT_MAX or invisible(text) or _UNCLEAR.search(text) is not None:
        return None
    steps: list[str] = []
    for step in text.split("/"):
        if step == "..":
            if not steps:
                return None
            steps.pop()
        elif step not in ("", "."):
            # A full-width slash or a two-dot leader is a separator to whoever folds before looking.
            if step != step.strip() or (not step.isascii() and _folds_to_syntax(step)):
                return None
            steps.append(step)
    return ("/" if text.startswith("/") else "") + "/".join(steps) or "."


# A home, a host, a drive at the start; a URL, shell syntax or an escape anywhere. One search: a third of the time of six.
_UNCLEAR = re.compile(r"\A(?:~|//|[A-Za-z]:)|[\\*?`$]|://|%[0-9a-fA-F]{2}")


def _folds_to_syntax(step: str) -> bool:
    folded = fold(step)
    return folded in ("", ".", "..") or any(char in folded for char in "/\\*?$%:~")


def folders(path: str) -> tuple[str, ...]:
    """A normal path and every folder it lies in, by component: `/a/b`, `/a`, `/`; `a/b`, `a`, `.`."""
    found = [path]
    end = path.rfind("/", 1)
    while end > 0:
        found.append(path[:end])
        end = path.rfind("/", 1, end)
    root = "/" if path[0] == "/" else "."
    return tuple(found) if path == root else (*found, root)

"""Which actions a loosened policy affects: selectors that an event records and that votes are judged by (spec 3.2)."""

from __future__ import annotations

import unicodedata

EVERYTHING = "*"


def affects(selectors: tuple[str, ...], action_type: str, tool: str, cls: str, level: int) -> bool:
    """Is an action of this type, tool, class and level among what was loosened?"""
    return bool(selectors) and not {
        EVERYTHING,
        f"type:{action_type}",
        f"tool:{tool}",
        f"class:{cls}",
        f"level:{level}",
    }.isdisjoint(selectors)


def plain(name: str) -> bool:
    """Is the name written as names of actions and tools are recorded: NFKC, case folded, no blanks around it?"""
    return unicodedata.normalize("NFKC", name).casefold().strip() == name

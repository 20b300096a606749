"""Which actions a loosened policy affects: selectors that an event records and that votes are judged by (spec 3.2)."""

from __future__ import annotations

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

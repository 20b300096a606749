"""What a change of the policy makes looser, as the actions it affects (spec 3.2 *Separation of duties*)."""

from __future__ import annotations

from watchfloor.kernel.loosening import EVERYTHING, plain
from watchfloor.kernel.terms import Policy
from watchfloor.policy.difference import differences

SELECTORS_MAX = 32
_KINDS = {"types": "type", "tools": "tool", "classes": "class"}
_LEVELS = {"confirm": 2, "approve": 3, "committee": 4}
# How fast agents may ask, what they may hand on, who hears of a decision: nothing of this decides on an action.
_HARMLESS = ("rates", "delegation")
_TOLD = ("tell", "warn_permille", "ladder", "backups")


def affected(before: Policy, after: Policy) -> tuple[str, ...]:
    """Selectors of what was loosened, sorted; empty when nothing was. What is hard to tell affects everything."""
    found = {
        _selector(difference.path.split("/")[1:])
        for difference in differences(before, after)
        if difference.loosens
    }
    found.discard("")
    if EVERYTHING in found or len(found) > SELECTORS_MAX:
        return (EVERYTHING,)
    return tuple(sorted(found))


def _selector(steps: list[str]) -> str:
    section = steps[0]
    if section in _HARMLESS or steps[:2] == ["notices", "alerts"]:
        return ""
    if section == "routing" and any(step in _TOLD for step in steps[1:]):
        return ""
    if section == "modes" and len(steps) > 2 and steps[1] == "types":
        section, steps = "types", steps[1:]
    if section in _KINDS and len(steps) > 1:
        name = steps[1].replace("~1", "/").replace("~0", "~")
        # Actions are recorded by the folded name; one written otherwise would be found in none of them.
        return f"{_KINDS[section]}:{name}" if plain(name) else EVERYTHING
    if section == "tribunal":
        return "level:2"  # nothing else is decided by it
    if section == "routing" and len(steps) > 1 and steps[1] in _LEVELS:
        return f"level:{_LEVELS[steps[1]]}"
    return EVERYTHING

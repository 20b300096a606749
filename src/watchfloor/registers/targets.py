"""Where each agent has been: coarse zones of the hosts and paths it was permitted (spec 3.1 rule 9 *novel target*).

Cell: `touched` by agent, the newest ZONES_MAX zones (actions/targets.py) in the order they were first permitted.
"""

from __future__ import annotations

from watchfloor.actions.messages import ActionDecided, ActionGranted
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

ZONES_MAX = 64
Cells = list[tuple[str, object, object]]


def _decided(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict != "permitted" or not facts.derived.zones:
        return []
    return _touch(facts.agent, facts.derived.zones, read)


def _granted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionGranted)
    action = read("action", event.subject)
    return _touch(facts.agent, action.zones, read) if action is not None and action.zones else []


def _touch(agent: int, zones: tuple[int, ...], read: Read) -> Cells:
    known: tuple[int, ...] = read("touched", agent) or ()
    new = tuple(zone for zone in zones if zone not in known)
    return [("touched", agent, (*known, *new)[-ZONES_MAX:])] if new else []


REGISTER = Register(
    name="targets",
    cells={"touched": tuple[int, ...]},
    folds={ActionDecided: _decided, ActionGranted: _granted},
)

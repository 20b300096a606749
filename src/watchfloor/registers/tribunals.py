"""Which agents may be asked to judge, and which tribunal advises on what (spec 3.2 *Tribunal*).

Cells: `validators` by "all" → agents registered with the capability, in order; `convened` by decision → its
tribunal waits for votes; `asked` by agent → the decisions whose tribunals wait for its vote.
"""

from __future__ import annotations

from watchfloor.councils.tribunal_messages import (
    TribunalConvened,
    TribunalDissolved,
    TribunalRuled,
    TribunalVoted,
)
from watchfloor.fleet.messages import AgentRegistered, AgentRetired
from watchfloor.kernel.limits import VALIDATORS_MAX
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

Cells = list[tuple[str, object, object]]
CAPABILITY = "validate"  # what an agent must be registered with to be asked


def _registered(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    known: tuple[int, ...] = read("validators", "all") or ()
    if CAPABILITY not in facts.capabilities or event.subject in known or len(known) >= VALIDATORS_MAX:
        return []
    return [("validators", "all", (*known, event.subject))]


def _retired(event: Event, read: Read) -> Cells:
    known: tuple[int, ...] = read("validators", "all") or ()
    if event.subject not in known:
        return []
    return [("validators", "all", tuple(one for one in known if one != event.subject))]


def _convened(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TribunalConvened)
    cells: Cells = [("convened", event.subject, True)]
    for member in facts.members:
        asked: tuple[int, ...] = read("asked", member.agent) or ()
        if event.subject not in asked:
            cells.append(("asked", member.agent, (*asked, event.subject)))
    return cells


def _voted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TribunalVoted)
    return _done(event.subject, (facts.agent,), read)


def _over(event: Event, read: Read) -> Cells:
    """Late votes are taken still, but nobody is waited for."""
    tribunal = read("tribunal", event.subject)
    members = tribunal.members if tribunal is not None else ()
    cells = _done(event.subject, tuple(member.agent for member in members), read)
    return [("convened", event.subject, None), *cells]


def _done(tribunal: int, agents: tuple[int, ...], read: Read) -> Cells:
    cells: Cells = []
    for agent in agents:
        asked: tuple[int, ...] = read("asked", agent) or ()
        if tribunal in asked:
            cells.append(("asked", agent, tuple(one for one in asked if one != tribunal) or None))
    return cells


REGISTER = Register(
    name="tribunals",
    cells={"validators": tuple[int, ...], "convened": bool, "asked": tuple[int, ...]},
    folds={
        AgentRegistered: _registered,
        AgentRetired: _retired,
        TribunalConvened: _convened,
        TribunalVoted: _voted,
        TribunalRuled: _over,
        TribunalDissolved: _over,
    },
)

"""Which domains an agent may have to supervise (spec 2.3).

Cells: `supervises` by agent → domains it is primary or backup of; `domains` by name → the domain.
"""

from __future__ import annotations

from typing import Any

from watchfloor.fleet.supervision import Supervision
from watchfloor.fleet.supervision_messages import SupervisionArranged, SupervisionEnded
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

Cells = list[tuple[str, object, object]]


def _arranged(event: Event, read: Read) -> Cells:
    """The domain's state is folded already, so agents that are no longer named are found by their own cells."""
    facts = event.facts
    assert isinstance(facts, SupervisionArranged)
    named = (facts.primary, *facts.backups)
    before: tuple[int, ...] = read("candidates", event.subject) or ()
    cells: Cells = [("domains", facts.domain, event.subject), ("candidates", event.subject, named)]
    for agent in dict.fromkeys((*before, *named)):
        cells += _entered(agent, event.subject, agent in named, read)
    return cells


def _ended(event: Event, read: Read) -> Cells:
    state: Supervision | None = read("supervision", event.subject)
    before: tuple[int, ...] = read("candidates", event.subject) or ()
    cells: Cells = [("candidates", event.subject, None)]
    if state is not None and read("domains", state.domain) == event.subject:
        cells.append(("domains", state.domain, None))
    for agent in before:
        cells += _entered(agent, event.subject, False, read)
    return cells


def _entered(agent: int, domain: int, named: bool, read: Read) -> Cells:
    domains: tuple[int, ...] = read("supervises", agent) or ()
    if named == (domain in domains):
        return []
    left = (*domains, domain) if named else tuple(other for other in domains if other != domain)
    return [("supervises", agent, left or None)]


REGISTER = Register(
    name="supervision",
    cells={"supervises": tuple[int, ...], "domains": int, "candidates": tuple[int, ...]},
    folds={SupervisionArranged: _arranged, SupervisionEnded: _ended},
)


def domains_of(agent: int, read: Read) -> list[tuple[int, Any]]:
    """(subject, state) of the domains this agent is named in."""
    found = ((subject, read("supervision", subject)) for subject in read("supervises", agent) or ())
    return [(subject, state) for subject, state in found if state is not None and not state.ended]

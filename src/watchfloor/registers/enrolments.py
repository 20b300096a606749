"""How often each enrolment token was used (spec 2.1). Cell `enrolment_use` by the token's subject.

A use is a registration that names the token; nothing else spends one.
"""

from __future__ import annotations

import msgspec

from watchfloor.fleet.messages import AgentRegistered
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register


class EnrolmentUse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`count` registrations, the newest at `seq`."""

    count: int = 0
    seq: int = 0


_UNUSED = EnrolmentUse()


def _registered(event: Event, read: Read) -> list[tuple[str, object, object]]:
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    if not facts.enrolment:
        return []
    use: EnrolmentUse = read("enrolment_use", facts.enrolment) or _UNUSED
    if event.seq <= use.seq:
        return []
    return [("enrolment_use", facts.enrolment, EnrolmentUse(use.count + 1, event.seq))]


REGISTER = Register(
    name="enrolments", cells={"enrolment_use": EnrolmentUse}, folds={AgentRegistered: _registered}
)

"""Which agents may be asked to judge, and who is still waited for (spec 3.2 *Tribunal*)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.laws.any_facts import as_event

from watchfloor.councils.tribunal_messages import (
    TribunalConvened,
    TribunalDissolved,
    TribunalRuled,
    TribunalVoted,
    Validator,
)
from watchfloor.councils.tribunals import TRIBUNAL
from watchfloor.fleet.messages import AgentRegistered, AgentRetired
from watchfloor.kernel.limits import VALIDATORS_MAX
from watchfloor.kernel.messages import Facts
from watchfloor.registers.tribunals import CAPABILITY, REGISTER


class Cells(dict[tuple[str, Any], Any]):
    """Cells as the engine keeps them, with the one tribunal's state."""

    def look(self, name: str, key: Any) -> Any:
        return self.get((name, key))

    def see(self, facts: Facts, subject: int = 1) -> None:
        event = as_event(facts, seq=len(self) + 1, at=1)
        event = type(event)(**{**{f: getattr(event, f) for f in event.__struct_fields__}, "subject": subject})
        if type(facts) in TRIBUNAL.evolve:
            key = ("tribunal", subject)
            self[key] = TRIBUNAL.evolve[type(facts)](self.get(key), event)
        for name, key, value in REGISTER.folds[type(facts)](event, self.look):
            self[name, key] = value


def registered(*capabilities: str) -> AgentRegistered:
    return AgentRegistered(
        capabilities=capabilities,
        credential="key_1",
        expires_at=0,
        name="a",
        nonce=1,
        owner="system",
        tools=(),
        type="x",
        version="1",
    )


def convened() -> TribunalConvened:
    return TribunalConvened(
        action=41,
        agent=7,
        confidence_min_milli=300,
        deadline_at=99,
        decides="never",
        level=3,
        majority_permille=667,
        members=(Validator(11, "per_ann", 800), Validator(12, "per_ben", 800)),
        votes_min=2,
    )


RULED = TribunalRuled(
    action=41, against=0, agent=7, complete=False, consensus="no_quorum", recommendation="", weight=0
)
VOTED = TribunalVoted(agent=11, confidence_milli=1, late=False, score=1, vote="deny", weight=0)


def test_agents_with_the_capability_are_known_until_they_retire() -> None:
    cells = Cells()
    cells.see(registered("work"), 10)
    cells.see(registered("work", CAPABILITY), 11)
    cells.see(registered(CAPABILITY), 12)
    cells.see(registered(CAPABILITY), 12)
    assert cells.look("validators", "all") == (11, 12)
    cells.see(AgentRetired(reason=""), 10)
    cells.see(AgentRetired(reason=""), 11)
    assert cells.look("validators", "all") == (12,)


def test_no_more_validators_are_kept_than_are_looked_at() -> None:
    cells = Cells()
    for number in range(1, VALIDATORS_MAX + 2):
        cells.see(registered(CAPABILITY), number)
    assert len(cells.look("validators", "all")) == VALIDATORS_MAX


@pytest.mark.parametrize("end", [RULED, TribunalDissolved(agent=7)])
def test_members_are_waited_for_until_they_have_voted_or_it_is_over(end: Facts) -> None:
    cells = Cells()
    cells.see(convened())
    cells.see(convened())
    assert (cells.look("asked", 11), cells.look("asked", 12)) == ((1,), (1,))
    assert cells.look("convened", 1)
    cells.see(VOTED)
    cells.see(VOTED)
    assert (cells.look("asked", 11), cells.look("asked", 12)) == (None, (1,))
    cells.see(end)
    assert (cells.look("asked", 12), cells.look("convened", 1)) == (None, None)
    cells.see(end, 2)
    assert cells.look("convened", 2) is None

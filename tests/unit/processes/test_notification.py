"""What people have to hear of has one effect, a function of the event alone."""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import StopRecorded
from watchfloor.fleet.messages import AgentConnected, AgentDisconnected
from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.people.messages import TellOwner, TellPeople
from watchfloor.processes import effects_of
from watchfloor.trust.messages import TrustReassessed


def happened(facts: Facts) -> Event:
    return Event(
        org="org_1", seq=1, at=1, type=facts.TYPE, kind=facts.KIND, subject=1, actor=SYSTEM, facts=facts
    )


def test_a_stop_is_told_and_a_connection_is_not() -> None:
    stop = StopRecorded(effective_at=1, journal="j", nonce=1, reason="", scope="organisation", target="")
    assert effects_of(happened(stop)) == [TellPeople(destination="people")]
    assert effects_of(happened(AgentConnected(node="n", session="s"))) == []


def test_news_in_masses_has_a_queue_of_its_own() -> None:
    assert effects_of(happened(AgentDisconnected(reason="lost", session="s"))) == [
        TellOwner(destination="owner")
    ]


def test_another_tier_is_told_and_another_score_is_not() -> None:
    facts = TrustReassessed(moves_at=0, score=590, score_before=610, tier=2, tier_before=3)
    assert effects_of(happened(facts)) == [TellOwner(destination="owner")]
    assert effects_of(happened(msgspec.structs.replace(facts, tier_before=2))) == []

"""Laws of folding (DESIGN §1): total under any order of events, and deaf to what it has heard."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.any_facts import streams
from tests.transcripts.world import SUBJECTS

from watchfloor.actions.bypass_messages import BypassOpened
from watchfloor.actions.dry_runs import DryRunJudged
from watchfloor.actions.messages import ActionDecided, BreakerOpened, StandingGranted, StopRecorded
from watchfloor.conversations.messages import ChannelOpened, ChatOpened, MessageSent
from watchfloor.councils.messages import DecisionOpened
from watchfloor.councils.schedule_messages import ScheduleSet
from watchfloor.councils.tribunal_messages import TribunalConvened
from watchfloor.fleet.messages import AgentRegistered, EnrolmentIssued
from watchfloor.fleet.supervision_messages import SupervisionArranged
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.subject import Subject, fold
from watchfloor.people.messages import OrganisationFounded, PersonJoined
from watchfloor.policy.messages import PolicyApplied
from watchfloor.situation.messages import AlertRaised
from watchfloor.trust.anomaly_messages import AnomalyFound
from watchfloor.trust.messages import TrustChanged
from watchfloor.work.budget_messages import BudgetSet
from watchfloor.work.messages import TaskSubmitted

BEGINNINGS: dict[str, type[Facts]] = {
    "agent": AgentRegistered,
    "task": TaskSubmitted,
    "organisation": OrganisationFounded,
    "person": PersonJoined,
    "decision": DecisionOpened,
    "action": ActionDecided,
    "stop": StopRecorded,
    "standing": StandingGranted,
    "bypass": BypassOpened,
    "dry_run": DryRunJudged,
    "breaker": BreakerOpened,
    "trust": TrustChanged,
    "anomaly": AnomalyFound,
    "alert": AlertRaised,
    "policy": PolicyApplied,
    "budget": BudgetSet,
    "schedule": ScheduleSet,
    "tribunal": TribunalConvened,
    "supervision": SupervisionArranged,
    "enrolment": EnrolmentIssued,
    "chat": ChatOpened,
    "mailbox": MessageSent,
    "channel": ChannelOpened,
}


KINDS = pytest.mark.parametrize("kind", sorted(SUBJECTS))


def test_every_kind_of_subject_is_looked_at() -> None:
    assert BEGINNINGS.keys() == SUBJECTS.keys()


@KINDS
@given(st.data())
def test_any_events_leave_a_state_that_can_be_asked_and_stored_and_is_deaf_to_what_it_has_heard(
    kind: str, data: st.DataObject
) -> None:
    """Three laws of the same streams, because drawing one takes longer than folding it."""
    subject, begin = SUBJECTS[kind], BEGINNINGS[kind]
    events = data.draw(streams(subject.evolve, begin=begin))
    once = in_any_order_a_state_can_be_asked(subject, events)
    if once is not None:
        stored = msgspec.msgpack.encode(once)
        assert msgspec.msgpack.decode(stored, type=subject.state) == once, "a state survives a snapshot"
    twice = fold(subject, [event for event in events for _ in range(2)])
    assert twice == once, "an event shown again at once changes nothing"
    if events and once is not None:
        again = data.draw(st.lists(st.sampled_from(events), max_size=5))
        taken_up = [event for event in again if event.seq <= once.seq]
        assert fold(subject, taken_up, once) == once, "an event shown again later changes nothing"


def in_any_order_a_state_can_be_asked(subject: Subject, events: list[Event]) -> Any:
    """The state after these events; after each it answers what is asked of states."""
    state = None
    for event in events:
        state = subject.evolve[type(event.facts)](state, event)
        if state is not None:
            assert isinstance(state, subject.state)
            assert subject.due(state) >= 0
            assert subject.live(state) in (True, False)
            if subject.due(state):
                assert subject.overdue(1, state, subject.due(state)) is not None
    return state

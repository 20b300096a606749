"""Laws of folding (DESIGN §1): total under any order of events, and deaf to what it has heard."""

from __future__ import annotations

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
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.subject import fold
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
def test_any_events_in_any_order_leave_a_state_that_can_be_asked(kind: str, data: st.DataObject) -> None:
    subject, state = SUBJECTS[kind], None
    begin = BEGINNINGS[kind]
    for event in data.draw(streams(subject.evolve, begin=begin)):
        state = subject.evolve[type(event.facts)](state, event)
        if state is not None:
            assert isinstance(state, subject.state)
            assert subject.due(state) >= 0
            assert subject.live(state) in (True, False)
            if subject.due(state):
                assert subject.overdue(1, state, subject.due(state)) is not None


@KINDS
@given(st.data())
def test_an_event_shown_again_at_once_or_later_changes_nothing(kind: str, data: st.DataObject) -> None:
    subject = SUBJECTS[kind]
    events = data.draw(streams(subject.evolve, begin=BEGINNINGS[kind]))
    once = fold(subject, events)
    assert fold(subject, [event for event in events for _ in range(2)]) == once
    if events:
        again = data.draw(st.lists(st.sampled_from(events), max_size=5))
        taken_up = [event for event in again if once is not None and event.seq <= once.seq]
        assert fold(subject, taken_up, once) == once


@KINDS
@given(st.data())
def test_a_state_survives_a_snapshot(kind: str, data: st.DataObject) -> None:
    subject = SUBJECTS[kind]
    state = fold(subject, data.draw(streams(subject.evolve, begin=BEGINNINGS[kind])))
    if state is not None:
        stored = msgspec.msgpack.encode(state)
        assert msgspec.msgpack.decode(stored, type=subject.state) == state

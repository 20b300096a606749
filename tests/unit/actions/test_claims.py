"""What an agent says an execution cost, and how much of it counts (decision 31)."""

from __future__ import annotations

import pytest
from tests.unit.actions.lives import complete, facts, fail, lost, running, settle, state

from watchfloor.actions.messages import ActionCompleted, ActionFailed, ActionSettled
from watchfloor.kernel.amounts import UNSAID, believed
from watchfloor.kernel.limits import BELIEVED_LEAST, BELIEVED_UNSAID, INTEGER_MAX, OVERRUN_TIMES
from watchfloor.kernel.messages import Actor


@pytest.mark.parametrize("measure", ["money", "tokens"])
def test_as_said_up_to_the_bound_and_no_more_counts_beyond_it(measure: str) -> None:
    least, unsaid = BELIEVED_LEAST[measure], BELIEVED_UNSAID[measure]
    assert believed(measure, least, 0) == (least, 0)
    assert believed(measure, least + 1, 0) == (least, least + 1)
    assert believed(measure, OVERRUN_TIMES * least, least) == (OVERRUN_TIMES * least, 0)
    assert believed(measure, INTEGER_MAX, least) == (OVERRUN_TIMES * least, INTEGER_MAX)
    assert believed(measure, unsaid, UNSAID) == (unsaid, 0)
    assert believed(measure, INTEGER_MAX, UNSAID) == (unsaid, INTEGER_MAX)


@pytest.mark.parametrize("tell", [complete, fail])
def test_an_outcome_counts_up_to_ten_times_its_estimate(tell: type) -> None:
    world = running(cost_micro=500_000)
    (done,) = facts(world, tell(cost_micro=6_000_000, tokens=7))
    assert isinstance(done, ActionCompleted | ActionFailed)
    assert (done.cost_micro, done.claimed_micro) == (5_000_000, 6_000_000)
    assert (done.tokens, done.claimed_tokens) == (7, 0)


def test_where_nobody_estimated_absurd_is_absurd() -> None:
    (done,) = facts(running(), complete(cost_micro=INTEGER_MAX, tokens=INTEGER_MAX))
    assert isinstance(done, ActionCompleted)
    assert (done.cost_micro, done.tokens) == (BELIEVED_UNSAID["money"], BELIEVED_UNSAID["tokens"])
    assert done.claimed_micro == done.claimed_tokens == INTEGER_MAX


def test_a_person_who_settles_is_believed_and_an_agent_is_not() -> None:
    world = lost(cost_micro=500_000)
    assert state(world).status == "unknown"
    (event,) = world.perform(settle(cost_micro=INTEGER_MAX), Actor(kind="agent", id="agt_7"))
    assert isinstance(event.facts, ActionSettled)
    assert (event.facts.cost_micro, event.facts.claimed_micro) == (5_000_000, INTEGER_MAX)
    world = lost(cost_micro=500_000)
    (event,) = world.perform(settle(cost_micro=INTEGER_MAX), Actor(kind="person", id="per_7"))
    assert isinstance(event.facts, ActionSettled)
    assert (event.facts.cost_micro, event.facts.claimed_micro) == (INTEGER_MAX, 0)

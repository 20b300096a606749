"""A person rates a finished task, once, and not of an agent of their own (spec 2.4 *Review*)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World
from tests.unit.work.stages import OTTO, orphaned, reported, running, submitted, task

from watchfloor.kernel.messages import SYSTEM, Actor, Event, Refused
from watchfloor.work.changes import EVOLVE
from watchfloor.work.messages import (
    CancelTask,
    FailTask,
    RecordVerification,
    RetryTask,
    ReviewTask,
    TaskReviewed,
)
from watchfloor.work.reviews import ReviewEvidence
from watchfloor.work.waiting import NO_DEPENDENCIES

ADA = Actor(kind="person", id="per_ada")
OTTOS = ReviewEvidence(owner="per_bob")


def rate(world: World, actor: Actor = ADA, evidence: ReviewEvidence = OTTOS, **fields: Any) -> list[Event]:
    wanted = {"verdict": "positive", "reason": "well done", **fields}
    return world.perform(ReviewTask(subject=1, **wanted), evidence=evidence, actor=actor)


def refusal(world: World, **fields: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        rate(world, **fields)
    return refused.value


def succeeded() -> World:
    world = reported()
    world.perform(RecordVerification(subject=1, generation=1, passed=True))
    return world


def dead() -> World:
    world = running(attempts_max=1)
    world.perform(FailTask(subject=1, agent=OTTO, generation=1))
    return world


def cancelled() -> World:
    world = running()
    world.perform(CancelTask(subject=1))
    return world


@pytest.mark.parametrize("finished", [succeeded, dead, cancelled])
@pytest.mark.parametrize("verdict", ["positive", "negative"])
def test_a_finished_task_is_rated_with_its_agent_and_owner_and_a_private_reason(
    finished: Any, verdict: str
) -> None:
    world = finished()
    (event,) = rate(world, verdict=verdict)
    assert event.facts == TaskReviewed(agent=OTTO, owner="per_bob", verdict=verdict)
    assert event.actor == ADA
    assert event.private
    assert task(world).review == verdict


def test_a_task_is_rated_once_even_after_it_was_tried_again() -> None:
    world = dead()
    rate(world, verdict="negative")
    assert refusal(world).code == "already_reviewed"
    world.perform(RetryTask(subject=1), evidence=NO_DEPENDENCIES)
    assert refusal(world).code == "not_finished"
    world.perform(CancelTask(subject=1))
    assert refusal(world).code == "already_reviewed"


@pytest.mark.parametrize("unfinished", [submitted, running, orphaned, reported])
def test_what_is_not_finished_is_not_rated(unfinished: Any) -> None:
    refused = refusal(unfinished())
    assert (refused.code, refused.retryable) == ("not_finished", True)


def test_work_that_nobody_did_is_not_rated() -> None:
    world = submitted()
    world.perform(CancelTask(subject=1))
    assert refusal(world).code == "nobody_worked"


def test_nobody_rates_the_work_of_their_own_agent_and_no_agent_rates_at_all() -> None:
    world = succeeded()
    refused = refusal(world, evidence=ReviewEvidence(owner=ADA.id))
    assert (refused.code, refused.status) == ("own_work", 403)
    for actor in (SYSTEM, Actor(kind="agent", id="agt_otto"), Actor(kind="process", id="learning")):
        assert refusal(world, actor=actor).code == "not_a_person"
    assert task(world).review == ""


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"verdict": "superb"}, "unknown_choice", "/verdict"),
        ({"reason": " "}, "reason_missing", "/reason"),
        ({"reason": "x" * 1_025}, "too_long", "/reason"),
    ],
)
def test_a_rating_has_one_of_two_verdicts_and_a_reason(fields: dict[str, str], code: str, field: str) -> None:
    refused = refusal(succeeded(), **fields)
    assert (refused.code, refused.field, refused.status) == (code, field, 422)


def test_a_task_that_never_was_is_not_rated() -> None:
    assert refusal(World()).code == "unknown_task"


def test_the_first_rating_stays_whatever_is_folded_after_it() -> None:
    world = succeeded()
    (event,) = rate(world)
    state = task(world)
    later = Event(
        **{name: getattr(event, name) for name in event.__struct_fields__} | {
            "seq": event.seq + 1,
            "facts": TaskReviewed(agent=OTTO, owner="per_bob", verdict="negative"),
        }
    )  # fmt: skip
    assert EVOLVE[TaskReviewed](state, event) == state
    assert EVOLVE[TaskReviewed](state, later).review == "positive"


def test_who_accepted_last_did_the_work() -> None:
    world = running(attempts_max=3, backoff_ms=0)
    world.perform(FailTask(subject=1, agent=OTTO, generation=1))
    world.perform(CancelTask(subject=1))
    assert task(world).worked_by == OTTO

"""Waiting for other tasks, for a time, for a person: every branch (spec 2.4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.work.stages import ABLE, OTTO, running, said, submitted, task

from watchfloor.kernel.instants import HOUR, MINUTE, SECOND
from watchfloor.kernel.limits import DEPENDENCIES_PER_TASK_MAX
from watchfloor.kernel.messages import Command
from watchfloor.work import messages as m
from watchfloor.work.rules import SilenceEvidence
from watchfloor.work.waiting import Dependency, DependencyEvidence


def evidence(*stages: str) -> DependencyEvidence:
    """Tasks 50, 51, … in these stages, done by agents 60, 61, …"""
    return DependencyEvidence(
        dependencies=tuple(Dependency(50 + i, stage, 60 + i) for i, stage in enumerate(stages))
    )


def waiting(*stages: str, **fields: Any) -> World:
    world = World()
    depends_on = tuple(range(50, 50 + len(stages)))
    world.perform(m.SubmitTask(depends_on=depends_on, **fields), evidence=evidence(*stages))
    return world


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"on_failure": "shrug"}, "unknown_choice", "/on_failure"),
        ({"depends_on": tuple(range(DEPENDENCIES_PER_TASK_MAX + 1))}, "out_of_range", "/depends_on"),
        ({"depends_on": (5, 5)}, "repeated", "/depends_on"),
        ({"not_before_at": -1}, "out_of_range", "/not_before_at"),
        ({"not_before_at": START + 9, "deadline_at": START + 9}, "out_of_range", "/not_before_at"),
        ({"stuck_ms": -1}, "out_of_range", "/stuck_ms"),
        ({"reassign_ms": -1}, "out_of_range", "/reassign_ms"),
        ({"workflow": "a\nb"}, "invalid_name", "/workflow"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(fields: dict[str, Any], code: str, field: str) -> None:
    assert World().refusal(m.SubmitTask(**fields)) == (code, field, 422)


def test_an_unknown_dependency_is_refused_at_its_place() -> None:
    command = m.SubmitTask(depends_on=(50, 51))
    refused = World().refusal(command, evidence=evidence("queued", ""))
    assert refused == ("unknown_dependency", "/depends_on/1", 422)


def test_a_task_is_near_its_dependency_and_else_the_newest_work_of_its_workflow() -> None:
    found = msgspec.structs.replace(evidence("succeeded"), workflow="release", place=77)
    world = World()
    world.perform(m.SubmitTask(depends_on=(50,)), evidence=found)
    assert (task(world).near, task(world).workflow) == (60, "release"), "a part has its parent's workflow"
    world = World()
    world.perform(m.SubmitTask(workflow="own"), evidence=DependencyEvidence(workflow="release", place=77))
    assert (task(world).near, task(world).workflow) == (77, "own")


def test_a_join_fires_once() -> None:
    world = waiting("running", "succeeded", "queued")
    assert (task(world).unmet, task(world).near) == ((50, 52), 61)
    met = [m.TaskDependencyMet(agent=9, dependency=50)]
    first = m.SettleDependency(subject=1, dependency=50, succeeded=True, agent=9)
    assert said(world, first) == met
    assert said(world, first) == []
    last = m.SettleDependency(subject=1, dependency=52, succeeded=True)
    assert said(world, last) == [m.TaskDependencyMet(agent=0, dependency=52), m.TaskReady()]
    assert said(world, last) == []
    assert (task(world).stage, task(world).near) == ("queued", 9)


def test_a_task_without_a_delay_left_is_ready_and_one_with_waits_for_its_clock() -> None:
    world = waiting("running", not_before_at=START + HOUR)
    assert said(world, m.SettleDependency(subject=1, dependency=50, succeeded=True)) == [
        m.TaskDependencyMet(agent=0, dependency=50)
    ]
    assert [event.facts for event in world.ring(START + HOUR)] == [m.TaskReady()]
    past = waiting("succeeded", not_before_at=START - 1)
    assert task(past).stage == "queued"


@pytest.mark.parametrize("stage", ["dead_letter", "cancelled"])
def test_a_dependency_that_was_lost_before_ends_the_task_at_once(stage: str) -> None:
    failed = waiting("succeeded", stage, stage)
    assert (task(failed).stage, len(failed.events)) == ("dead_letter", 2)
    assert task(waiting(stage, on_failure="skip")).stage == "cancelled"


@pytest.mark.parametrize(
    "command",
    [
        m.SettleDependency(subject=3, dependency=1, succeeded=True),
        m.PauseTask(subject=3),
        m.UnpauseTask(subject=3),
        m.PurgeTask(subject=3),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nobody_commands_a_task_that_does_not_exist(command: Command) -> None:
    assert World().refusal(command) == ("unknown_task", "", 404)


def test_whoever_is_paused_in_the_queue_keeps_everything_but_its_place() -> None:
    world = submitted()
    world.perform(m.PauseTask(subject=1))
    world.at = START + MINUTE
    world.perform(m.UnpauseTask(subject=1))
    assert (task(world).status, task(world).queued_at) == ("queued", START + MINUTE)


@pytest.mark.parametrize("stage", ["assigned", "orphaned", "reported"])
def test_a_pause_gives_the_whole_period_back(stage: str) -> None:
    world = submitted(criteria=1)
    world.perform(m.AssignTask(subject=1, agent=OTTO), evidence=ABLE)
    if stage != "assigned":
        world.perform(m.AcceptTask(subject=1, agent=OTTO, generation=1))
        last = m.CompleteTask(subject=1, agent=OTTO, generation=1)
        world.perform(m.OrphanTask(subject=1, agent=OTTO) if stage == "orphaned" else last)
    period = task(world).until_at - world.at
    world.perform(m.PauseTask(subject=1))
    world.at += 10 * HOUR
    world.perform(m.UnpauseTask(subject=1))
    assert task(world).until_at == world.at + period


def test_a_pause_is_told_twice_without_harm() -> None:
    world = running()
    (paused,) = world.perform(m.PauseTask(subject=1))
    (unpaused,) = world.perform(m.UnpauseTask(subject=1))
    before = task(world)
    world.take_up([paused, unpaused])
    assert task(world) == before
    world.events[-1] = unpaused
    late = [
        type(unpaused)(**{f: getattr(unpaused, f) for f in unpaused.__struct_fields__ if f != "seq"}, seq=99)
    ]
    world.take_up(late)
    assert task(world).status == "running", "nothing to take back"


def test_silence_is_an_alarm_unless_people_are_asked() -> None:
    world = running(stuck_ms=1_000, reassign_ms=500)
    world.at += SECOND
    asked = said(world, m.TaskTimePassed(subject=1), evidence=SilenceEvidence(held=True))
    assert asked == [m.TaskProgressed(generation=1, percent=0, status="blocked")]
    world = running(stuck_ms=1_000, reassign_ms=500)
    world.at += SECOND
    alarm = m.TaskStuck(agent=OTTO, generation=1, idle_ms=1_000, reassign_at=world.at + SECOND // 2)
    assert said(world, m.TaskTimePassed(subject=1), evidence=SilenceEvidence()) == [alarm]
    assert task(world).stuck_at == world.at
    soon = m.ReportProgress(subject=1, agent=OTTO, generation=1, percent=1)
    assert said(world, soon) == [m.TaskProgressed(generation=1, percent=1, status="running")]
    assert task(world).stuck_at == 0


def test_progress_is_durable_often_enough_not_to_be_taken_for_silence() -> None:
    world = running(stuck_ms=10_000)
    report = m.ReportProgress(subject=1, agent=OTTO, generation=1, percent=1)
    world.at += 4 * SECOND
    assert said(world, report) == []
    world.at += SECOND
    assert len(said(world, report)) == 1


def test_a_paused_task_is_not_assigned_and_what_is_over_not_paused() -> None:
    world = submitted(attempts_max=1)
    assert world.refusal(m.UnpauseTask(subject=1)) == ("not_paused", "", 409)
    world.perform(m.PauseTask(subject=1))
    assert said(world, m.PauseTask(subject=1)) == []
    assert world.refusal(m.AssignTask(subject=1, agent=OTTO), evidence=ABLE) == ("paused", "", 409)
    assert world.refusal(m.PurgeTask(subject=1)) == ("not_dead_letter", "", 409)
    world.perform(m.CancelTask(subject=1))
    assert world.refusal(m.PauseTask(subject=1)) == ("task_over", "", 409)
    assert said(world, m.PurgeTask(subject=1)) == []


def test_what_lost_its_dependency_is_retried_after_it_and_purged_for_good() -> None:
    world = waiting("running")
    world.perform(m.SettleDependency(subject=1, dependency=50, succeeded=False))
    retry = m.RetryTask(subject=1)
    assert world.refusal(retry, evidence=evidence("dead_letter")) == ("dependency_failed", "", 409)
    assert said(world, retry, evidence("queued")) == [m.TaskRetried(unmet=(50,))]
    assert task(world).stage == "waiting"
    world.perform(m.SettleDependency(subject=1, dependency=50, succeeded=False))
    assert said(world, m.PurgeTask(subject=1, reason="r")) == [m.TaskPurged(reason="r")]
    assert task(world).stage == "cancelled"

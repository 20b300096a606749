"""The breaker of a worker against real calls: it opens, its tasks go to others or wait, one probe, and it survives."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from tests.integration.workers.test_answers import answering
from tests.integration.workers.yard import Yard, done, place, yard

from watchfloor.engine.stops import JournalStop
from watchfloor.fleet.messages import MoveWorker, QuarantineAgent
from watchfloor.fleet.workers import CLOSED, OPEN
from watchfloor.kernel.limits import WORKER_FAILURES_MAX, WORKER_OPEN_MS
from watchfloor.kernel.messages import SYSTEM
from watchfloor.work.messages import PauseTask, UnpauseTask


async def opened(floor: Yard, agent: int) -> None:
    """Fail calls until the breaker is open."""
    for _ in range(WORKER_FAILURES_MAX):
        assert floor.agent(agent).worker.breaker == CLOSED
        await floor.over(await floor.submit("wanda"))
    assert floor.agent(agent).worker.breaker == OPEN


async def half_opened(floor: Yard, agent: int) -> None:
    floor.pass_time(WORKER_OPEN_MS / 1_000)
    await floor.until(lambda: floor.agent(agent).worker.breaker != OPEN, "no longer open")


async def test_five_failed_calls_open_it_and_a_probe_closes_it(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(400)) as worker:
            agent = await floor.worker(worker.url)
            await opened(floor, agent)
            asked = len(worker.asked)
            row = await floor.agent_row(agent)
            assert (row["state"], row["breaker"], row["breaker_failures"]) == ("offline", "open", 5)
            assert row["breaker_until_at"] > floor.engine.clock()
            waiting = [await floor.submit("wanda") for _ in range(3)]
            assert [floor.task(task).stage for task in waiting] == ["queued"] * 3
            worker.behave = done
            await half_opened(floor, agent)
            for task in waiting:
                assert (await floor.over(task))["status"] == "succeeded"
            assert len(worker.asked) == asked + 3
        assert floor.agent(agent).worker.breaker == CLOSED
        row = await floor.agent_row(agent)
        assert (row["state"], row["breaker"], row["breaker_failures"]) == ("idle", "closed", 0)


async def test_a_failed_probe_costs_one_task_one_attempt_and_opens_it_again(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(400)) as worker:
            agent = await floor.worker(worker.url, trust=700)
            await opened(floor, agent)
            asked = len(worker.asked)
            waiting = [await floor.submit("wanda") for _ in range(3)]
            floor.pass_time(WORKER_OPEN_MS / 1_000)
            failures = WORKER_FAILURES_MAX + 1
            await floor.until(lambda: floor.agent(agent).worker.failures == failures, "the probe has failed")
            assert floor.agent(agent).worker.breaker == OPEN
            assert len(worker.asked) == asked + 1
            stages = sorted(floor.task(task).stage for task in waiting)
            assert stages == ["dead_letter", "queued", "queued"]


async def test_tasks_of_an_open_worker_go_to_others(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(400)) as broken, place(done) as whole:
            agent = await floor.worker(broken.url)
            await opened(floor, agent)
            other = await floor.worker(whole.url, "other")
            for _ in range(3):
                row = await floor.over(await floor.submit("work"))
                assert (row["status"], row["agent"]) == ("succeeded", other)


async def test_what_was_assigned_before_it_opened_is_not_called(tmp_path: Path) -> None:
    """Quarantine has the same effect on a call that has not begun as a breaker that opened meanwhile."""
    async with yard(tmp_path) as floor:
        with place(done) as worker:
            agent = await floor.worker(worker.url)
            task = await floor.submit()
            await floor.engine.ask(floor.org, QuarantineAgent(subject=agent, reason="test"), SYSTEM)
            row = await floor.over(task)
            if not worker.asked:
                assert (row["status"], row["reason"]) == ("dead_letter", "worker_held")
                assert floor.agent(agent).worker.failures == 0


async def test_it_is_as_it_was_after_a_restart_and_opens_its_door_by_itself(tmp_path: Path) -> None:
    with place(answering(400)) as worker:
        async with yard(tmp_path) as floor:
            agent = await floor.worker(worker.url)
            await opened(floor, agent)
            before = floor.agent(agent).worker
            task = await floor.submit("wanda")
        asked = len(worker.asked)
        worker.behave = done
        async with yard(tmp_path) as floor:
            assert floor.agent(agent).worker == before
            assert floor.task(task).stage == "queued"
            assert len(worker.asked) == asked
            await half_opened(floor, agent)
            assert (await floor.over(task))["status"] == "succeeded"
            assert floor.agent(agent).worker.breaker == CLOSED


@pytest.mark.parametrize("times", [1, 3])
async def test_a_worker_that_moved_gets_its_tasks_at_once(tmp_path: Path, times: int) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(400)) as before, place(done) as after:
            agent = await floor.worker(before.url)
            await opened(floor, agent)
            waiting = [await floor.submit("wanda") for _ in range(times)]
            await floor.engine.ask(floor.org, MoveWorker(subject=agent, url=after.url), SYSTEM)
            for task in waiting:
                assert (await floor.over(task))["status"] == "succeeded"
            assert len(after.asked) == times


async def test_a_paused_task_is_called_when_it_goes_on(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(done) as worker:
            agent = await floor.worker(worker.url)
            stop = JournalStop(
                id="stp_1",
                org=floor.org,
                scope="agent",
                target=floor.actor(agent).id,
                reason="test",
                by="per_test",
                at=floor.engine.clock(),
            )
            floor.engine.stops.add(stop)
            task = await floor.submit()
            await floor.until(lambda: floor.task(task).stage == "assigned", "assigned")
            await floor.engine.ask(floor.org, PauseTask(subject=task), SYSTEM)
            floor.engine.stops.add(msgspec.structs.replace(stop, lifted=True))
            floor.backbone.effects.wake()
            await asyncio.sleep(1.5)
            assert not [asked for asked in worker.asked if asked.is_call], (
                "neither under a stop nor while it is paused"
            )
            await floor.engine.ask(floor.org, UnpauseTask(subject=task), SYSTEM)
            assert (await floor.over(task))["status"] == "succeeded"

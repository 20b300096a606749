"""A worker hears what becomes of the task it has, in order and signed, and nothing waits for that (spec 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.workers.yard import Asked, Handler, Yard, place, yard

from watchfloor.kernel.messages import SYSTEM
from watchfloor.runners import worker_news
from watchfloor.work.messages import CancelTask, PauseTask, UnpauseTask
from watchfloor_agent import verify


def taking(handler: Handler, asked: Asked, number: int) -> None:
    """Takes every task, and hears everything."""
    handler.tell(202 if asked.frame["type"] == "task:assigned" else 200)


async def running(floor: Yard, url: str, name: str = "wanda") -> tuple[int, int]:
    agent = await floor.worker(url, name)
    task = await floor.submit(name, timeout_ms=600_000)
    await floor.until(lambda: floor.task(task).stage == "running", "it was accepted")
    return agent, task


async def test_a_worker_hears_of_pause_its_end_and_cancellation_in_order(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(taking) as worker:
            agent, task = await running(floor, worker.url)
            for command in (
                PauseTask(subject=task, reason="look"),
                UnpauseTask(subject=task),
                CancelTask(subject=task, reason="no longer"),
            ):
                await floor.engine.ask(floor.org, command, SYSTEM)
            await floor.until(lambda: len(worker.asked) == 4, "everything was said")
        assert [asked.frame["type"] for asked in worker.asked] == [
            "task:assigned",
            "task:paused",
            "task:unpaused",
            "task:cancelled",
        ]
        assert len({asked.key for asked in worker.asked}) == 4
        public = floor.actor(agent).id
        secret = floor.backbone.worker_secret(floor.org, public, 1)
        heard = [
            verify(secret, asked.headers, asked.body, agent_id=public, news=True) for asked in worker.asked
        ]
        assert [called.is_news for called in heard] == [False, True, True, True]
        assert {(called.task_id, called.generation) for called in heard} == {(heard[0].task_id, 1)}


async def test_news_are_tried_again_and_then_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_news, "BACKOFF_MS", (1, 1))
    outcomes: list[str] = []

    def busy(handler: Handler, asked: Asked, number: int) -> None:
        handler.tell(202 if asked.frame["type"] == "task:assigned" else 503)

    async with yard(tmp_path) as floor:
        floor.backbone.observe_news = outcomes.append
        with place(busy) as worker:
            _, task = await running(floor, worker.url)
            await floor.engine.ask(floor.org, CancelTask(subject=task, reason="no longer"), SYSTEM)
            assert floor.task(task).stage == "cancelled", "nothing waits for the worker"
            await floor.until(lambda: outcomes, "it was given up")
        assert outcomes == ["unheard"]
        assert [asked.frame["type"] for asked in worker.asked][1:] == ["task:cancelled"] * 3
        assert len({asked.key for asked in worker.asked[1:]}) == 1


async def test_what_does_not_fit_is_dropped_and_other_workers_hear_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_news, "PER_WORKER_MAX", 2)
    outcomes: list[str] = []

    def deaf(handler: Handler, asked: Asked, number: int) -> None:
        if asked.frame["type"] == "task:assigned":
            return handler.tell(202)
        handler.server.release.wait(10)
        return None

    async with yard(tmp_path) as floor:
        floor.backbone.observe_news = outcomes.append
        with place(deaf) as slow, place(taking) as quick:
            _, held = await running(floor, slow.url, "slow")
            _, task = await running(floor, quick.url, "quick")
            for _ in range(2):
                await floor.engine.ask(floor.org, PauseTask(subject=held, reason="look"), SYSTEM)
                await floor.engine.ask(floor.org, UnpauseTask(subject=held), SYSTEM)
            await floor.engine.ask(floor.org, CancelTask(subject=task, reason="no longer"), SYSTEM)
            await floor.until(lambda: "told" in outcomes, "the quick one heard it")
            assert outcomes.count("dropped") == 2
            slow.release.set()


async def test_what_the_worker_did_itself_is_no_news_to_it(tmp_path: Path) -> None:
    said: list[Any] = []

    def failing(handler: Handler, asked: Asked, number: int) -> None:
        said.append(asked.frame["type"])
        handler.tell(200, b'{"status":"failed","reason":"no","cost_micro":5,"tokens":9}')

    async with yard(tmp_path) as floor:
        with place(failing) as worker:
            await floor.worker(worker.url)
            row = await floor.over(await floor.submit())
        assert row["status"] == "dead_letter"
        assert said == ["task:assigned"]

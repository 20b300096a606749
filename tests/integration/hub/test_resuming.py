"""What an agent hears when it asks to go on with a task, judged by the real engine on SQLite (spec 2.2, 2.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from watchfloor.app import Backbone
from watchfloor.config import Config
from watchfloor.fleet.messages import ConnectAgent, RegisterAgent
from watchfloor.hub import protocol as wire
from watchfloor.hub.commands import recorded, refusal
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM, Command, Refused
from watchfloor.work.messages import AcceptTask, CompleteTask, FailTask, OrphanTask, ResumeTask, SubmitTask


class Floor:
    """One organisation with one connected agent."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.engine = backbone.engine

    async def begin(self) -> None:
        """The agent connects."""
        self.org = await self.backbone.found("Acme")
        registration = RegisterAgent(
            name="otto",
            type="worker",
            capabilities=("python",),
            owner="system",
            credential="key_a",
            expires_at=self.engine.clock() + DAY,
        )
        self.agent = (await self.engine.ask(self.org, registration, SYSTEM)).seq
        await self.say(ConnectAgent(subject=self.agent, node="n1", session="s1"))

    async def say(self, command: Command) -> int:
        """One command; the seq of its first event."""
        return (await self.engine.ask(self.org, command, SYSTEM)).seq

    async def running(self, criteria: int = 0) -> int:
        """A task the agent has accepted."""
        task = await self.say(SubmitTask(needs=("python",), criteria=criteria, private=b'{"criteria":[]}'))
        await self.say(AcceptTask(subject=task, agent=self.agent, generation=1))
        return task

    async def resume(self, task: int) -> wire.Payload:
        """The frame with which the agent's task:resume is answered."""
        nonce = self.engine.state(self.org, "task", task).nonce
        asked = wire.TaskResume(task_id=public_id("task", task, nonce), generation=1)
        command = ResumeTask(subject=task, agent=self.agent, generation=1)
        try:
            answer = await self.engine.ask(self.org, command, SYSTEM)
        except Refused as refused:
            return refusal(self.engine, self.org, asked, refused)
        return recorded(self.engine, self.org, asked, answer)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """A backbone of its own."""
    backbone = Backbone(
        Config(disk_reserve_mib=1, data=str(tmp_path / "data"), signer=str(tmp_path / "signer"))
    )
    await backbone.start()
    floor = Floor(backbone)
    try:
        await floor.begin()
        yield floor
    finally:
        await backbone.stop()


async def test_an_orphaned_task_continues(floor: Floor) -> None:
    task = await floor.running()
    await floor.say(OrphanTask(subject=task, agent=floor.agent))
    answer = await floor.resume(task)
    assert isinstance(answer, wire.TaskContinue)
    assert (answer.generation, answer.status) == (1, "running")


async def test_a_task_whose_report_is_being_checked_continues_and_is_called_running(floor: Floor) -> None:
    """People and agents know no status `reported` (spec 01)."""
    task = await floor.running(criteria=1)
    await floor.backbone.effects.close()  # nobody checks yet
    await floor.say(CompleteTask(subject=task, agent=floor.agent, generation=1))
    assert floor.engine.state(floor.org, "task", task).stage == "reported"
    answer = await floor.resume(task)
    assert isinstance(answer, wire.TaskContinue)
    assert answer.status == "running"


async def test_a_task_that_was_taken_away_is_reassigned_and_no_error(floor: Floor) -> None:
    task = await floor.running()
    await floor.say(FailTask(subject=task, agent=floor.agent, generation=1))
    answer = await floor.resume(task)
    assert isinstance(answer, wire.TaskReassigned)
    assert answer.reason in ("failed", "queued", "assigned")


async def test_a_task_that_is_done_is_not_gone_on_with(floor: Floor) -> None:
    task = await floor.running()
    await floor.say(CompleteTask(subject=task, agent=floor.agent, generation=1))
    answer = await floor.resume(task)
    assert isinstance(answer, wire.TaskReassigned)
    assert answer.reason == "succeeded"


async def test_resuming_what_was_never_accepted_is_an_error(floor: Floor) -> None:
    task = await floor.say(SubmitTask(needs=("python",)))
    answer = await floor.resume(task)
    assert isinstance(answer, wire.Error)
    assert answer.code == "not_accepted"

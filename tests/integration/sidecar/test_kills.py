"""kill -9 of the sidecar, of its keeper, of the command and of the server: nothing lost, nothing twice, nothing left."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.sidecar.floor import Floor, Sidecar, appears, gone

from watchfloor_agent.sidecar.leftovers import MARK, marked
from watchfloor_agent.sidecar.spool import Spool

ONCE = """
path = {path!r}
open(path, 'a').write(f"{{os.environ['WATCHFLOOR_GENERATION']}}.{{os.environ['WATCHFLOOR_WAKE']}} {{os.getpid()}}\\n")
while not os.path.exists({go!r}): time.sleep(0.02)
print(json.dumps({{'done': task['task_id']}}))
"""


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    async with Floor(tmp_path) as found:
        yield found


class Diary:
    """What the command wrote down: one line for each wake."""

    def __init__(self, folder: Path) -> None:
        self.path, self.go = folder / "diary", folder / "go"
        self.script = ONCE.format(path=str(self.path), go=str(self.go))

    async def wakes(self, count: int) -> list[tuple[str, int]]:
        """(generation.wake, process) once there are `count` of them."""
        for _ in range(600):
            lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
            if len(lines) >= count:
                return [(line.split()[0], int(line.split()[1])) for line in lines]
            await asyncio.sleep(0.05)
        raise AssertionError(f"{count} wakes expected, seen: {lines}")


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


async def test_kill_9_of_the_sidecar_ends_the_command_and_the_next_life_resumes(
    floor: Floor, tmp_path: Path
) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script)
    task = await floor.submit()
    ((first, pid),) = await diary.wakes(1)
    await sidecar.end(signal.SIGKILL)
    assert await gone(pid), "the command outlived its sidecar"
    await sidecar.start()
    wakes = await diary.wakes(2)
    diary.go.touch()
    found = await floor.ended(task)
    assert found["task"]["status"] == "succeeded"
    assert [first, wakes[1][0]] == ["1.1", "1.2"], "the same assignment goes on"
    assert found["task"]["attempts"] == 1


async def test_an_orderly_stop_keeps_the_task_for_the_next_life(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script, drain_ms=100)
    task = await floor.submit()
    ((_, pid),) = await diary.wakes(1)
    assert await sidecar.end(signal.SIGTERM) == 0
    assert await gone(pid)
    diary.go.touch()
    await sidecar.start()
    assert (await floor.ended(task))["task"]["status"] == "succeeded"


async def test_an_orderly_stop_lets_the_command_finish(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script, drain_ms=20_000)
    task = await floor.submit()
    await diary.wakes(1)
    stopping = asyncio.create_task(sidecar.end(signal.SIGTERM))
    await asyncio.sleep(0.3)
    diary.go.touch()
    assert await stopping == 0
    assert (await floor.task(task))["task"]["status"] == "succeeded"
    assert len(await diary.wakes(1)) == 1


async def test_kill_9_of_the_command_is_a_failure_with_its_signal(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    await floor.sidecar(diary.script)
    task = await floor.submit(max_attempts=2)
    ((_, pid),) = await diary.wakes(1)
    diary.go.touch()
    os.kill(pid, signal.SIGKILL)
    found = await floor.ended(task)
    assert found["task"]["status"] == "succeeded"
    assert [wake for wake, _ in await diary.wakes(2)] == ["1.1", "2.1"]


async def test_kill_9_of_the_keeper_leaves_nothing_and_wakes_again(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    child = tmp_path / "child"
    await floor.sidecar(
        "import subprocess\nif os.environ['WATCHFLOOR_WAKE'] == '1':\n"
        "    child = subprocess.Popen(['setsid', 'sleep', '600'])\n"
        f"    open({str(child)!r}, 'w').write(str(child.pid))\n" + diary.script
    )
    task = await floor.submit()
    grandchild = int(await appears(child))
    ((_, pid),) = await diary.wakes(1)
    os.kill(parent(pid), signal.SIGKILL)
    assert await gone(pid)
    assert await gone(grandchild)
    await diary.wakes(2)
    diary.go.touch()
    found = await floor.ended(task)
    assert (found["task"]["status"], found["task"]["attempts"]) == ("succeeded", 1)


async def test_kill_9_of_sidecar_and_keeper_at_once_leaves_nothing_after_the_next_start(
    floor: Floor, tmp_path: Path
) -> None:
    diary = Diary(tmp_path)
    child = tmp_path / "child"
    sidecar = await floor.sidecar(
        "import subprocess\nif os.environ['WATCHFLOOR_WAKE'] == '1':\n"
        "    child = subprocess.Popen(['setsid', 'sleep', '600'])\n"
        f"    open({str(child)!r}, 'w').write(str(child.pid))\n" + diary.script
    )
    task = await floor.submit()
    grandchild = int(await appears(child))
    ((_, pid),) = await diary.wakes(1)
    assert sidecar.process is not None
    keeper = parent(pid)
    os.kill(sidecar.process.pid, signal.SIGSTOP)  # or it would see the keeper die
    os.kill(keeper, signal.SIGKILL)
    await sidecar.end(signal.SIGKILL)
    assert await gone(pid)
    await sidecar.start()
    assert await gone(grandchild)
    diary.go.touch()
    assert (await floor.ended(task))["task"]["status"] == "succeeded"


async def test_a_sidecar_that_dies_again_and_again_over_one_task_gives_it_back(
    floor: Floor, tmp_path: Path
) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script, wakes=2)
    task = await floor.submit()
    for life in (1, 2):
        await diary.wakes(life)
        await sidecar.end(signal.SIGKILL)
        await sidecar.start()
    found = await floor.ended(task)
    assert found["task"]["status"] == "dead_letter"
    assert len(await diary.wakes(2)) == 2


async def test_a_result_made_while_the_server_was_dead_is_delivered_once(
    floor: Floor, tmp_path: Path
) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script)
    task = await floor.submit()
    await diary.wakes(1)
    await floor.server.end(signal.SIGKILL)
    diary.go.touch()
    await asyncio.sleep(1)
    await sidecar.end(signal.SIGKILL)  # the result is on disk now, and nowhere else
    await floor.server.start()
    await sidecar.start()
    found = await floor.ended(task)
    assert (found["task"]["status"], found["result"]["done"]) == ("succeeded", task)
    assert len(await diary.wakes(1)) == 1, "the command is not woken for what is done"
    told = [line["type"] for line in found["timeline"]]
    assert told.count("task.succeeded/1") == 1
    assert "task.reported_late/1" not in told


async def test_the_command_works_on_while_the_server_restarts(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    await floor.sidecar(diary.script)
    task = await floor.submit()
    await diary.wakes(1)
    await floor.server.end(signal.SIGKILL)
    await floor.server.start()
    await asyncio.sleep(0.5)
    diary.go.touch()
    assert (await floor.ended(task))["task"]["status"] == "succeeded"
    assert len(await diary.wakes(1)) == 1


async def test_work_that_another_agent_has_by_now_is_dropped(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    first = await floor.sidecar(diary.script)
    task = await floor.submit(max_attempts=3, grace_ms=100)
    await diary.wakes(1)
    await first.end(signal.SIGKILL)
    second = await floor.sidecar(diary.script, "other", need="side")
    assert (await diary.wakes(2))[1][0] == "2.1"
    await first.start()
    for _ in range(600):
        if "is dropped" in first.said():
            break
        await asyncio.sleep(0.05)
    diary.go.touch()
    found = await floor.ended(task)
    assert (found["task"]["status"], found["task"]["agent_id"]) == ("succeeded", floor.agents["other"])
    assert "is dropped" in first.said()
    assert first.said().count("woken (") == 1, "nothing runs before the server has said whose it is"
    assert "succeeded" not in second.said()
    assert len(await diary.wakes(2)) == 2


async def test_a_task_cancelled_while_the_sidecar_slept_ends_its_command(
    floor: Floor, tmp_path: Path
) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script)
    task = await floor.submit()
    ((_, pid),) = await diary.wakes(1)
    assert sidecar.process is not None
    os.kill(sidecar.process.pid, signal.SIGSTOP)
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/cancel", {"reason": "stuck"})
    os.kill(sidecar.process.pid, signal.SIGCONT)
    assert await gone(pid)
    assert (await floor.ended(task))["task"]["status"] == "cancelled"


async def test_fencing_a_second_assignment_replaces_what_the_first_left(floor: Floor, tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script)
    task = await floor.submit(max_attempts=3, grace_ms=100)
    await diary.wakes(1)
    await sidecar.end(signal.SIGKILL)
    for _ in range(600):
        if (await floor.task(task))["task"]["status"] == "queued":
            break
        await asyncio.sleep(0.05)
    await sidecar.start()
    wakes = await diary.wakes(2)
    assert wakes[1][0] == "2.1", "generation 1 is given up, generation 2 begins"
    diary.go.touch()
    found = await floor.ended(task)
    assert (found["task"]["status"], found["task"]["generation"]) == ("succeeded", 2)


async def test_two_sidecars_in_one_folder_are_one_too_many(floor: Floor) -> None:
    first = await floor.sidecar("pass")
    await floor.ended(await floor.submit())
    second = Sidecar(first.folder, first.settings)
    await second.start()
    assert second.process is not None
    assert await asyncio.wait_for(second.process.wait(), 20) == 2
    assert "already" in second.said()


@pytest.mark.parametrize("kills", [5, pytest.param(30, marks=pytest.mark.long)])
async def test_whatever_is_killed_whenever_every_task_is_done_and_nothing_is_left(
    floor: Floor, tmp_path: Path, kills: int
) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    script = "time.sleep(0.15)\nprint(json.dumps({'n': task['input']['n']}))"
    sidecar = await floor.sidecar(script, concurrency=3, wakes=2 * kills + 10)
    attempts = 2 * kills + 10
    tasks = [
        await floor.submit(input={"n": n}, max_attempts=attempts, grace_ms=20_000)
        for n in range(10 + 2 * kills)
    ]
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(0.05, 0.8))
        if dice.random() < 0.25:
            await floor.server.end(signal.SIGKILL)
            await floor.server.start()
        else:
            await sidecar.end(signal.SIGKILL)
            await sidecar.start()
    for n, task in enumerate(tasks):
        found = await floor.ended(task, 60)
        told = [line["type"] for line in found["timeline"]]
        assert found["task"]["status"] == "succeeded", seed
        assert found["result"]["n"] == n, seed
        assert told.count("task.succeeded/1") == 1, seed
    mark = Spool(sidecar.folder / "spool.db").mark
    assert await sidecar.end() == 0
    assert marked(MARK, mark) == [], seed


async def test_nothing_is_woken_again_before_the_server_has_said_whose_it_is(
    floor: Floor, tmp_path: Path
) -> None:
    diary = Diary(tmp_path)
    sidecar = await floor.sidecar(diary.script)
    task = await floor.submit()
    await diary.wakes(1)
    await sidecar.end(signal.SIGKILL)
    await floor.server.end(signal.SIGKILL)
    await sidecar.start()
    await asyncio.sleep(2)
    assert len(await diary.wakes(1)) == 1
    await floor.server.start()
    await diary.wakes(2)
    diary.go.touch()
    assert (await floor.ended(task))["task"]["status"] == "succeeded"

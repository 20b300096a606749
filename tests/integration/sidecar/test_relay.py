"""The sidecar through the running server: tasks in, command woken, results out (spec 2.5, scenario 12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.sidecar.floor import Floor


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    async with Floor(tmp_path) as found:
        yield found


async def test_a_task_reaches_a_real_command_and_its_result_the_platform(floor: Floor) -> None:
    await floor.sidecar(
        "same = json.load(open(os.environ['WATCHFLOOR_TASK_FILE'])) == task\n"
        "print('hello')\nprint('::progress 40 half of it')\n"
        "print('::result ' + json.dumps({'echo': task['input'], 'same': same}))\n"
    )
    found = await floor.ended(await floor.submit(input={"n": 3}))
    assert found["task"]["status"] == "succeeded"
    result = found["result"]
    assert result["echo"] == {"n": 3}
    assert result["same"] is True
    assert result["run"]["exit_code"] == 0
    assert result["run"]["wakes"] == 1
    assert "hello" in result["run"]["stdout"]

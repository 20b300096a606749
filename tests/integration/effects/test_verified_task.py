"""A task with criteria from submission to its verdict: ledger, rules, effects, a real process, views (spec 2.4)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.engine.backbone import new_agent, running

from watchfloor.app import Backbone
from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.trust.messages import AdjustTrust
from watchfloor.work.messages import AcceptTask, CompleteTask, SubmitTask

PLENTY_MS = 20_000


async def reported(backbone: Backbone, org: int, agent: tuple[int, Actor], code: str) -> int:
    """A task whose criterion is this Python code, reported as done; its integer."""
    number, actor = agent
    criteria = [{"kind": "command", "argv": ["python", "-c", code], "cwd": "work"}]
    private = canonical({"criteria": criteria, "title": "mend it"})
    submitted = SubmitTask(criteria=1, attempts_max=1, needs=("work",), private=private)
    task = (await backbone.engine.ask(org, submitted, SYSTEM)).seq
    await backbone.engine.ask(org, AcceptTask(subject=task, agent=number, generation=1), actor)
    done = CompleteTask(
        subject=task, agent=number, generation=1, private=canonical({"report": "did it", "result": None})
    )
    await backbone.engine.ask(org, done, actor)
    return task


async def finished(backbone: Backbone, org: int, task: int) -> dict[str, Any]:
    """The task's row when it is finished."""
    sql = "SELECT * FROM tasks WHERE org = ? AND task = ?"
    await backbone.views.wait(org, backbone.engine.head(org), PLENTY_MS)
    for _ in range(200):
        seen = backbone.views.seq(org)  # before the look: what comes while looking must end the wait
        (row,) = backbone.views.rows(sql, (org, task))
        if row["finished_at"]:
            return row
        await backbone.views.wait(org, seen + 1, PLENTY_MS)
    raise AssertionError("never finished")


@pytest.mark.parametrize(
    ("code", "status", "printed"),
    [
        ("print('it holds')", "succeeded", "it holds\n"),
        ("import sys; print('it does not'); sys.exit(1)", "dead_letter", "it does not\n"),
    ],
)
async def test_the_platforms_own_check_decides_and_people_can_read_what_it_saw(
    tmp_path: Path, code: str, status: str, printed: str
) -> None:
    (tmp_path / "root" / "work").mkdir(parents=True)
    async with running(tmp_path, verify_roots=(str(tmp_path / "root"),)) as (backbone, org):
        agent = await new_agent(backbone, org)
        await backbone.engine.ask(org, AdjustTrust(subject=agent[0], points=300, reason="test"), SYSTEM)
        await backbone.engine.ask(
            org, ConnectAgent(subject=agent[0], node="node-1", session=_session(backbone)), agent[1]
        )
        task = await reported(backbone, org, agent, code)
        row = await finished(backbone, org, task)
        assert row["status"] == status
        assert row["verified"] == int(status == "succeeded")
        found = backbone.ledger.read_private(org, row["verification_seq"])
        assert found is not None
        report = json.loads(found[1])
        assert report["sandbox"] == "none"
        assert report["checks"][0]["stdout"] == printed
        told = backbone.ledger.read_private(org, row["report_seq"])
        assert told is not None
        assert json.loads(told[1])["report"] == "did it"
        story = backbone.views.rows(
            "SELECT type FROM timeline WHERE org = ? AND story = ? ORDER BY seq", (org, row["id"])
        )
        types = [line["type"] for line in story]
        end = "task.succeeded/1" if status == "succeeded" else "task.dead_lettered/1"
        assert types[:5] == ["task.submitted/1", "task.assigned/1", "task.accepted/1", "task.reported/1", end]
        assert "trust.changed/1" in types[5:]
        assert (await backbone.effects.counts()).get("failed", 0) == 0


def _session(backbone: Backbone) -> str:
    return f"{backbone.engine.incarnation}.1"


async def test_a_check_that_a_restart_cut_off_is_made_again_and_counts_once(tmp_path: Path) -> None:
    work = tmp_path / "root" / "work"
    work.mkdir(parents=True)
    code = (
        "import os, pathlib, time; pathlib.Path('began').open('a').write('x');"
        "time.sleep(60 if pathlib.Path('began').stat().st_size == 1 else 0)"
    )
    settings: dict[str, Any] = {"verify_roots": (str(tmp_path / "root"),)}
    async with running(tmp_path, **settings) as (backbone, org):
        agent = await new_agent(backbone, org)
        await backbone.engine.ask(org, AdjustTrust(subject=agent[0], points=300, reason="test"), SYSTEM)
        connect = ConnectAgent(subject=agent[0], node="node-1", session=_session(backbone))
        await backbone.engine.ask(org, connect, agent[1])
        task = await reported(backbone, org, agent, code)
        for _ in range(600):
            if (work / "began").exists():
                break
            await asyncio.sleep(0.05)
        assert backbone.engine.state(org, "task", task).stage == "reported"
    async with running(tmp_path, **settings) as (backbone, org):
        row = await finished(backbone, org, task)
        assert row["status"] == "succeeded"
        assert (work / "began").read_text() == "xx"
        types = [event.type for event in backbone.engine.events(org, 0, 1_000) if event.subject == task]
        assert types.count("task.reported/1") == types.count("task.succeeded/1") == 1

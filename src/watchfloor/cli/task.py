"""`watchfloor task …`: submit and follow tasks."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, block, instant, show, table, visible

app = App(name="task", help="Submit and follow tasks.")
_ENDS = ("succeeded", "dead_letter", "cancelled")
_COLUMNS = [
    ("task_id", "TASK"),
    ("status", "STATUS"),
    ("priority", "LANE"),
    ("attempts", "ATTEMPTS"),
    ("agent_id", "AGENT"),
    ("title", "TITLE"),
]


@app.command
def submit(
    title: str,
    *,
    need: list[str] | None = None,
    description: str = "",
    priority: str = "normal",
    check: list[str] | None = None,
    criteria: Path | None = None,
    directory: str = ".",
    wait: bool = False,
    json: bool = False,
) -> None:
    """Submit a task.

    Parameters
    ----------
    need
        A capability the agent must have; give it once for each.
    check
        A command the platform runs itself when the agent says it is done; the task succeeds only if it exits 0.
    criteria
        A file with a JSON list of criteria of any kind, checked after those of --check.
    directory
        Where the checks run.
    wait
        Wait until the task has ended; exit 1 unless it succeeded.
    """
    wanted: list[Any] = [
        {"kind": "command", "argv": _words(command), "cwd": directory} for command in check or []
    ]
    body = {
        "title": title,
        "description": description,
        "needs": need or [],
        "priority": priority,
        "criteria": wanted + (_listed(criteria) if criteria else []),
    }
    client = Client()
    answer = client.post("/api/v1/tasks", body)
    if not wait:
        show(answer, json=json, text=answer["task_id"])
        return
    found = follow(client, answer["task_id"])
    show(found, json=json, text=f"{answer['task_id']} {found['task']['status']}")
    if found["task"]["status"] != "succeeded":
        raise Failure(f"the task ended as {found['task']['status']}")


def _words(command: str) -> list[str]:
    """A command line as a shell would split it."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise Failure(f"--check {command!r}: {error}", 2) from error


def _listed(file: Path) -> list[Any]:
    """The JSON list in a file."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=list[Any])
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(f"--criteria {file}: {error}", 2) from error
    return found


def follow(client: Client, task: str) -> dict[str, Any]:
    """The task once it has ended."""
    while True:
        found: dict[str, Any] = client.get(f"/api/v1/tasks/{task}")
        if found["task"]["status"] in _ENDS:
            return found
        time.sleep(0.5)


@app.command(name="list")
def list_(*, status: str = "", limit: Limit = 100, json: bool = False) -> None:
    """List tasks, newest first. STATUS dead_letter shows the dead letter."""
    items = Client().pages("/api/v1/tasks", limit, status=status)
    show(items, json=json, text=table(items, _COLUMNS, "No tasks."))


def show_(task: str, *, json: bool = False) -> None:
    """Show one task and its whole story."""
    found = Client().get(f"/api/v1/tasks/{task}")
    head = table([found["task"]], _COLUMNS, "")
    show(
        found,
        json=json,
        text="\n\n".join(filter(None, (head, checks(found), rating(found), story(found["timeline"])))),
    )


app.command(show_, name="show")


def checks(found: dict[str, Any]) -> str:
    """What the platform found, for people; "" when it has not looked."""
    told = [f"The platform's check: {visible(found['checks_detail'])}"] if found.get("checks_detail") else []
    for check in found.get("checks") or []:
        about = visible(" ".join(map(str, check.get("argv", ()))) or check.get("about", ""))
        held = "held  " if check.get("held") else "failed"
        told.append(f"{held}  {visible(check['kind'])}  {about}  ({_ending(check)})")
        if check.get("detail"):
            told.append(f"        {visible(check['detail'])}")
        for stream in ("stdout", "stderr"):
            if check.get(stream):
                printed = block(check[stream].rstrip("\n")).split("\n")
                told += [f"        {stream} | {line}" for line in printed]
    return "\n".join(told)


def rating(found: dict[str, Any]) -> str:
    """How a person rated the task, "" when nobody has."""
    given = found.get("review")
    if not given:
        return ""
    return f"Rated {visible(given['verdict'])} by {visible(given['reviewer_id'])}: {visible(given['reason'])}"


def _ending(check: dict[str, Any]) -> str:
    code = f", exit code {check['exit_code']}" if check["outcome"] == "exited" else ""
    return f"{visible(check['outcome'])}{code}, {check['duration_ms']} ms"


def story(lines: list[dict[str, Any]]) -> str:
    """A timeline for people."""
    told = []
    for line in lines:
        who = f" · {visible(line['actor_name'])}" if line["actor_name"] else ""
        sentence = visible(line["sentence"])
        told.append(
            f"{line['seq']:>6}  {instant(int(line['at']))}  {visible(line['type']):<28} {sentence}{who}"
        )
    return "\n".join(told)


@app.command
def cancel(task: str, *, reason: str = "cancelled", json: bool = False) -> None:
    """Cancel a task, whatever its status."""
    answer = Client().post(f"/api/v1/tasks/{task}/cancel", {"reason": reason})
    show(answer, json=json, text=f"{task}: cancelled")


@app.command
def review(task: str, verdict: Literal["positive", "negative"], *, reason: str, json: bool = False) -> None:
    """Rate a finished task, once: positive or negative, with a reason. It moves its agent's trust."""
    answer = Client().post(f"/api/v1/tasks/{task}/review", {"verdict": verdict, "reason": reason})
    show(answer, json=json, text=f"{task}: rated {verdict}")


@app.command
def retry(task: str, *, json: bool = False) -> None:
    """Take a task out of the dead letter, with all its attempts again."""
    answer = Client().post(f"/api/v1/tasks/{task}/retry")
    show(answer, json=json, text=f"{task}: back in the queue")

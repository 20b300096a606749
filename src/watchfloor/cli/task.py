"""`watchfloor task …`: submit and follow tasks."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
from cyclopts import App
from msgspec.json import decode

from watchfloor.cli.budget import bounded, expected, micro
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
    after: list[str] | None = None,
    on_failure: str = "fail",
    stuck_s: int = 300,
    key: str = "",
    cost: str = "",
    tokens: int | None = None,
    value: str = "",
    rationale: str = "",
    budget_money: str = "",
    budget_tokens: int | None = None,
    budget_seconds: int | None = None,
    agent: str = "",
    workflow: str = "",
    attempts: int = 3,
    timeout_s: int = 1_800,
    deadline_s: int = 0,
    delay_s: int = 0,
    input: str = "",  # noqa: A002  the word of the protocol
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
    after
        A task that has to succeed first; give it once for each.
    on_failure
        What happens when one of them does not: fail (dead letter) or skip (cancelled).
    stuck_s
        Seconds without progress before an alarm is raised; 0: never.
    key
        An idempotency key: the same key again submits nothing.
    cost
        What it is expected to cost, such as 1.50; TOKENS what it is expected to use, VALUE to be worth.
    rationale
        Why these estimates.
    budget_money
        The most it may cost with everything submitted under it; BUDGET_TOKENS and BUDGET_SECONDS likewise.
    agent
        Only this agent may do it.
    workflow
        A name it has in common with other tasks: costs are summed by it, and it is never erased.
    attempts
        How many, before it is put into the dead letter.
    timeout_s
        Seconds an attempt may take from acceptance on.
    deadline_s
        Seconds from now by which it has to be done; 0: none.
    delay_s
        Seconds before it may begin.
    input
        What it works on, as JSON; @FILE reads it from there.
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
        "depends_on": after or [],
        "on_failure": on_failure,
        "stuck_ms": stuck_s * 1_000,
        "idempotency_key": key,
        "agent_id": agent,
        "workflow": workflow,
        "max_attempts": attempts,
        "timeout_ms": timeout_s * 1_000,
        "deadline_at": _in(deadline_s),
        "not_before_at": _in(delay_s),
        "input": _input(input),
        **expected(cost, tokens, value, rationale),
        **bounded(budget_money, budget_tokens, budget_seconds),
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


def _in(seconds: int) -> int:
    """So many seconds from now, µs; 0 for none."""
    return (time.time_ns() // 1_000 + seconds * 1_000_000) if seconds else 0


def _input(text: str) -> Any:
    """JSON, or the JSON in the file named after @; None for nothing."""
    if not text:
        return None
    try:
        return msgspec.json.decode(Path(text[1:]).read_bytes() if text.startswith("@") else text.encode())
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(f"--input {text}: {error}", 2) from error


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
def list_(
    *,
    status: str = "",
    lane: str = "",
    agent: str = "",
    need: str = "",
    text: str = "",
    after: str = "",
    workflow: str = "",
    limit: Limit = 100,
    json: bool = False,
) -> None:
    """List tasks, newest first. STATUS dead_letter shows the dead letter.

    Parameters
    ----------
    need
        Those that need this capability.
    text
        Those with this in their id.
    after
        Those that wait for this task.
    """
    wanted = {
        "status": status,
        "lane": lane,
        "agent": agent,
        "needs": need,
        "text": text,
        "depends_on": after,
        "workflow": workflow,
    }
    items = Client().pages("/api/v1/tasks", limit, **{name: value for name, value in wanted.items() if value})
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
def lineage(task: str, *, json: bool = False) -> None:
    """Show where a task comes from and what was handed on of it."""
    found = Client().get(f"/api/v1/tasks/{task}/lineage")
    rows = [{**item, "what": "above"} for item in found["ancestors"]]
    rows.append({**found["task"], "what": "this"})
    rows += [{**item, "what": "part"} for item in found["parts"]]
    columns = [
        ("what", ""),
        ("task_id", "TASK"),
        ("status", "STATUS"),
        ("depth", "DEPTH"),
        ("agent_id", "AGENT"),
        ("delegator_id", "HANDED ON BY"),
    ]
    show(found, json=json, text=table(rows, columns, ""))


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


@app.command
def pause(task: str, *, reason: str = "paused", json: bool = False) -> None:
    """Hold a task, whatever its status; its agent keeps it and is told."""
    answer = Client().post(f"/api/v1/tasks/{task}/pause", {"reason": reason})
    show(answer, json=json, text=f"{task}: paused")


@app.command
def resume(task: str, *, json: bool = False) -> None:
    """Let a paused task go on where it was."""
    answer = Client().post(f"/api/v1/tasks/{task}/resume")
    show(answer, json=json, text=f"{task}: goes on")


@app.command
def purge(task: str, *, reason: str = "purged", json: bool = False) -> None:
    """Take a task out of the dead letter for good."""
    answer = Client().post(f"/api/v1/tasks/{task}/purge", {"reason": reason})
    show(answer, json=json, text=f"{task}: purged")


@app.command(name="submit-many")
def submit_many(file: Path, *, key: str = "", json: bool = False) -> None:
    """Submit the tasks of a JSON file, all or none.

    Parameters
    ----------
    file
        A list of tasks as the API takes them. A `ref` names a task for the `depends_on` of others.
    key
        An idempotency key: the same key again submits nothing.
    """
    try:
        tasks = decode(file.read_bytes())
    except (OSError, ValueError) as error:
        raise Failure(f"{file}: {error}", 2) from error
    answer = Client().post("/api/v1/tasks/bulk", {"tasks": tasks, "idempotency_key": key})
    show(answer, json=json, text="\n".join(answer["task_ids"]))


@app.command
def change(
    operation: str,
    tasks: list[str] | None = None,
    *,
    status: str = "",
    lane: str = "",
    agent: str = "",
    need: str = "",
    workflow: str = "",
    reason: str = "",
    json: bool = False,
) -> None:
    """Do the same to many tasks, named one by one or by what they have in common.

    Parameters
    ----------
    operation
        cancel, pause, resume, retry or purge. Tasks to which it does not apply are passed by.
    """
    wanted = {"status": status, "lane": lane, "agent": agent, "needs": need, "workflow": workflow}
    filters = {name: value for name, value in wanted.items() if value}
    if bool(tasks) == bool(filters):
        raise Failure("name tasks, or what they have in common, not both", 2)
    which: dict[str, Any] = {"task_ids": tasks} if tasks else {"filter": filters}
    client, matched, cursor = Client(), 0, ""
    while True:
        body = {"operation": operation, "reason": reason, "cursor": cursor, **which}
        answer = client.post("/api/v1/tasks/change", body)
        matched += answer["matched"]
        cursor = answer["next"]
        if not cursor:
            break
    show({**answer, "matched": matched}, json=json, text=f"{operation}: {matched} tasks")


@app.command
def estimate(
    task: str,
    *,
    cost: str = "",
    tokens: int | None = None,
    value: str = "",
    rationale: str = "",
    json: bool = False,
) -> None:
    """Say anew what a task is expected to cost, to use and to be worth; one that waited for it is given out."""
    body = expected(cost, tokens, value, rationale).get("estimate", {})
    answer = Client().post(f"/api/v1/tasks/{task}/estimate", body)
    show(answer, json=json, text=f"{task}: estimated")


@app.command
def assess(task: str, value: str, *, reason: str = "", json: bool = False) -> None:
    """Say what a finished task was worth, such as 12.50. A person's word stands above the policy's rule."""
    body = {"value_micro": micro(value), "reason": reason}
    answer = Client().post(f"/api/v1/tasks/{task}/assess", body)
    show(answer, json=json, text=f"{task}: worth {value}")

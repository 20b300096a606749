"""A scripted day: twenty agents of four kinds, work with dependencies and deadlines, and everybody killed at random.

In the evening every task is in exactly one terminal status, each success was verified, the record proves itself, and the
costs add up (issue 3 "Shown by"; spec 01 promise 1, spec 09 C1-C13).
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.acceptance.day.floor import KINDS, Floor
from tests.acceptance.day.plan import AT_ONCE, planned

from watchfloor.kernel.ids import parse_id
from watchfloor.ledger.sqlite.reader import Reader

pytestmark = pytest.mark.serial
PROGRAMS = Path(sys.executable).parent
ENDS = {
    "task.succeeded/1": "succeeded",
    "task.dead_lettered/1": "dead_letter",
    "task.cancelled/1": "cancelled",
}

FIGURES = (  # of the server's last life
    'task_attempts_total{outcome="succeeded"}',
    'task_verifications_total{held="yes",kind="file"}',
    'agent_execution_seconds_count{agent_type="worker"}',
    'agent_presence_changes_total{change="connected"}',
    'websocket_messages_total{direction="out"}',
    "task_dead_letter_depth",
)


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    found = Floor(tmp_path)
    yield found
    found.close()


def lived_through(
    floor: Floor, seed: int, tasks: int, kills: int, every_s: float, within_s: float
) -> dict[str, Any]:
    """Submit everything while agents and server are killed, until all tasks are over; what was submitted, by id."""
    dice = random.Random(seed)
    floor.begin_mishaps(random.Random(seed + 1), every_s)
    submitted: dict[str, Any] = {}
    done, killed = 0, 0
    until = time.monotonic() + within_s
    calm = time.monotonic() + within_s / 2  # on a slow machine, too, work outruns the mishaps in the end
    while done < tasks:
        if len(submitted) < tasks:
            first = len(submitted)
            refs: list[str] = []
            bodies = []
            for number in range(first, min(tasks, first + AT_ONCE)):
                bodies.append(planned(dice, number, floor.written, list(submitted), refs))
                refs.append(f"r{number}")
            ids = floor.send("POST", "/api/v1/tasks/bulk", {"tasks": bodies})["task_ids"]
            assert len(ids) == len(set(ids)) == len(bodies)
            submitted.update(zip(ids, bodies, strict=True))
        counts = statuses(floor)
        done = sum(counts[name] for name in ENDS.values())
        if killed < kills and done >= tasks * (killed + 1) // (kills + 2):
            floor.kill_server()
            killed += 1
        if time.monotonic() > calm:
            floor.end_mishaps()
        assert time.monotonic() < until, f"not over: {counts}, killed {floor.kills}"
        time.sleep(0.2)
    assert killed == kills
    floor.end_mishaps()
    return submitted


def statuses(floor: Floor) -> Counter[str]:
    """How many tasks are in each status, as REST shows them."""
    return Counter(item["status"] for item in floor.pages("/api/v1/tasks"))


def events_of(floor: Floor) -> list[dict[str, Any]]:
    """The whole ledger, decoded by nothing of the product's but the reader of rows."""
    reads = Reader(floor.deployment.data / "ledger.db", lambda reason: None)
    (organisation,) = reads.organisations()
    found: list[dict[str, Any]] = []
    while rows := reads.read(organisation.org, len(found), 5_000):
        found += [json.loads(data) for _, data, _ in rows]
    return [{**event, "subject": event["subject"]["id"]} for event in found]


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_ends(floor: Floor, submitted: dict[str, Any], events: list[dict[str, Any]]) -> Counter[str]:
    """Every task ended once, in the status that is shown; every success by its last generation and its criteria."""
    born = [event for event in events if event["type"] == "task.submitted/1"]
    assert len(born) == len(submitted), "nothing was lost and nothing submitted twice"
    shown = {item["task_id"]: item for item in floor.pages("/api/v1/tasks")}
    assert set(shown) == set(submitted)
    by_title = {item["title"]: task for task, item in shown.items()}
    assert len(by_title) == len(submitted)
    ends: dict[int, list[dict[str, Any]]] = {event["subject"]: [] for event in born}
    newest: dict[int, int] = {}
    for event in events:
        if event["type"] in ENDS:
            ends[event["subject"]].append(event)
        elif event["type"] == "task.assigned/1":
            assert event["facts"]["generation"] > newest.get(event["subject"], 0)
            newest[event["subject"]] = event["facts"]["generation"]
    assert {len(found) for found in ends.values()} == {1}, "one end each"
    counts: Counter[str] = Counter()
    for item in shown.values():
        subject = parse_id(item["task_id"], "task")[0]
        (end,) = ends[subject]
        body, facts = submitted[item["task_id"]], end["facts"]
        assert item["status"] == ENDS[end["type"]], (item, end)
        counts[item["status"]] += 1
        if item["status"] != "succeeded":
            continue
        assert facts["generation"] == newest[subject]
        assert facts["verified"] == bool(body["criteria"])
        assert body["input"]["behave"] in ("ok", "once"), "nobody succeeds with a lie, or by failing"
        assert body["needs"] != ["nobody"]
        assert Path(body["input"]["path"]).read_text(encoding="utf-8") == body["input"]["text"]
        for waited in body["depends_on"]:
            task = by_title[f"task {waited[1:]}"] if waited.startswith("r") else waited
            assert shown[task]["status"] == "succeeded"
    return counts


def check_costs(floor: Floor, events: list[dict[str, Any]]) -> None:
    """Sum over tasks = sum over agents = the organisation = what the events say."""
    took: Counter[str] = Counter()
    for event in events:
        if event["type"] in (*ENDS, "task.attempt_failed/1"):
            for name in ("cost_micro", "tokens"):
                took[name] += event["facts"].get(name, 0)
    (whole,) = floor.send("GET", "/api/v1/economics?by=organisation")["items"]
    assert (whole["cost_micro"], whole["tokens"]) == (took["cost_micro"], took["tokens"])
    assert took["cost_micro"] > 0
    for by in ("task", "agent"):
        rows = floor.pages(f"/api/v1/economics?by={by}")
        for name in ("cost_micro", "tokens", "time_ms", "attempts", "unreported"):
            assert sum(row[name] for row in rows) == whole[name], (by, name)


def evening(floor: Floor, submitted: dict[str, Any]) -> None:
    """Everything that has to hold."""
    events = events_of(floor)
    counts = check_ends(floor, submitted, events)
    assert counts["succeeded"] > len(submitted) // 2, counts
    assert counts["dead_letter"] > 0, counts
    check_costs(floor, events)
    kind_of = {event["subject"]: event["facts"]["name"].split("-")[0] for event in events if event["type"] == "agent.registered/1"}  # fmt: skip
    by_kind = Counter(
        kind_of[event["facts"]["agent"]] for event in events if event["type"] == "task.succeeded/1"
    )
    assert set(by_kind) == set(KINDS), by_kind
    metrics = httpx.get(f"{floor.url}/metrics", timeout=10).text
    for series in FIGURES:
        assert re.search(rf"^{re.escape(series)} [1-9]", metrics, re.M), series
    root, data = floor.root, str(floor.deployment.data)
    assert "good" in run("watchfloor", "ledger", "verify", "--data", data, cwd=root)
    told = json.loads(run("watchfloor", "ledger", "export", "proof", "--data", data, "--json", cwd=root))
    assert "good: head" in run("watchfloor-verify", "proof", "--key", told["key"], cwd=root)
    run("watchfloor", "ledger", "audit", "--data", data, cwd=root)
    print(
        f"{dict(counts)}, by {dict(by_kind)}, {len(events)} events, killed {Counter(n.split('-')[0] for n in floor.kills)}"
    )


@pytest.mark.timeout(400)
def test_a_day_of_200_tasks_with_two_kills_of_the_server_ends_in_order(floor: Floor) -> None:
    evening(floor, lived_through(floor, seed=3, tasks=200, kills=2, every_s=2.0, within_s=300))


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_day_of_2000_tasks_with_ten_kills_of_the_server_ends_in_order(floor: Floor) -> None:
    evening(floor, lived_through(floor, seed=4, tasks=2_000, kills=10, every_s=1.5, within_s=1_500))

"""What `watchfloor top` knows: pictures of the floor by REST, and what happens meanwhile by the stream (spec 8).

Nothing here draws. `Picture` is one answer of the server as people want it; `Newest` keeps the latest events and counts
them by kind over a minute; `listen` is the stream, resumed by seq for as long as the program runs.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import msgspec

from watchfloor.cli.client import Client, Profile
from watchfloor.cli.output import Failure, table

LANES = ("urgent", "high", "normal", "low")
STATUSES = ("queued", "assigned", "running", "blocked", "orphaned", "failed", "paused")
WINDOW_S = 60.0
EVENTS_KEPT = 200
AGENTS_MAX = 1_000
DECISIONS_MAX = 200
RATES = (
    ("submitted", ("task.submitted/1",)),
    ("succeeded", ("task.succeeded/1",)),
    ("failed", ("task.attempt_failed/1", "task.dead_lettered/1")),
    ("rulings", ("action.decided/1",)),
    ("events", ()),
)


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """The floor at one moment. `tasks`: open ones by lane and status. `at` in µs."""

    at: int
    url: str
    seq: int
    agents_by_state: dict[str, int]
    tasks: dict[str, dict[str, int]]
    agents: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    connections: int
    http_p99_ms: float


def picture(client: Client) -> Picture:
    """Ask the server. Raises Failure."""
    now = client.get("/api/v1/metrics")
    return Picture(
        at=now["at"],
        url=client.profile.url,
        seq=now["ledger_events"],
        agents_by_state=now["agents"],
        tasks=now["tasks"],
        agents=client.pages("/api/v1/agents", AGENTS_MAX),
        decisions=client.pages("/api/v1/decisions", DECISIONS_MAX, status="pending"),
        connections=now["websocket_connections"],
        http_p99_ms=now["http_p99_ms"],
    )


class Newest:
    """The latest events, newest last, and how many of each type the last minute held. For one writer and one reader."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._seen: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.state = "connecting"

    def add(self, event: dict[str, Any]) -> None:
        """One event of the stream."""
        with self._lock:
            self._seen.append((self._clock(), str(event["type"])))
            self.events.append(event)

    def latest(self) -> list[dict[str, Any]]:
        """A copy of what is kept."""
        with self._lock:
            return list(self.events)

    def rates(self) -> dict[str, float]:
        """Per second, over the last minute or since the beginning."""
        now = self._clock()
        with self._lock:
            while self._seen and self._seen[0][0] < now - WINDOW_S:
                self._seen.popleft()
            counts = Counter(kind for _, kind in self._seen)
        span = max(1.0, min(WINDOW_S, now - self._began))
        return {
            name: round((sum(counts[kind] for kind in kinds) if kinds else counts.total()) / span, 2)
            for name, kinds in RATES
        }


def listen(profile: Profile, newest: Newest, after: int, over: threading.Event) -> None:
    """Follow the stream until `over`; comes back by itself and misses nothing the server still has. Blocking."""
    headers = {"Authorization": f"Bearer {profile.token}", "Last-Event-ID": str(after)}
    timeout = httpx.Timeout(10, read=40)  # the server says something every 15 s
    with httpx.Client(base_url=profile.url, timeout=timeout) as http:
        while not over.is_set():
            try:
                with http.stream("GET", "/api/v1/stream", headers=headers) as answer:
                    if answer.status_code != 200:
                        newest.state = f"stream refused ({answer.status_code})"
                        over.wait(2)
                        continue
                    newest.state = "live"
                    for name, text in _lines(answer, over):
                        if name == "id":
                            headers["Last-Event-ID"] = text
                        elif name == "data" and text.startswith("{"):
                            _take(newest, text)
            except httpx.HTTPError:
                newest.state = "reconnecting"
            over.wait(0.5)


def _lines(answer: httpx.Response, over: threading.Event) -> Any:
    for line in answer.iter_lines():
        if over.is_set():
            return
        name, _, text = line.partition(":")
        if name:
            yield name, text.lstrip()


def _take(newest: Newest, text: str) -> None:
    try:
        event = json.loads(text)
    except ValueError:
        return
    if isinstance(event, dict) and "type" in event:
        newest.add(event)


# Rows, for the terminal and for plain text ----------------------------------------------------------------------------


def sentence(event: dict[str, Any]) -> str:
    """One line about an event."""
    clock = time.strftime("%H:%M:%S", time.gmtime(event["at"] / 1_000_000))
    subject = event.get("subject") or {}
    facts = event.get("facts") or {}
    more = next(
        (str(facts[name]) for name in ("reason", "verdict", "name", "outcome") if facts.get(name)), ""
    )
    return f"{clock}  {event['seq']:>8}  {event['type']:<28} {subject.get('id', ''):<18} {more}".rstrip()


def agent_rows(found: Picture, *, by: str = "state", text: str = "") -> list[dict[str, Any]]:
    """Agents, those that match, sorted by `by`: name, state, tier, tasks."""
    keys: dict[str, Callable[[dict[str, Any]], Any]] = {
        "name": lambda row: row["name"],
        "state": lambda row: (row["state"], row["name"]),
        "tier": lambda row: (-row["score"], row["name"]),
        "tasks": lambda row: (-row["tasks_open"], row["name"]),
    }
    wanted = text.casefold()
    return sorted(
        (
            row
            for row in found.agents
            if wanted in " ".join((row["name"], row["state"], row["type"], *row["capabilities"])).casefold()
        ),
        key=keys[by],
    )


def task_rows(found: Picture) -> list[dict[str, Any]]:
    """One row a lane: how many open tasks are in each status, and in all."""
    return [
        {
            "lane": lane,
            **{status: found.tasks.get(lane, {}).get(status, 0) for status in STATUSES},
            "open": sum(found.tasks.get(lane, {}).values()),
        }
        for lane in LANES
    ]


def decision_rows(found: Picture, text: str = "") -> list[dict[str, Any]]:
    """Decisions that wait, the most pressing first, with the seconds they have left."""
    wanted = text.casefold()
    return [
        {**row, "left": _left(row["deadline_at"], found.at), "votes": f"{row['approvals']}/{row['needed']}"}
        for row in sorted(
            found.decisions, key=lambda row: (row["deadline_at"] or 1 << 60, row["decision_id"])
        )
        if wanted
        in f"{row['decision_id']} {row['type']} {row['tool']} {row['agent_id']} {row['role']}".casefold()
    ]


def _left(deadline_at: int, at: int) -> str:
    if not deadline_at:
        return ""
    seconds = max(0, (deadline_at - at) // 1_000_000)
    return f"{seconds // 3_600}:{seconds % 3_600 // 60:02}:{seconds % 60:02}"


AGENT_COLUMNS = (("name", "AGENT"), ("state", "STATE"), ("tier", "TIER"), ("score", "SCORE"), ("tasks_open", "TASKS"), ("type", "TYPE"))  # fmt: skip
TASK_COLUMNS = (("lane", "LANE"), *((status, status.upper()) for status in STATUSES), ("open", "OPEN"))
DECISION_COLUMNS = (("decision_id", "DECISION"), ("urgency", "URGENCY"), ("left", "LEFT"), ("level", "LEVEL"), ("type", "ACTION"), ("agent_id", "AGENT"), ("role", "ROLE"), ("votes", "VOTES"))  # fmt: skip


def heading(found: Picture, rates: dict[str, float] | None = None) -> str:
    """One line over everything."""
    states = ", ".join(f"{number} {state}" for state, number in sorted(found.agents_by_state.items()))
    opened = sum(row["open"] for row in task_rows(found))
    parts = [
        f"agents: {states or 'none'}",
        f"open tasks: {opened}",
        f"pending decisions: {len(found.decisions)}",
    ]
    if rates is not None:
        parts.append("per second: " + ", ".join(f"{name} {number:g}" for name, number in rates.items()))
    return "  |  ".join(parts)


def plain(found: Picture, rates: dict[str, float] | None = None) -> str:
    """Everything as text, for pipes and `--once`."""
    return "\n".join(
        (
            f"{found.url}  seq {found.seq}",
            heading(found, rates),
            "",
            table(agent_rows(found), AGENT_COLUMNS, "No agents."),
            "",
            table(task_rows(found), TASK_COLUMNS, "No tasks."),
            "",
            table(decision_rows(found), DECISION_COLUMNS, "No decision waits."),
        )
    )


def steadily(client: Client) -> Picture | Failure:
    """A picture, or why there is none just now."""
    try:
        return picture(client)
    except Failure as failure:
        return failure

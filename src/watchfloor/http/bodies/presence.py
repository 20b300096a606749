"""Heartbeats of agents that keep in touch by REST (spec 2.3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Count, Id, Instant, Millis, Seq
from watchfloor.kernel.limits import WORKING_ON_MAX


class WorkingOn(Body, frozen=True, kw_only=True):
    """A task that the agent is at work on, under the generation it was given."""

    task_id: Id
    generation: Count


class Usage(Body, frozen=True, kw_only=True):
    """What the agent's process uses: thousandths of one core, bytes, tasks waiting in it."""

    cpu_milli: Count = 0
    memory_bytes: Count = 0
    queue: Count = 0


class HeartbeatBody(Body, frozen=True, kw_only=True):
    """How the agent is, and what it works on: a task that was orphaned meanwhile goes on, as with `task:resume`.

    Anything but `healthy` means no new work, until two healthy heartbeats in a row.
    """

    status: Literal["healthy", "degraded", "unhealthy"] = "healthy"
    metrics: Usage = Usage()
    working_on: Annotated[tuple[WorkingOn, ...], Meta(max_length=WORKING_ON_MAX)] = ()


class HeldTask(Answer, frozen=True, kw_only=True):
    """A task of this agent. `assigned`: accept or reject it by `accept_by_at`; `paused`: do nothing for it now."""

    task_id: str
    generation: Count
    status: str
    accept_by_at: Instant = 0
    deadline_at: Instant = 0


class HeartbeatAnswer(Answer, frozen=True, kw_only=True):
    """Everything the agent has now; of what it works on, `lost` is not its own any more: stop.

    The next heartbeat is due within `heartbeat_interval_ms`; after three missed ones the agent counts as gone. `presence`
    is online or degraded. `seq` as `min_seq` reads a task that was assigned just now.
    """

    session: str
    presence: str
    heartbeat_interval_ms: Millis
    tasks: tuple[HeldTask, ...]
    lost: tuple[str, ...]
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    HeartbeatBody: {
        "status": "healthy",
        "working_on": [{"task_id": "tsk_q0d1k7m9x2v4", "generation": 1}],
    },
    HeartbeatAnswer: {
        "session": "3f9c2a.5be1c07d",
        "presence": "online",
        "heartbeat_interval_ms": 30_000,
        "tasks": [
            {"task_id": "tsk_q0d1k7m9x2v4", "generation": 1, "status": "running"},
            {
                "task_id": "tsk_r8s2n4c6b1z0",
                "generation": 2,
                "status": "assigned",
                "accept_by_at": 1_790_000_060_000_000,
            },
        ],
        "lost": [],
        "seq": 1042,
    },
}

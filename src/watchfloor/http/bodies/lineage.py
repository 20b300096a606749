"""Work that agents hand on."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    Answer,
    Body,
    Count,
    Free,
    Id,
    Instant,
    Name,
    NoAgentName,
    Number,
    Seq,
    Text,
)
from watchfloor.http.bodies.tasks import Priority
from watchfloor.kernel.limits import CAPABILITIES_MAX, SHARE_MILLI, TASK_MS_MAX


class DelegateTaskBody(Body, frozen=True, kw_only=True):
    """`generation` of the task at hand; `tools` at most one's own (empty: all of them); `share_milli` of its budget."""

    generation: Number
    title: Name
    description: Text = ""
    priority: Priority = "normal"
    needs: Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)] = ()
    agent_id: NoAgentName = ""
    input: Free = None
    metadata: Free = None
    tools: Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)] = ()
    share_milli: Annotated[int, Meta(ge=0, le=SHARE_MILLI)] = 0
    timeout_ms: Annotated[int, Meta(ge=1_000, le=TASK_MS_MAX, description="milliseconds")] = 1_800_000


class SpawnAgentBody(Body, frozen=True, kw_only=True):
    """The started execution of a granted action of class spawn, and exactly the agent that was granted."""

    action_id: Id
    execution_id: Name
    name: Name
    type: Name
    capabilities: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=CAPABILITIES_MAX)]
    tools: Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)] = ()
    share_milli: Annotated[int, Meta(ge=0, le=SHARE_MILLI)] = 0


class AgentSpawned(Answer, frozen=True, kw_only=True):
    """`api_key` is shown once and is null in the answer to a repeat."""

    agent_id: str
    name: str
    structured_id: str
    api_key: str | None
    expires_at: Instant
    depth: Count
    seq: Seq


class LineageItem(Answer, frozen=True, kw_only=True):
    """`depth`: agents it came through. `delegator_id` empty: a person submitted it."""

    task_id: str
    status: str
    depth: Count
    agent_id: str
    delegator_id: str
    share_milli: Count


class TaskLineage(Answer, frozen=True, kw_only=True):
    """`chain`: the agents it came through; `tools` (empty: no bound) and `tier_max` bound whoever works on it."""

    task: LineageItem
    ancestors: tuple[LineageItem, ...]
    parts: tuple[LineageItem, ...]
    chain: tuple[str, ...]
    tools: tuple[str, ...]
    tier_max: Count
    seq: Seq


_ITEM = {
    "task_id": "tsk_r1e2m8n0y3w5",
    "status": "running",
    "depth": 1,
    "agent_id": "agt_r1e2m8n0y3w5",
    "delegator_id": "agt_q0d1k7m9x2v4",
    "share_milli": 250,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    DelegateTaskBody: {
        "generation": 1,
        "title": "Mend the tests",
        "needs": ["python.test"],
        "tools": ["pytest"],
    },
    SpawnAgentBody: {
        "action_id": "act_q0d1k7m9x2v4",
        "execution_id": "exe-1",
        "name": "junior",
        "type": "worker",
        "capabilities": ["python.test"],
    },
    AgentSpawned: {
        "agent_id": "agt_r1e2m8n0y3w5",
        "name": "junior",
        "structured_id": "N-WRK-PYTH-0002",
        "api_key": "wf_key_0123456789abcdef_…",
        "expires_at": 1_763_786_400_000_000,
        "depth": 1,
        "seq": 1042,
    },
    TaskLineage: {
        "task": _ITEM,
        "ancestors": [],
        "parts": [],
        "chain": ["agt_q0d1k7m9x2v4"],
        "tools": ["pytest"],
        "tier_max": 3,
        "seq": 1042,
    },
}

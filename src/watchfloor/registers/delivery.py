"""What agents must not miss, and work too large for one batch (DESIGN §2 *Pushes*, law *One batch*).

Cells: `outbox` by agent → the last 256 deliverable seqs; `node` by node → its current incarnation;
`continuation` by name → work still to do in slices, `continuations` by "all" → their names.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.messages import ActionClosed, ActionGranted
from watchfloor.fleet.messages import AgentDisconnected, AgentQuarantined, AgentRetired, NodeStarted
from watchfloor.kernel.limits import CONTINUATION_SLICE, OUTBOX_SEQS
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.kernel.system import Continued
from watchfloor.registers.queue import SHARDS
from watchfloor.work.messages import TaskAssigned, TaskCancelled

Cells = list[tuple[str, object, object]]

DIRECT_ORPHANS_MAX = 8  # an agent with more open tasks than this is worked off by a continuation


class Continuation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`kind` disconnect (agents) or orphan (tasks of `agent`); `now` the slice of this event, `rest` what is left."""

    kind: str
    agent: int
    now: tuple[int, ...]
    rest: tuple[int, ...]


def _deliver(event: Event, read: Read) -> Cells:
    facts = event.facts
    agent: int = facts.agent  # type: ignore[attr-defined]
    if not agent:
        return []
    seqs: tuple[int, ...] = read("outbox", agent) or ()
    if seqs and seqs[-1] >= event.seq:
        return []
    return [("outbox", agent, (*seqs[1 - OUTBOX_SEQS :], event.seq))]


def session_current(agent: Any, read: Read) -> bool:
    """Was the agent's session opened under its node's present incarnation? `node.started` ends all earlier ones at
    once, while their disconnection is worked off in slices (DESIGN 2b.7)."""
    incarnation: str | None = read("node", agent.node)
    return incarnation is None or agent.session.startswith(incarnation)


def _begin(name: str, work: Continuation, read: Read) -> Cells:
    if not work.rest or read("continuation", name) is not None:
        return []
    names: tuple[str, ...] = read("continuations", "all") or ()
    return [("continuation", name, work), ("continuations", "all", (*names, name))]


def _node_started(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, NodeStarted)
    connected = tuple(
        agent
        for shard in range(SHARDS)
        for agent in sorted(read("connected", shard) or ())
        if read("agent", agent).node == facts.node
    )
    cells: Cells = [("node", facts.node, facts.incarnation)]
    return cells + _begin(f"disconnect:{event.seq}", Continuation("disconnect", 0, (), connected), read)


def _gone(event: Event, read: Read) -> Cells:
    """However an agent goes: more tasks than one batch takes are orphaned in slices; twice is no news to a task."""
    held: tuple[int, ...] = read("load", event.subject) or ()
    if len(held) <= DIRECT_ORPHANS_MAX:
        return []
    return _begin(f"orphan:{event.seq}", Continuation("orphan", event.subject, (), held), read)


def _continued(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, Continued)
    work: Continuation | None = read("continuation", facts.name)
    if work is None:
        return []
    if not work.rest:
        names: tuple[str, ...] = read("continuations", "all") or ()
        return [
            ("continuation", facts.name, None),
            ("continuations", "all", tuple(n for n in names if n != facts.name) or None),
        ]
    size = CONTINUATION_SLICE // 4 if work.kind == "disconnect" else CONTINUATION_SLICE
    return [
        ("continuation", facts.name, Continuation(work.kind, work.agent, work.rest[:size], work.rest[size:]))
    ]


REGISTER = Register(
    name="delivery",
    cells={
        "outbox": tuple[int, ...],
        "node": str,
        "continuation": Continuation,
        "continuations": tuple[str, ...],
    },
    folds={
        TaskAssigned: _deliver,
        TaskCancelled: _deliver,
        ActionGranted: _deliver,
        ActionClosed: _deliver,
        NodeStarted: _node_started,
        AgentDisconnected: _gone,
        AgentQuarantined: _gone,
        AgentRetired: _gone,
        Continued: _continued,
    },
)

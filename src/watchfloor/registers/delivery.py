"""What agents must not miss, and work too large for one batch (DESIGN §2 *Pushes*, law *One batch*).

Cells: `outbox` by agent → the last 256 deliverable seqs; `node` by node → its current incarnation;
`continuation` by name → work still to do in slices, `continuations` by "all" → their names.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.messages import ActionClosed, ActionGranted, StopEased, StopLifted
from watchfloor.councils.tribunal_messages import TribunalConvened
from watchfloor.fleet.messages import (
    AgentDisconnected,
    AgentQuarantined,
    AgentReleased,
    AgentRetired,
    NodeStarted,
)
from watchfloor.fleet.supervision import OVERLOADED
from watchfloor.fleet.supervision_messages import (
    SupervisionArranged,
    SupervisionEnded,
    SupervisionPassed,
)
from watchfloor.kernel.limits import CHANGES_PER_SLICE, CONTINUATION_SLICE, OUTBOX_SEQS
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.kernel.system import Continued
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.dependencies import few
from watchfloor.registers.lineage import recipient
from watchfloor.registers.queue import SHARDS, candidates
from watchfloor.work.budget_messages import TASK_OVER, BudgetChanged, BudgetRemoved, BudgetRenewed
from watchfloor.work.bulk import OPERATIONS
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskPaused,
    TasksChanged,
    TaskSucceeded,
    TaskUnpaused,
)

Cells = list[tuple[str, object, object]]

TAKEN_AWAY = frozenset(("deadline_passed", "disconnected", "not_accepted", "stuck", "timed_out"))
DIRECT_ORPHANS_MAX = 8  # an agent with more open tasks than this is worked off by a continuation


class Continuation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`now` is the slice of this event, `rest` what is left.

    `kind`: disconnect and offer (agents), orphan (tasks of the agent `agent`), hand_over (the same, `to` another), met and lost
    (chunks of dependents of the task `agent` that succeeded, or will not), or an operation of work/bulk.py (tasks).
    """

    kind: str
    agent: int
    now: tuple[int, ...]
    rest: tuple[int, ...]
    reason: str = ""
    to: int = 0


def _deliver(event: Event, read: Read) -> Cells:
    facts = event.facts
    agent: int = facts.agent  # type: ignore[attr-defined]
    if not agent:
        return []
    seqs: tuple[int, ...] = read("outbox", agent) or ()
    if seqs and seqs[-1] >= event.seq:
        return []
    return [("outbox", agent, (*seqs[1 - OUTBOX_SEQS :], event.seq))]


def _handed_over(event: Event, read: Read) -> Cells:
    """To whoever has it now, and to whoever had it: they must stop."""
    facts = event.facts
    assert isinstance(facts, TaskHandedOver)
    return _to(event.seq, (facts.agent, facts.agent_before), read)


def _result(event: Event, read: Read, *agents: int) -> Cells:
    """A task that was handed on has a result for somebody, besides those it is news for."""
    task = read("task", event.subject)
    return _to(event.seq, (*agents, recipient(task, read) if task is not None else 0), read)


def _to(seq: int, agents: tuple[int, ...], read: Read) -> Cells:
    cells: Cells = []
    for agent in dict.fromkeys(agents):
        seqs: tuple[int, ...] = read("outbox", agent) or ()
        if agent and (not seqs or seqs[-1] < seq):
            cells.append(("outbox", agent, (*seqs[1 - OUTBOX_SEQS :], seq)))
    return cells


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


def _ended(event: Event, read: Read) -> Cells:
    """Whoever waits for a task hears of its end: more than a few in slices."""
    first, following = read("chunks", event.subject) or (0, 0)
    if first == following or few(event, read):
        return []
    kind = "met" if isinstance(event.facts, TaskSucceeded) else "lost"
    work = Continuation(kind, event.subject, (), tuple(range(first, following)))
    return _begin(f"{kind}:{event.seq}", work, read)


def _passed(event: Event, read: Read) -> Cells:
    """A domain passes on: both agents are told, and much open work follows in slices."""
    facts = event.facts
    assert isinstance(facts, SupervisionPassed)
    cells = _to(event.seq, (facts.agent, facts.agent_before), read)
    held: tuple[int, ...] = read("load", facts.agent_before) or ()
    everything = facts.agent and facts.agent_before and facts.reason != OVERLOADED
    if not everything or len(held) <= DIRECT_ORPHANS_MAX:
        return cells
    work = Continuation("hand_over", facts.agent_before, (), held, to=facts.agent)
    return cells + _begin(f"hand_over:{event.seq}", work, read)


def _arranged(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, SupervisionArranged | SupervisionEnded)
    return _to(event.seq, (facts.agent,), read)


def _convened(event: Event, read: Read) -> Cells:
    """Every validator is asked."""
    facts = event.facts
    assert isinstance(facts, TribunalConvened)
    return _to(event.seq, tuple(member.agent for member in facts.members), read)


def _continued(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, Continued)
    work: Continuation | None = read("continuation", facts.name)
    if work is None:
        return []
    done: Cells = []
    if work.kind in ("met", "lost"):
        done = [("dependents", (work.agent, chunk), None) for chunk in work.now]
    if not work.rest:
        names: tuple[str, ...] = read("continuations", "all") or ()
        return [
            *done,
            ("continuation", facts.name, None),
            ("continuations", "all", tuple(n for n in names if n != facts.name) or None),
        ]
    size = _SLICES.get(work.kind, CONTINUATION_SLICE)
    return [
        *done,
        (
            "continuation",
            facts.name,
            Continuation(work.kind, work.agent, work.rest[:size], work.rest[size:], work.reason, work.to),
        ),
    ]


# A chunk of dependents is a slice already; an agent takes its tasks with it.
_SLICES = {
    "disconnect": CONTINUATION_SLICE // 4,
    "offer": CONTINUATION_SLICE // 4,
    "met": 1,
    "lost": 1,
    **dict.fromkeys(OPERATIONS, CHANGES_PER_SLICE),
}


def _changed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TasksChanged)
    work = Continuation(facts.operation, 0, (), facts.tasks, facts.reason)
    return _begin(f"{facts.operation}:{event.seq}", work, read)


def _budget_has_room(event: Event, read: Read) -> Cells:
    """Tasks may have waited for it: whom the budget is for is offered work once more, or everybody who is free."""
    facts, budget = event.facts, read("budget", event.subject)
    lower = isinstance(facts, BudgetChanged) and facts.limit < facts.limit_before
    over = isinstance(facts, BudgetRemoved) and facts.reason == TASK_OVER
    if lower or over or budget is None:
        return []
    if budget.scope == "agent":
        there: tuple[int, ...] = (budget.target,)
    else:
        there = tuple(agent for shard in range(SHARDS) for agent in read("free", ("", shard)) or ())
    return _begin(f"offer:{event.seq}", Continuation("offer", 0, (), there), read)


def _room_for_more(event: Event, read: Read) -> Cells:
    """Another policy may let agents hold more, with an agent those below it come out of quarantine, a stop or a stage of
    it is lifted: whoever has room and something that waits for it is offered work."""
    if isinstance(event.facts, AgentReleased) and not read("offspring", event.subject):
        return []
    there = tuple(
        agent
        for shard in range(SHARDS)
        for agent in read("free", ("", shard)) or ()
        if candidates(agent, read("agent", agent).capabilities, 1, read)
    )
    return _begin(f"offer:{event.seq}", Continuation("offer", 0, (), there), read)


def _taken_away(event: Event, read: Read) -> Cells:
    """The platform ended an attempt: whoever may still work on it is told. Who reported it itself knows."""
    facts = event.facts
    assert isinstance(facts, TaskAttemptFailed)
    return _deliver(event, read) if facts.reason in TAKEN_AWAY else []


def _dead(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskDeadLettered)
    news = (facts.agent,) if facts.reason in TAKEN_AWAY else ()
    return _result(event, read, *news) + _ended(event, read)


def _succeeded(event: Event, read: Read) -> Cells:
    return _result(event, read) + _ended(event, read)


def _cancelled(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskCancelled)
    return _result(event, read, facts.agent) + _ended(event, read)


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
        TaskCancelled: _cancelled,
        TaskAttemptFailed: _taken_away,
        TaskDeadLettered: _dead,
        TaskSucceeded: _succeeded,
        TaskPaused: _deliver,
        TaskUnpaused: _deliver,
        TaskHandedOver: _handed_over,
        ActionGranted: _deliver,
        ActionClosed: _deliver,
        TribunalConvened: _convened,
        SupervisionArranged: _arranged,
        SupervisionPassed: _passed,
        SupervisionEnded: _arranged,
        NodeStarted: _node_started,
        AgentDisconnected: _gone,
        AgentQuarantined: _gone,
        AgentRetired: _gone,
        TasksChanged: _changed,
        Continued: _continued,
        StopEased: _room_for_more,
        StopLifted: _room_for_more,
        BudgetChanged: _budget_has_room,
        BudgetRemoved: _budget_has_room,
        BudgetRenewed: _budget_has_room,
        PolicyApplied: _room_for_more,
        AgentReleased: _room_for_more,
    },
)

"""Actions: request, ruling, grant, execution; stops and standing approvals: commands and facts (spec 3.1-3.3).

A level-0 decision is one event, `action.decided/1`, of at most 1 KiB: it holds the request's facts, the evidence, the
ruling and the grant. Parameters and the agent's words are private. `digest` is SHA-256(salt ‖ canonical action).
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.kernel.amounts import UNSAID
from watchfloor.kernel.messages import Command, Facts


class Grant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Terms of a single-use permission. `basis`: auto, approved, committee, standing, forced or observed.

    `number` counts the grants of this action from 1; the public id is derived from it.
    """

    basis: str
    execution_ms: int
    expires_at: int
    number: int = 1


class Derived(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the gate derived from the private parameters: class, named risk factors with points, hard violations.

    `targets` are salted digests of the hosts and paths named, `zones` their coarse places (actions/targets.py).
    `held`: of rules of the policy that may hold, which of their comparisons of the request do, as bits by place
    (actions/conditions.py); `findings` of packs: (rule, deny or raise, level). RULES_VERSION 4.
    """

    cls: str
    factors: tuple[tuple[str, int], ...] = ()
    level_min: int = 0
    violations: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    zones: tuple[int, ...] = ()
    held: tuple[tuple[str, int], ...] = ()
    findings: tuple[tuple[str, str, int], ...] = ()


class BudgetSeen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A budget in force for this agent and task, the tightest of its measure (spec 3.3 *Budgets*).

    `asked` is what this action would reserve beyond what its task has reserved already; -1: nobody said.
    """

    budget: int
    nonce: int
    scope: str
    measure: str
    limit: int
    spent: int
    reserved: int
    asked: int


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything the gate looked at outside the request, positional and ≤ 600 bytes (DESIGN 2b.3).

    Codes: `agent_state` 0 active, 1 quarantined, 2 retired. Counts are of this agent, windows ending at the instant
    of the command. `standing` is the subject of the standing approval in force, 0 none. `stops` are subjects of stops in force.
    """

    agent_state: int
    scope_allows: bool
    tool_permitted: bool
    stops: tuple[int, ...]
    breaker_agent_until: int  # instant until which the breaker is open, 0 closed
    breaker_tool_until: int
    requests_1s: int
    requests_5s: int
    executed_10s: int
    same_digest_60s: int
    throttles_60s: int
    spent_today_micro: int
    tier: int
    score: int
    tasks_open: int
    task_valid: bool
    first_time: bool
    failures_24h: int
    auto_hour: int
    requests_hour: int
    standing: int
    standing_until: int
    of_type_before: int
    budgets: tuple[BudgetSeen, ...] = ()  # none before RULES_VERSION 2, and where no budget is in force
    zones_known: int = (
        0  # zones the agent has been in, and how many of the request's are new; RULES_VERSION 3
    )
    zones_new: int = 0
    agent_type: str = ""  # where the policy has limits for types of agents (spec 3.3 *Runaway*)


class RequestAction(Command, frozen=True, kw_only=True):
    """An agent asks before it acts.

    `action` is the canonical action (type, tool, params) as the server renders it, `salt` 32 bytes, `private`
    canonical JSON {"action", "reason", "salt"}; `params` the decoded parameters for the gate's derivation only.
    `cost_micro` and `tokens` are estimates, UNSAID when the agent gave none (kernel/amounts.py).
    `generation` is the task's; without a task, of `agent.activate_version`, the number of the version.
    """

    KIND: ClassVar[str] = "action"
    agent: int
    type: str
    tool: str = ""
    params: object = None
    action: bytes = b""
    salt: bytes = b""
    private: bytes = b""
    urgency: str = "normal"
    task: int = 0
    generation: int = 0
    cost_micro: int = UNSAID
    tokens: int = UNSAID
    dry_run: bool = False
    attempts: int = 0  # at most so many executions for one decision; 0: as many as the policy allows


class GrantAction(Command, frozen=True, kw_only=True):
    """The people agreed: give the grant. From the approval process only."""

    KIND: ClassVar[str] = "action"
    decision: int
    basis: str
    execution_ms: int
    expires_at: int
    level: int = 0


class CloseAction(Command, frozen=True, kw_only=True):
    """The people did not agree in time or at all: `reason` denied, expired or cancelled."""

    KIND: ClassVar[str] = "action"
    decision: int
    reason: str


class StartAction(Command, frozen=True, kw_only=True):
    """Consume the grant. `digest` is what the executor is about to run, `target` the resolved host or path it attests."""

    KIND: ClassVar[str] = "action"
    agent: int
    grant: int
    execution: str
    digest: str = ""
    target: str = ""
    salt: bytes = b""  # of the action, where a target is attested: its digests can be made with it alone


class CompleteAction(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "action"
    agent: int
    execution: str
    outcome_digest: str = ""
    cost_micro: int = UNSAID
    tokens: int = UNSAID
    private: bytes = b""  # canonical JSON {"outcome"}


class FailAction(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "action"
    agent: int
    execution: str
    code: str = "failed"
    cost_micro: int = UNSAID
    tokens: int = UNSAID
    private: bytes = b""  # canonical JSON {"reason"}


class SettleAction(Command, frozen=True, kw_only=True):
    """What really happened to an execution of unknown outcome: `outcome` completed or failed."""

    KIND: ClassVar[str] = "action"
    execution: str
    outcome: str
    cost_micro: int = UNSAID
    tokens: int = UNSAID


class CancelAction(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "action"
    reason: str = ""


class ActionTimePassed(Command, frozen=True, kw_only=True):
    """The grant expired unused, or the execution ran out of time."""

    KIND: ClassVar[str] = "action"


class RecordStop(Command, frozen=True, kw_only=True):
    """A kill switch: `scope` as in containment.SCOPES; `target` empty for the organisation, else a name or a public id.

    `number` is the integer of the agent or task that the id names.
    """

    KIND: ClassVar[str] = "stop"
    scope: str
    target: str = ""
    reason: str = ""
    effective_at: int = 0
    journal: str = ""
    number: int = 0


class EaseStop(Command, frozen=True, kw_only=True):
    """A stage of lifting a stop: what has this name in this scope may go on, all else stays stopped (spec 3.3)."""

    KIND: ClassVar[str] = "stop"
    scope: str
    target: str
    reason: str = ""
    number: int = 0


class LiftStop(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "stop"
    reason: str = ""


class GrantStanding(Command, frozen=True, kw_only=True):
    """'This type, this agent, until …': recorded, revocable, never above level 2 (spec 3.1 rule 8, 3.2)."""

    KIND: ClassVar[str] = "standing"
    agent: int
    type: str
    expires_at: int


class RevokeStanding(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "standing"


class OpenBreaker(Command, frozen=True, kw_only=True):
    """`scope` agent or tool. From the containment process."""

    KIND: ClassVar[str] = "breaker"
    scope: str
    target: str
    until_at: int
    failures: int


class HalfOpenBreaker(Command, frozen=True, kw_only=True):
    """The open time is over: somebody may try."""

    KIND: ClassVar[str] = "breaker"


class ActionDecided(Facts, frozen=True, kw_only=True):
    """The gate's ruling. `verdict` permitted, pending or denied; `failed` = rules that did not pass (name, answer, level).

    `attempts` executions at most for one decision; `idempotent`: also where nobody knows what became of the last one.
    """

    TYPE: ClassVar[str] = "action.decided/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    cost_micro: int
    derived: Derived
    digest: str
    evidence: Evidence
    failed: tuple[tuple[str, str, int], ...]
    generation: int
    grant: Grant | None
    level: int
    nonce: int
    policy_digest: str
    reserves_micro: int
    risk: int
    task: int
    tool: str
    urgency: str
    verdict: str
    reserves_tokens: int = 0
    attempts: int = 1
    idempotent: bool = False


class ActionGranted(Facts, frozen=True, kw_only=True):
    """`level` is set where people answered for more than the ruling had asked: a policy applied meanwhile wanted it."""

    TYPE: ClassVar[str] = "action.granted/1"
    KIND: ClassVar[str] = "action"
    agent: int
    decision: int
    grant: Grant
    level: int = 0


class ActionClosed(Facts, frozen=True, kw_only=True):
    """Never started: `reason` denied, expired, cancelled, grant_expired. Releases the reservation."""

    TYPE: ClassVar[str] = "action.closed/1"
    KIND: ClassVar[str] = "action"
    agent: int
    decision: int
    reason: str
    released_micro: int


class GrantRevoked(Facts, frozen=True, kw_only=True):
    """A check at start found the basis gone (`reason` names it); a new decision is opened (law *Monotone oversight*)."""

    TYPE: ClassVar[str] = "action.grant_revoked/1"
    KIND: ClassVar[str] = "action"
    agent: int
    digest: str
    grant: int
    level: int
    reason: str
    risk: int
    urgency: str


class GrantMisused(Facts, frozen=True, kw_only=True):
    """A second use, other parameters or another agent: refused, and a security violation."""

    TYPE: ClassVar[str] = "action.grant_misused/1"
    KIND: ClassVar[str] = "action"
    agent: int
    misuse: str


class ActionStarted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "action.started/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    execution: str
    grant: int
    target: str
    tool: str
    until_at: int


class ActionCompleted(Facts, frozen=True, kw_only=True):
    """`unheld`: people would have been asked, and the mode let it run; nobody looked, so it says nothing for the agent."""

    TYPE: ClassVar[str] = "action.completed/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    cost_micro: int
    execution: str
    outcome_digest: str
    released_micro: int
    tool: str
    tokens: int = 0
    claimed_micro: int = 0  # what its agent said where that is beyond belief; 0: what counts is what it said
    claimed_tokens: int = 0
    unheld: bool = False


class UngatedCall(Facts, frozen=True, kw_only=True):
    """The agent says it carried out what nobody had let it start: an alarm, once, and a security violation (spec 3.2)."""

    TYPE: ClassVar[str] = "action.ungated_call/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    execution: str
    tool: str


class ActionFailed(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "action.failed/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    code: str
    cost_micro: int
    execution: str
    released_micro: int
    tool: str
    tokens: int = 0
    claimed_micro: int = 0  # what its agent said where that is beyond belief; 0: what counts is what it said
    claimed_tokens: int = 0


class ActionUnknown(Facts, frozen=True, kw_only=True):
    """No outcome within the execution time-out: the reservation is held until somebody settles it."""

    TYPE: ClassVar[str] = "action.unknown/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    execution: str
    tool: str


class ActionSettled(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "action.settled/1"
    KIND: ClassVar[str] = "action"
    agent: int
    cost_micro: int
    execution: str
    outcome: str
    released_micro: int
    tokens: int = 0
    claimed_micro: int = 0  # what its agent said where that is beyond belief; 0: what counts is what it said
    claimed_tokens: int = 0


class StopRecorded(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "stop.recorded/1"
    KIND: ClassVar[str] = "stop"
    effective_at: int
    journal: str
    nonce: int
    reason: str
    scope: str
    target: str
    number: int = 0


class StopEased(Facts, frozen=True, kw_only=True):
    """Lifted for what has this name; in force for all else."""

    TYPE: ClassVar[str] = "stop.eased/1"
    KIND: ClassVar[str] = "stop"
    number: int
    reason: str
    scope: str
    target: str


class StopLifted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "stop.lifted/1"
    KIND: ClassVar[str] = "stop"
    reason: str


class StandingGranted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "standing.granted/1"
    KIND: ClassVar[str] = "standing"
    action_type: str
    agent: int
    expires_at: int
    nonce: int


class StandingRevoked(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "standing.revoked/1"
    KIND: ClassVar[str] = "standing"
    action_type: str
    agent: int


class BreakerOpened(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "breaker.opened/1"
    KIND: ClassVar[str] = "breaker"
    failures: int
    scope: str
    target: str
    until_at: int


class BreakerHalfOpened(Facts, frozen=True, kw_only=True):
    """The open time is over: one probe may run. Its success closes the breaker, its failure opens it again."""

    TYPE: ClassVar[str] = "breaker.half_opened/1"
    KIND: ClassVar[str] = "breaker"
    scope: str
    target: str

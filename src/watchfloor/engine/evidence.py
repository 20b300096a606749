"""Which evidence each command is judged by, read from registers under the single writer (DESIGN §1 *Evidence*)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from watchfloor.actions.edit_messages import EditAction
from watchfloor.actions.gate import Gathered
from watchfloor.actions.messages import Evidence, RequestAction, StartAction
from watchfloor.actions.names import fold
from watchfloor.actions.retry_messages import RetryAction
from watchfloor.conversations.messages import (
    JoinChannel,
    OpenChannel,
    OpenChat,
    PostMessage,
    SendMessage,
    TellAgent,
)
from watchfloor.councils.messages import (
    CastVote,
    DecisionTimePassed,
    ForceDecision,
    OpenDecision,
    RecheckDecision,
    ReviewForced,
    SettleByTribunal,
    TakeOver,
)
from watchfloor.councils.schedule_messages import OverrideSchedule, SetSchedule
from watchfloor.councils.tribunal_messages import ConveneTribunal, VoteInTribunal
from watchfloor.engine import (
    alarming,
    amendments,
    duty,
    editing,
    hearing,
    rights,
    starting,
    suspecting,
    tribunals,
    voting,
)
from watchfloor.engine.requests import Request
from watchfloor.engine.step import Gather
from watchfloor.engine.system_rules import WorkLeft
from watchfloor.fleet.agent import Agent, available
from watchfloor.fleet.credentials import scopes_allow
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.fleet.rules import NameEvidence
from watchfloor.fleet.spawn_messages import SpawnAgent
from watchfloor.fleet.supervision_messages import (
    ArrangeSupervision,
    ConfirmSupervisor,
    PassSupervision,
    SupervisionTimePassed,
)
from watchfloor.fleet.versions import check_activation
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, HOUR, MINUTE
from watchfloor.kernel.messages import Command, Refused
from watchfloor.kernel.subject import Read
from watchfloor.kernel.system import Advance
from watchfloor.kernel.terms import APPLY_POLICY, PLATFORM_TYPES
from watchfloor.people.messages import AddPerson, ChangeRoles, DisablePerson
from watchfloor.people.rules import AdminEvidence, HandleEvidence
from watchfloor.policy.messages import ProposePolicy
from watchfloor.registers import activity as counters
from watchfloor.registers import budgets
from watchfloor.registers.capacity import room
from watchfloor.registers.containment import shut_until
from watchfloor.registers.delivery import Continuation, session_current
from watchfloor.registers.directory import ActivePolicy, Person
from watchfloor.registers.lineage import contained, containment
from watchfloor.registers.stops import held_back, names_of, stops_for
from watchfloor.registers.task_budgets import without_room
from watchfloor.registers.workplaces import place_of
from watchfloor.situation.messages import RaiseAlert, ResolveAlert
from watchfloor.trust.anomaly_messages import ReportAnomaly, ResolveAnomaly
from watchfloor.trust.messages import AdjustTrust, ReassessTrust, RecordTrust
from watchfloor.trust.rules import TermsEvidence
from watchfloor.work.budget_messages import NoteBudget, SetBudget
from watchfloor.work.budgets import BudgetEvidence
from watchfloor.work.messages import (
    AssignTask,
    HandOverTask,
    RetryTask,
    ReviewTask,
    SubmitTask,
    TaskTimePassed,
)
from watchfloor.work.reviews import ReviewEvidence
from watchfloor.work.rules import AgentEvidence, SilenceEvidence
from watchfloor.work.waiting import NO_DEPENDENCIES, Dependency, DependencyEvidence


def _policy(read: Read) -> ActivePolicy:
    active: ActivePolicy = read("active_policy", "active")
    return active


def _request_action(read: Read, command: RequestAction, at: int, request: Request) -> Gathered:
    """Everything rules 1 to 9 look at: one pass over this agent's cells."""
    if fold(command.type) == APPLY_POLICY:
        return amendments.request(read, command, request)
    active = _policy(read)
    policy = active.document
    # Registers know names as events record them: folded. Otherwise `Payment.Send` would slip past a stop of
    # `payment.send`, and past every count of it (spec 3.1 rule 3).
    action_type, tool = fold(command.type), fold(command.tool)
    agent = read("agent", command.agent)
    activity: counters.Activity | None = read("activity", command.agent)
    use: counters.TypeUse = read("types", (command.agent, action_type)) or _UNUSED
    standing = voting.borne(read, command.agent, action_type)
    held: tuple[int, ...] = read("load", command.agent) or ()
    breaker_agent = read("breakers", f"agent:{command.agent}")
    breaker_tool = read("breakers", f"tool:{tool}") if tool else None
    stops = read("stops", "active")
    tier, score = rights.standing(read, command.agent, policy, at, active.version)
    tools, tier, score = rights.within_tasks(read, command, rights.tools_of(read, agent), tier, score, policy)
    # What the platform carries out about an agent is not the agent's doing: its containment is no reason against it, or
    # nobody could mend what it is contained for. Stops hold it like everything else.
    platform = action_type in PLATFORM_TYPES
    if platform:
        breaker_agent = None
    state = containment(agent, read)
    actor = request.actor
    evidence = Evidence(
        (2 if agent.retired else 0) if platform else state,
        actor.kind != "agent" or scopes_allow(agent.keys, actor.credential, action_type),
        platform or rights.allows(tools, tool),
        stops_for(stops, names_of(command.agent, read, action_type=action_type, tool=tool, task=command.task))
        if stops
        else (),
        shut_until(breaker_agent, at) if breaker_agent is not None else 0,
        shut_until(breaker_tool, at) if breaker_tool is not None else 0,
        counters.requests_within(activity, at, 2),
        counters.requests_within(activity, at, 10),
        counters.executed_within(activity, at, 10),
        counters.repeats_of(activity, request.body, at),
        counters.recent(activity.throttles, at, MINUTE) if activity is not None and activity.throttles else 0,
        counters.spent_today(read("spend", command.agent), at),
        tier,
        score,
        len(held),
        not command.task or _holds(read, command),
        use.total == 0,
        counters.recent(activity.failures, at, DAY) if activity is not None and activity.failures else 0,
        use.in_hour if use.hour == at // HOUR else 0,
        activity.requests_hour if activity is not None and activity.hour == at // HOUR else 0,
        standing.subject if standing is not None else 0,
        standing.expires_at if standing is not None else 0,
        use.total - use.unheld,
        budgets.seen(command.agent, command.task, command.cost_micro, command.tokens, at, read)
        if read("budgeted", "all") is not None
        else (),
        agent_type=agent.type if policy.runaway.agent_types else "",
    )
    return Gathered(
        policy=policy,
        policy_version=active.version,
        policy_digest=active.digest,
        evidence=evidence,
        touched=read("touched", command.agent) or (),
        unfit=_unfit(agent, command) if platform else None,
    )


def _unfit(agent: Agent, command: RequestAction) -> Refused | None:
    """Why the version that a request names cannot be put in force at all."""
    try:
        check_activation(agent, command.generation)
    except Refused as refused:
        return refused
    return None


_UNUSED = counters.TypeUse()


def _holds(read: Read, command: RequestAction) -> bool:
    """Is the named task this agent's, in this generation, and does nobody hold it?"""
    task = read("task", command.task)
    return (
        task is not None
        and task.agent == command.agent
        and task.generation == command.generation
        and not task.paused_at
    )


def _register(read: Read, command: RegisterAgent, at: int, request: Request) -> NameEvidence:
    taken_by = read("names", f"agent:{command.name}") or 0
    if not command.enrolment:
        return NameEvidence(taken_by=taken_by)
    use = read("enrolment_use", command.enrolment)
    return NameEvidence(
        taken_by=taken_by,
        enrolment=read("enrolment", command.enrolment),
        enrolment_used=use.count if use is not None else 0,
    )


def _assign(read: Read, command: AssignTask | HandOverTask, at: int, request: Request) -> AgentEvidence:
    agent = read("agent", command.agent)
    held: tuple[int, ...] = read("load", command.agent) or ()
    return AgentEvidence(
        active=agent is not None
        and available(agent)
        and session_current(agent, read)
        and not contained(agent, read)
        and not (isinstance(command, AssignTask) and _held_back(read, command, at)),
        capabilities=agent.capabilities if agent is not None else (),
        tasks_open=len(held),
        tasks_max=len(held) + room(command.agent, agent, held, read) if agent is not None else 0,
        called=agent is not None and agent.worker is not None,
        over_budget=_over_budget(read, command, at) if read("budgeted", "all") is not None else "",
    )


def _held_back(read: Read, command: AssignTask, at: int) -> bool:
    """Nobody gets work under a stop, or while their breaker is open (spec 3.3)."""
    breaker = read("breakers", f"agent:{command.agent}")
    return shut_until(breaker, at) > 0 or held_back(command.agent, command.subject, read)


def _over_budget(read: Read, command: AssignTask | HandOverTask, at: int) -> str:
    found = without_room(command.subject, read("task", command.subject), command.agent, at, read)
    return public_id("budget", found[0].budget, found[0].nonce) if found is not None else ""


def _budget(read: Read, command: SetBudget | NoteBudget, at: int, request: Request) -> BudgetEvidence:
    if isinstance(command, SetBudget):
        known: tuple[budgets.InForce, ...] = read("budgets", (command.scope, command.target)) or ()
        same = (b.budget for b in known if (b.measure, b.period) == (command.measure, command.period))
        return BudgetEvidence(taken_by=next(same, 0))
    state = read("budget", command.subject)
    here: tuple[budgets.InForce, ...] = read("budgets", (state.scope, state.target)) or ()
    for budget in here:
        if budget.budget == command.subject:
            use = budgets.use_of(budget, at, read)
            return BudgetEvidence(spent=use.spent, reserved=use.reserved)
    return BudgetEvidence()


def _dependencies(read: Read, tasks: tuple[int, ...]) -> DependencyEvidence:
    found = []
    for task in tasks:
        state = read("task", task)
        found.append(
            Dependency(task, state.stage, state.agent) if state is not None else Dependency(task, "")
        )
    return DependencyEvidence(dependencies=tuple(found)) if found else NO_DEPENDENCIES


def _submit(read: Read, command: SubmitTask, at: int, request: Request) -> DependencyEvidence:
    """A negative number names an earlier task of the same request, -1 the first."""
    earlier = request.subjects
    named = tuple(task if task > 0 else earlier[-task - 1] for task in command.depends_on)
    found = _dependencies(read, named)
    if not command.by and not command.workflow:
        return found
    parent = read("task", command.parent) if command.parent else None
    workflow = command.workflow or (parent.workflow if parent is not None else "")
    return DependencyEvidence(
        dependencies=found.dependencies,
        handover=rights.handover(read, command, at) if command.by else None,
        workflow=workflow,
        place=place_of(workflow, read),
    )


def _retry(read: Read, command: RetryTask, at: int, request: Request) -> DependencyEvidence:
    return _dependencies(read, read("task", command.subject).depends_on)


def _silence(read: Read, command: TaskTimePassed, at: int, request: Request) -> SilenceEvidence:
    return SilenceEvidence(held=bool(read("undecided", command.subject)))


def _review(read: Read, command: ReviewTask, at: int, request: Request) -> ReviewEvidence:
    task = read("task", command.subject)
    agent = read("agent", task.worked_by) if task is not None and task.worked_by else None
    return ReviewEvidence(owner=agent.owner if agent is not None else "")


def _terms(read: Read, command: Command, at: int, request: Request) -> TermsEvidence:
    return TermsEvidence(terms=_policy(read).document.trust)


def _handle(read: Read, command: AddPerson, at: int, request: Request) -> HandleEvidence:
    return HandleEvidence(taken_by=read("names", f"person:{command.handle}") or 0)


def _admins(read: Read, command: Command, at: int, request: Request) -> AdminEvidence:
    everyone: tuple[Person, ...] = read("people", "all") or ()
    return AdminEvidence(
        others=sum(
            1
            for person in everyone
            if person.enabled and person.subject != command.subject and "admin" in person.roles
        )
    )


def _work_left(read: Read, command: Advance, at: int, request: Request) -> WorkLeft:
    work: Continuation | None = read("continuation", command.name)
    return WorkLeft(len(work.rest) if work is not None else -1)


GATHERS: Mapping[type[Command], Gather] = {
    RequestAction: _request_action,
    EditAction: partial(editing.evidence, _request_action),
    ProposePolicy: amendments.deciders,
    StartAction: starting.start,
    RetryAction: starting.retry,
    RegisterAgent: _register,
    SubmitTask: _submit,
    RetryTask: _retry,
    TaskTimePassed: _silence,
    SpawnAgent: rights.spawning,
    ArrangeSupervision: rights.supervising,
    ConfirmSupervisor: rights.supervising,
    PassSupervision: rights.supervising,
    SupervisionTimePassed: rights.supervising,
    AssignTask: _assign,
    SetBudget: _budget,
    NoteBudget: _budget,
    HandOverTask: _assign,
    ReviewTask: _review,
    CastVote: voting.vote,
    OpenDecision: voting.pool,
    TakeOver: voting.backups,
    DecisionTimePassed: voting.reach,
    RecheckDecision: voting.reach,
    SetSchedule: duty.schedule,
    OverrideSchedule: duty.schedule,
    ForceDecision: voting.forcer,
    ReviewForced: voting.forcer,
    ConveneTribunal: tribunals.convening,
    VoteInTribunal: tribunals.validator,
    SettleByTribunal: tribunals.settling,
    RecordTrust: _terms,
    AdjustTrust: _terms,
    ReassessTrust: _terms,
    ReportAnomaly: suspecting.report,
    ResolveAnomaly: suspecting.resolve,
    RaiseAlert: alarming.raised,
    ResolveAlert: alarming.resolved,
    AddPerson: _handle,
    ChangeRoles: _admins,
    DisablePerson: _admins,
    Advance: _work_left,
    OpenChat: hearing.open_chat,
    TellAgent: hearing.tell_agent,
    SendMessage: hearing.send_message,
    OpenChannel: hearing.channel,
    JoinChannel: hearing.channel,
    PostMessage: hearing.channel,
}

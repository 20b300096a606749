"""Cause → wish: what every process wishes for, and that it wishes for nothing more (DESIGN §1, spec 3)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START
from tests.unit.registers.board import Board, closed, completed, decided, failed, unknown

from watchfloor.actions.catalogue import RULES
from watchfloor.actions.disclosures import SecretDisclosed
from watchfloor.actions.messages import (
    ActionDecided,
    CloseAction,
    GrantAction,
    GrantMisused,
    GrantRevoked,
    OpenBreaker,
)
from watchfloor.councils.messages import (
    CancelDecision,
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    Demand,
    OpenDecision,
    RecheckDecision,
)
from watchfloor.councils.panels import route
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDisconnected,
    AgentThrottled,
    DisconnectAgent,
    QuarantineAgent,
)
from watchfloor.kernel.instants import MILLISECOND, MINUTE
from watchfloor.kernel.limits import RECHECKED_MAX, RUNGS_MAX
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.system import Continued, ProcessRefused
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import PersonDisabled, RolesChanged
from watchfloor.policy.digest import digest_of
from watchfloor.policy.document import from_plain
from watchfloor.processes import FLOWS, REACTS, effects_of
from watchfloor.processes.approval import ladder
from watchfloor.registers.containment import REGISTER, Breaker
from watchfloor.registers.delivery import DIRECT_ORPHANS_MAX, Continuation
from watchfloor.trust.messages import RecordTrust
from watchfloor.work.messages import (
    OrphanTask,
    TaskAttemptFailed,
    TaskDeadLettered,
    TaskReported,
    TaskReviewed,
    TaskSucceeded,
    VerifyTask,
)


class Room(Board):
    """Cells set by hand, and what the processes wish for on seeing facts."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(REGISTER)
        self.cells["active_policy", "active"] = SimpleNamespace(
            document=policy or Policy(), version=1, digest="p", subject=2
        )
        self.cells["policy", 2] = SimpleNamespace(proposal=None)
        self.cells["agent", 1] = SimpleNamespace(
            owner="per_ada",
            registrar="per_ada",
            quarantined=False,
            session="i1.s",
            node="n1",
            worker=None,
            type="worker",
        )

    def wishes(self, facts: Facts, subject: int = 0) -> list[Command | Effect]:
        event = Event(
            org="o",
            seq=50,
            at=START,
            type=facts.TYPE,
            kind=facts.KIND,
            subject=subject or 50,
            actor=SimpleNamespace(kind="agent", id="agt_1"),  # type: ignore[arg-type]
            facts=facts,
        )
        return [wish for react in REACTS.get(type(facts), ()) for wish in react(event, self.read)]


def test_every_flow_is_wired() -> None:
    assert sum(len(flow.REACTS) for flow in FLOWS) == sum(len(reacts) for reacts in REACTS.values())


# -- approval ------------------------------------------------------------------------------------------------------


def opening(wish: object) -> OpenDecision:
    assert isinstance(wish, OpenDecision)
    return wish


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_held_action_goes_to_the_people_of_its_level(level: int) -> None:
    room = Room()
    (wish,) = room.wishes(decided("pending", level=level))
    routing = Policy().routing
    terms = route(routing, level)
    asked = opening(wish)
    assert (asked.role, asked.needed, asked.level, asked.owner) == (
        terms.role,
        terms.needed,
        level,
        "per_ada",
    )
    wait_ms = min(terms.deadline_ms, routing.deadlines.normal.wait_ms)
    assert asked.deadline_at == START + wait_ms * MILLISECOND
    assert (asked.committee, asked.ladder) == ("directors" if level == 4 else "", ())
    assert asked.unanswered == "expired", "normal urgency: nobody is woken up, and silence grants nothing"


@pytest.mark.parametrize(
    ("level", "urgency", "minutes", "climbs"),
    [
        (2, "immediate", 5, False),
        (2, "low", 5, False),
        (3, "immediate", 15, True),
        (3, "high", 60, True),
        (3, "normal", 240, False),
        (4, "low", 1440, False),
        (4, "immediate", 15, True),
    ],
)
def test_urgency_sets_the_first_deadline_and_whether_it_escalates(
    level: int, urgency: str, minutes: int, climbs: bool
) -> None:
    """The table of spec 3.2 *Deadlines*."""
    facts = msgspec.structs.replace(decided("pending", level=level), urgency=urgency)
    asked = opening(Room().wishes(facts)[0])
    assert asked.deadline_at == START + minutes * 60_000 * MILLISECOND
    assert bool(asked.ladder) is climbs
    assert asked.unanswered == ("denied" if climbs else "expired")
    assert asked.warn_permille == (667 if level > 2 else 0)


def test_loops_are_written_out_and_bounded() -> None:
    routing = Policy().routing
    once = ladder(routing)
    assert [step.wait_ms for step in once] == [300_000, 900_000, 1_800_000]
    assert ladder(msgspec.structs.replace(routing, loops=2)) == once * 3
    assert len(ladder(msgspec.structs.replace(routing, loops=32))) == RUNGS_MAX


def test_a_type_the_policy_does_not_know_is_of_the_unknown_class() -> None:
    policy = Policy()
    (wish,) = Room().wishes(decided("pending", kind="no.such.type", level=3))
    assert opening(wish).execution_ms == policy.classes["unknown"].execution_timeout_ms


def test_an_action_of_an_agent_nobody_knows_has_the_system_as_its_owner() -> None:
    room = Room()
    del room.cells["agent", 1]
    (wish,) = room.wishes(decided("pending", level=3))
    assert opening(wish).owner == "system"


@pytest.mark.parametrize("verdict", ["permitted", "denied"])
def test_what_the_gate_settled_alone_asks_nobody(verdict: str) -> None:
    assert Room().wishes(decided(verdict)) == []


@pytest.mark.parametrize(("level", "asked"), [(0, 2), (2, 2), (3, 3)])
def test_a_revoked_grant_opens_a_new_decision_of_people(level: int, asked: int) -> None:
    revoked = GrantRevoked(
        agent=1, digest="d", grant=1, level=level, reason="stopped", risk=3, urgency="normal"
    )
    room = Room()
    (wish,) = room.wishes(revoked, subject=9)
    assert (opening(wish).level, opening(wish).action) == (asked, 9)
    room.cells["action", 9] = SimpleNamespace(action_type="payment.send", decision=0)
    (wish,) = room.wishes(revoked, subject=9)
    policy = Policy()
    cls = policy.classes[policy.types["payment.send"]]
    assert opening(wish).execution_ms == cls.execution_timeout_ms


def test_a_grant_of_what_the_envelope_forbids_by_now_opens_no_decision() -> None:
    revoked = GrantRevoked(
        agent=1, digest="d", grant=1, level=3, reason="envelope_forbids", risk=3, urgency="normal"
    )
    assert Room().wishes(revoked, subject=9) == []


@pytest.mark.parametrize(("level", "basis"), [(2, "approved"), (3, "approved"), (4, "committee")])
def test_yes_becomes_a_grant_that_expires(level: int, basis: str) -> None:
    yes = DecisionApproved(action=9, agent=1, execution_ms=7, grant_ms=1_000, level=level, voters=("per_a",))
    (wish,) = Room().wishes(yes, subject=20)
    assert wish == GrantAction(
        subject=9, decision=20, basis=basis, execution_ms=7, expires_at=START + 1_000 * MILLISECOND
    )


def test_a_grant_answers_for_what_a_policy_raised_meanwhile_and_a_tribunals_says_whose_it_is() -> None:
    yes = DecisionApproved(
        action=9,
        agent=1,
        execution_ms=7,
        grant_ms=1_000,
        level=3,
        voters=("per_a",),
        also=(Demand(2, "director", 2, level=4),),
    )
    (wish,) = Room().wishes(yes, subject=20)
    assert isinstance(wish, GrantAction)
    assert (wish.basis, wish.level) == ("committee", 4)
    alone = msgspec.structs.replace(yes, also=(), voters=(), tribunal=True, level=2)
    (wish,) = Room().wishes(alone, subject=20)
    assert isinstance(wish, GrantAction)
    assert (wish.basis, wish.level) == ("tribunal", 0)


def test_when_people_change_what_waits_is_looked_at_as_much_as_one_batch_takes() -> None:
    room = Room()
    room.cells["pending_decisions", "all"] = tuple(range(1, 100))
    wished = room.wishes(PersonDisabled())
    assert wished == [RecheckDecision(subject=number) for number in range(1, RECHECKED_MAX + 1)]
    assert Room().wishes(RolesChanged(roles=("operator",))) == []


@pytest.mark.parametrize(
    ("no", "reason"),
    [
        (DecisionDenied(action=9, agent=1, reason="x"), "denied"),
        (DecisionExpired(action=9, agent=1), "expired"),
        (DecisionCancelled(action=9, agent=1, reason="x"), "cancelled"),
    ],
)
def test_no_and_silence_close_the_action(no: Facts, reason: str) -> None:
    assert Room().wishes(no, subject=20) == [CloseAction(subject=9, decision=20, reason=reason)]


def test_an_action_closed_from_its_own_side_needs_no_decision_any_more() -> None:
    room = Room()
    assert room.wishes(closed(), subject=9) == []
    room.cells["waiting", 9] = 20
    assert room.wishes(closed(), subject=9) == [CancelDecision(subject=20, reason="withdrawn")]
    assert room.wishes(closed(decision=20), subject=9) == [], "its own decision closed it"


# -- containment ---------------------------------------------------------------------------------------------------


def breaker(room: Room, key: str, failures: int, open_until: int = 0) -> None:
    room.cells["breakers", key] = Breaker(tuple([START] * failures), open_until)


@pytest.mark.parametrize("facts", [failed(), unknown()])
def test_enough_failures_open_the_breaker_of_agent_and_tool(facts: Facts) -> None:
    terms = Policy().breaker
    room = Room()
    breaker(room, "agent:1", terms.failures)
    breaker(room, "tool:fs", terms.failures - 1)
    opens = [wish for wish in room.wishes(facts) if isinstance(wish, OpenBreaker)]
    assert [(wish.scope, wish.target) for wish in opens] == [("agent", "1")]
    assert opens[0].until_at == START + terms.open_ms * MILLISECOND
    breaker(room, "tool:fs", terms.failures)
    assert len([wish for wish in room.wishes(facts) if isinstance(wish, OpenBreaker)]) == 2


def test_failures_older_than_the_window_do_not_open_it() -> None:
    terms = Policy().breaker
    room = Room()
    old = START - terms.window_ms * MILLISECOND - 1
    room.cells["breakers", "agent:1"] = Breaker((old,) * 10 + (START,), 0)
    assert not [wish for wish in room.wishes(failed(tool="")) if isinstance(wish, OpenBreaker)]


def test_half_open_one_failed_probe_is_enough_and_while_open_nothing_is_added() -> None:
    room = Room()
    breaker(room, "agent:1", 1, open_until=START)
    assert [wish.scope for wish in room.wishes(failed()) if isinstance(wish, OpenBreaker)] == ["agent"]
    breaker(room, "agent:1", 9, open_until=START + 1)
    assert not [wish for wish in room.wishes(failed()) if isinstance(wish, OpenBreaker)]


def rule_with(flag: str) -> str:
    return next(rule.name for rule in RULES if getattr(rule, flag))


def denied_by(flag: str) -> ActionDecided:
    return msgspec.structs.replace(decided("denied"), failed=((rule_with(flag), "deny", 0),))


def test_a_runaway_is_quarantined_once() -> None:
    room = Room()
    facts = denied_by("runaway")
    assert QuarantineAgent(subject=1, reason="runaway") in room.wishes(facts)
    room.cells["agent", 1].quarantined = True
    assert not [wish for wish in room.wishes(facts) if isinstance(wish, QuarantineAgent)]
    del room.cells["agent", 1]
    assert not [wish for wish in room.wishes(facts) if isinstance(wish, QuarantineAgent)]


def test_requests_turned_away_faster_than_a_runaway_asks_quarantine_at_once() -> None:
    room = Room()
    room.cells["activity", 1] = SimpleNamespace(throttles=())
    fast = AgentThrottled(count=21, window_ms=1_000)
    assert room.wishes(fast, subject=1) == [QuarantineAgent(subject=1, reason="runaway")]
    for slow in (AgentThrottled(count=20, window_ms=1_000), AgentThrottled(count=1_000, window_ms=60_000)):
        assert room.wishes(slow, subject=1) == []


def test_an_agent_with_limits_of_its_own_is_a_runaway_by_those() -> None:
    document = from_plain(
        {"runaway": {"agent_types": {"worker": {"requests_per_second": 50, "throttles_per_minute": 5}}}}
    )
    room = Room()
    room.cells["active_policy", "active"] = SimpleNamespace(document=document, digest=digest_of(document))
    room.cells["agent", 1].type = "worker"
    room.cells["activity", 1] = SimpleNamespace(throttles=tuple([START] * 4))
    assert room.wishes(AgentThrottled(count=50, window_ms=1_000), subject=1) == []
    fast = AgentThrottled(count=51, window_ms=1_000)
    assert room.wishes(fast, subject=1) == [QuarantineAgent(subject=1, reason="runaway")]
    room.cells["agent", 1].type = "other"
    assert room.wishes(AgentThrottled(count=1, window_ms=60_000), subject=1) == [
        QuarantineAgent(subject=1, reason="throttled_too_often")
    ]


def test_an_agent_throttled_too_often_in_a_minute_is_quarantined() -> None:
    room = Room()
    facts = AgentThrottled(count=1, window_ms=60_000)
    most = Policy().runaway.throttles_per_minute
    assert room.wishes(facts, subject=1) == [], "nothing is known of it"
    room.cells["activity", 1] = SimpleNamespace(throttles=(START - MINUTE - 1, *[START] * (most - 1)))
    assert room.wishes(facts, subject=1) == []
    room.cells["activity", 1] = SimpleNamespace(throttles=tuple([START] * most))
    assert room.wishes(facts, subject=1) == [QuarantineAgent(subject=1, reason="throttled_too_often")]
    room.cells["agent", 1].quarantined = True
    assert room.wishes(facts, subject=1) == []


# -- learning ------------------------------------------------------------------------------------------------------


def attempt(reason: str, agent: int = 1) -> TaskAttemptFailed:
    return TaskAttemptFailed(agent=agent, generation=1, reason=reason, retry_at=0)


LESSONS: list[tuple[Facts, str]] = [
    (completed(), "action_completed"),
    (SecretDisclosed(agent=1, execution="e", secrets=("private_key",)), "security_violation"),
    (failed(), "failed"),
    (unknown(), "timed_out"),
    (GrantMisused(agent=1, misuse="x"), "security_violation"),
    (denied_by("violation"), "security_violation"),
    (decided("denied"), ""),
    (decided(), ""),
    (TaskSucceeded(agent=1, cost_micro=0, generation=1, tokens=0, verified=True), "task_succeeded"),
    (TaskSucceeded(agent=1, cost_micro=0, generation=1, tokens=0, verified=False), ""),
    (attempt("timed_out"), "timed_out"),
    (attempt("not_accepted"), "timed_out"),
    (attempt("failed"), "failed"),
    (attempt("not_verified"), "failed"),
    (attempt("rejected"), ""),
    (attempt("failed", agent=0), ""),
    (TaskReviewed(agent=1, owner="per_1", verdict="positive"), "reviewed_positively"),
    (TaskReviewed(agent=1, owner="per_1", verdict="negative"), "reviewed_negatively"),
    (TaskDeadLettered(agent=1, generation=1, reason="failed"), "failed"),
    (TaskDeadLettered(agent=1, generation=1, reason="deadline"), ""),
]


@pytest.mark.parametrize(("facts", "what"), LESSONS)
def test_one_table_says_what_moves_trust(facts: Facts, what: str) -> None:
    """Self-reports alone never raise it (spec 3.4)."""
    learned = [wish for wish in Room().wishes(facts) if isinstance(wish, RecordTrust)]
    assert learned == ([RecordTrust(subject=1, what=what, source=50)] if what else [])


# -- reclaim -------------------------------------------------------------------------------------------------------


def orphans(room: Room, facts: Facts) -> list[OrphanTask]:
    return [wish for wish in room.wishes(facts, subject=1) if isinstance(wish, OrphanTask)]


def test_what_a_vanished_agent_held_is_orphaned_at_once_when_it_is_little() -> None:
    room = Room()
    gone = AgentDisconnected(reason="gone", session="s")
    assert room.wishes(gone, subject=1) == []
    room.cells["load", 1] = (7, 8)
    assert orphans(room, gone) == [OrphanTask(subject=7, agent=1), OrphanTask(subject=8, agent=1)]
    room.cells["load", 1] = tuple(range(DIRECT_ORPHANS_MAX + 1))
    assert orphans(room, gone) == [], "a continuation does it"


def test_a_slice_of_a_continuation_orphans_or_disconnects_what_is_in_it() -> None:
    room = Room()
    facts = Continued(left=3, name="c")
    assert room.wishes(facts) == []
    room.cells["continuation", "c"] = Continuation("orphan", 1, (7, 8), (9,))
    assert room.wishes(facts) == [OrphanTask(subject=7, agent=1), OrphanTask(subject=8, agent=1)]
    room.cells["agent", 2] = SimpleNamespace(session="")
    room.cells["agent", 4] = SimpleNamespace(session="i2.s", node=room.cells["agent", 1].node)
    room.cells["node", room.cells["agent", 1].node] = "i2"
    # 2 has gone by itself, 3 is nobody, 4 is back already: its session is one of the node's new life.
    room.cells["continuation", "c"] = Continuation("disconnect", 0, (1, 2, 3, 4), ())
    assert room.wishes(facts) == [DisconnectAgent(subject=1, session="i1.s", reason="node_restarted")]


# -- verification --------------------------------------------------------------------------------------------------


def test_a_report_is_an_effect_that_can_be_derived_again_from_the_event_alone() -> None:
    facts = TaskReported(agent=1, cost_micro=0, generation=4, tokens=0)
    (wish,) = Room().wishes(facts, subject=9)
    assert wish == VerifyTask(destination="verifier", task=9, generation=4, seq=9)
    actor: Any = SimpleNamespace(kind="agent", id="agt_1")
    event = Event(
        org="o", seq=50, at=START, type=facts.TYPE, kind="task", subject=9, actor=actor, facts=facts
    )
    assert effects_of(event) == [wish]
    assert effects_of(msgspec.structs.replace(event, facts=completed())) == []


# -- the law -------------------------------------------------------------------------------------------------------


def test_processes_shown_an_event_twice_wish_for_the_same_and_remember_nothing() -> None:
    room = Room()
    room.cells["load", 1] = (7,)
    before = dict(room.cells)
    for facts in [facts for facts, _ in LESSONS] + [AgentConnected(node="n", session="s"), closed()]:
        assert room.wishes(facts, subject=60) == room.wishes(facts, subject=60)
    assert room.cells == before


def test_what_was_refused_for_another_reason_is_not_sought_again() -> None:
    refused = ProcessRefused(code="not_found", command="AssignTask", subject_id=7, subject_kind="task")
    assert Room().wishes(refused) == []


def test_a_flow_that_wishes_for_effects_sees_the_event_and_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Effects are asked for again from the ledger alone: a cell would say something else by then."""
    seen: list[Any] = []

    def curious(event: Event, read: Any) -> list[Command | Effect]:
        seen.append(read("task", event.subject))
        return [VerifyTask(destination="verifier", task=1, generation=1, seq=1)]

    monkeypatch.setattr("watchfloor.processes._EFFECTS", {type(completed()): (curious,)})
    actor: Any = SimpleNamespace(kind="agent", id="agt_1")
    facts = completed()
    event = Event(
        org="o", seq=50, at=START, type=facts.TYPE, kind="action", subject=9, actor=actor, facts=facts
    )
    assert len(effects_of(event)) == 1
    assert seen == [None]

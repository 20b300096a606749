"""The gate: an ordered list of named rules over an action and its evidence (spec 03 §3.1, DESIGN 2b.3).

Theory of operation
-------------------
`judge` asks every rule, in the order of the specification, and takes the strictest answer; no rule lowers another's.
A rule answers None (*pass*), *deny*, *throttle* (deny for now), *raise* to a level, or *lifted*: it would have
raised to at most level 2, and a person's standing approval answers it; the level is what remains. In the mode `observe`
(spec 3.6) what people would have been asked about is permitted with a grant of the basis `observed`, and keeps its level;
what is denied is denied in every mode. A rule's name is a sentence that is true when it bites. Rules see a `Question`: the policy's tables, the derived facts, the recorded
evidence and the instant, and nothing else; so the ruling of an event can be repeated at any time (`audit`), and the
trace with sentences and numbers is not stored but recomputed (`trace`) and equals the live one.

Every change of an answer of these rules needs a higher `RULES_VERSION`; the golden vectors of
tests/unit/actions/vectors.json fail until it is raised.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions import risk as scoring
from watchfloor.actions.catalogue import RULES, SOFT_LIMITS, Rule
from watchfloor.actions.messages import ActionDecided, Evidence, Grant
from watchfloor.actions.modes import observed
from watchfloor.actions.question import Question, ask
from watchfloor.actions.tables import Tables, build, of
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Event, Refused
from watchfloor.kernel.terms import Policy

RULES_VERSION = 5
LEVEL_MAX = 4
_HARD = tuple((rule.name, rule.ask) for rule in RULES if rule.stage != SOFT_LIMITS)
# A policy without rules of its own and without packs is not asked about them: the hot path of most organisations.
_PLAIN = tuple((rule.name, rule.ask) for rule in RULES if rule.stage != SOFT_LIMITS and not rule.chosen)
_SOFT = tuple((rule.name, rule.ask) for rule in RULES if rule.stage == SOFT_LIMITS)
_BY_NAME = {rule.name: rule for rule in RULES}


class Gathered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Evidence of RequestAction: the policy in force with its version and digest, and what the registers say."""

    policy: Policy
    policy_version: int
    policy_digest: str
    evidence: Evidence
    touched: tuple[int, ...] = ()  # zones of hosts and paths the agent was permitted before
    unfit: Refused | None = None  # what the platform is to carry out makes no sense as things stand


class Ruling(msgspec.Struct, frozen=True, gc=False):
    """The gate's answer. `failed`: the rules that did not pass, as (name, answer, level)."""

    verdict: str  # permitted, pending or denied
    level: int
    risk: int
    failed: tuple[tuple[str, str, int], ...]
    grant: Grant | None


class TraceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's answer for people: `answer` pass, raise, lifted, throttle or deny; `numbers` what it looked at."""

    rule: str
    stage: str
    answer: str
    level: int
    sentence: str
    numbers: tuple[tuple[str, int], ...]


def judge(question: Question) -> Ruling:
    """Ask every rule; the strictest answer wins (spec 3.1). The hot path: no allocation for a rule that passes."""
    level = 0
    refused = lifted = False
    failed = []
    for name, rule in _HARD if question.tables.judges else _PLAIN:
        answer = rule(question)
        if answer is not None:
            kind, demanded = answer
            failed.append((name, kind, demanded))
            if kind == "deny" or kind == "throttle":
                refused = True
            elif demanded > level:
                level = demanded
            if kind == "lifted":
                lifted = True
    one_more = min(LEVEL_MAX, level + 1)
    for name, rule in _SOFT:
        if rule(question) is not None:
            failed.append((name, "raise", one_more))
            level = one_more
    if refused:
        return Ruling("denied", level, question.risk, tuple(failed), None)
    if level > 1 and not question.observed:
        return Ruling("pending", level, question.risk, tuple(failed), None)
    tables = question.tables
    grant = Grant(
        basis="observed" if level > 1 else "standing" if lifted else "auto",
        execution_ms=execution_ms(tables, question.derived.cls),
        expires_at=question.at + tables.grant_us,
    )
    return Ruling("permitted", level, question.risk, tuple(failed), grant)


def execution_ms(tables: Tables, cls: str) -> int:
    """How long an execution of this class may take."""
    return tables.execution_ms.get(cls, 600_000)


def urgency_of(claimed: str, risk: int) -> str:
    """The server's urgency: high and critical risk is at least `immediate`, whatever the agent claims (spec 3.2)."""
    return "immediate" if risk >= 50 else claimed


def trace(policy: Policy, facts: ActionDecided, at: int, digest: str = "") -> tuple[TraceLine, ...]:
    """Every rule's answer, recomputed from what the event recorded. `policy` is the one it was judged by, `at` its instant.

    `digest` is the one of `policy`; given, its tables are kept and used again.
    """
    question = question_of(_tables(policy, digest), facts, at)
    so_far = 0
    lines = []
    for rule in RULES:
        answer = rule.ask(question)
        kind, level = answer if answer is not None else ("pass", 0)
        if rule.stage != SOFT_LIMITS:
            so_far = max(so_far, level)
        elif answer is not None:
            level = min(LEVEL_MAX, so_far + 1)
        lines.append(_line(rule, question, kind, level))
    return tuple(lines)


def _line(rule: Rule, question: Question, answer: str, level: int) -> TraceLine:
    numbers = rule.looks_at(question)
    sentence = (rule.passes if answer == "pass" else rule.bites).format(**numbers)
    return TraceLine(
        rule=rule.name,
        stage=rule.stage,
        answer=answer,
        level=level,
        sentence=f"{sentence} A standing approval answers this." if answer == "lifted" else sentence,
        numbers=tuple((name, value) for name, value in numbers.items() if isinstance(value, int)),
    )


def audit(policy: Policy, facts: ActionDecided, at: int, digest: str = "") -> str:
    """`same` when judging again from what was recorded gives what was recorded, else `differs`. `digest` as in `trace`."""
    ruling = judge(question_of(_tables(policy, digest), facts, at))
    recorded = Ruling(facts.verdict, facts.level, facts.risk, facts.failed, facts.grant)
    same = ruling == recorded and facts.urgency == urgency_of(facts.urgency, facts.risk)
    return "same" if same and facts.reserves_micro == reserve(facts.verdict, facts.cost_micro) else "differs"


def _tables(policy: Policy, digest: str) -> Tables:
    return of(policy, digest) if digest else build(policy)


def question_of(tables: Tables, facts: ActionDecided, at: int) -> Question:
    """The question that a recorded ruling answered."""
    unheld = tables.observing and observed(tables, facts.agent, facts.action_type)
    return ask(
        tables, facts.derived, facts.evidence, at, facts.cost_micro, facts.task, facts.agent, observed=unheld
    )


def reserve(verdict: str, estimate: int) -> int:
    """What a ruling takes from budgets at once, money or tokens; settled by the outcome (spec 3.3 *Budgets*)."""
    return 0 if verdict == "denied" else max(0, estimate)


def is_violation(facts: ActionDecided) -> bool:
    """Was a forbidden action tried? One security violation in the agent's trust, however many rules say so (spec 3.4)."""
    return any(_named(name, "violation") for name, _, _ in facts.failed)


def is_runaway(facts: ActionDecided) -> bool:
    """Did the runaway detector bite? Containment quarantines the agent (spec 3.3)."""
    return any(_named(name, "runaway") for name, _, _ in facts.failed)


def _named(name: str, flag: str) -> bool:
    rule = _BY_NAME.get(name)
    return rule is not None and bool(getattr(rule, flag))


def retry_after_ms(facts: ActionDecided, at: int) -> int:
    """How long a throttled request should wait; 0 when waiting alone does not help."""
    answers = {answer for _, answer, _ in facts.failed}
    if "throttle" not in answers or "deny" in answers:
        return 0
    until = max(facts.evidence.breaker_agent_until, facts.evidence.breaker_tool_until)
    return max(1, -(-(until - at) // MILLISECOND))


def explain_risk(policy: Policy, digest: str, facts: ActionDecided) -> tuple[tuple[str, int], ...]:
    """The factors of the risk score with their contributions, for the answer and for people. `digest` is the policy's."""
    return scoring.factors(of(policy, digest), facts.derived, facts.evidence)


def reasons(policy: Policy, digest: str, facts: ActionDecided, at: int) -> tuple[TraceLine, ...]:
    """The lines of the trace that did not pass, for the answer to the agent; cheap when everything passed."""
    if not facts.failed:
        return ()
    question = question_of(of(policy, digest), facts, at)
    return tuple(_line(_BY_NAME[name], question, answer, level) for name, answer, level in facts.failed)


def decided(event: Event) -> ActionDecided:
    """The facts of an action.decided/1 event."""
    assert isinstance(event.facts, ActionDecided)
    return event.facts

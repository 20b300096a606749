"""Laws of the gate: oversight is monotone, the strictest wins, the trace is the ruling (spec 3.1, DESIGN §1, 2b.3).

The laws look at rulings from outside, over any evidence, any derived facts and several policies.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.transcripts.world import START, World
from tests.unit.actions.requests import policy, request

from watchfloor.actions import conditions, gate
from watchfloor.actions.derive import derive
from watchfloor.actions.gate import Ruling, judge
from watchfloor.actions.messages import ActionDecided, BudgetSeen, Derived, Evidence
from watchfloor.actions.modes import observed
from watchfloor.actions.names import fold
from watchfloor.actions.parameters import lower
from watchfloor.actions.question import Question, ask
from watchfloor.actions.tables import Tables, build
from watchfloor.kernel.compliance import ComplianceTerms
from watchfloor.kernel.conditions import Condition, DomainRule
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.mode_terms import ModeTerms
from watchfloor.kernel.terms import PLATFORM_TYPES, Policy
from watchfloor.policy.condition_order import all_imply
from watchfloor.policy.soundness import problems

POLICIES = [
    policy(),
    policy(
        auto={
            "medium_allowed": True,
            "score_min": 500,
            "usual_hour_from": 8,
            "usual_hour_to": 18,
            "bootstrap_actions": 3,
        },
        levels={"medium": 1, "high": 2},
    ),
    policy(auto={"usual_hour_from": 22, "usual_hour_to": 6}, levels={"low": 1, "medium": 3, "high": 4}),
    policy(
        levels={"low": 0, "medium": 0, "high": 0, "critical": 0}, envelope={"allowed_hosts": ["ok.example"]}
    ),
    policy(
        levels={"medium": 1, "high": 1, "critical": 1},
        auto={"score_min": 0, "medium_allowed": True},
        rules=[
            {
                "name": "wary",
                "when": [{"of": "agent", "field": "trust", "op": "lt", "value": 500}],
                "level": 2,
            },
            {
                "name": "grave",
                "when": [
                    {"any": [{"field": "x"}, {"of": "action", "field": "risk", "op": "ge", "value": 50}]},
                    {"of": "agent", "field": "tier", "op": "le", "value": 3},
                ],
                "level": 4,
            },
            {
                "name": "no",
                "when": [{"of": "agent", "field": "failures_24h", "op": "gt", "value": 2}],
                "then": "deny",
            },
        ],
        compliance={"packs": ["finance"]},
    ),
]
TABLES = [build(document) for document in POLICIES]
SMALL = st.integers(0, 4)
COUNTS = st.sampled_from([0, 0, 0, 0, 1, 3, 19, 20, 30, 100, 5_000])
UNTIL = st.sampled_from([0, 0, 0, START - 1, START, START + 1, START + HOUR])
SCORES = st.one_of(st.integers(0, 1000), st.sampled_from([399, 400, 500, 501, 799, 800, 801, 950]))
BUDGETS = st.lists(
    st.builds(
        BudgetSeen,
        budget=st.just(5),
        nonce=st.just(9),
        scope=st.sampled_from(["organisation", "agent", "task", "lineage"]),
        measure=st.sampled_from(["money", "tokens", "actions", "time"]),
        limit=st.sampled_from([0, 10, 100]),
        spent=st.sampled_from([0, 0, 5, 10]),
        reserved=st.sampled_from([0, 0, 90]),
        asked=st.sampled_from([-1, 0, 0, 1, 10]),
    ),
    max_size=2,
).map(tuple)
EVIDENCE = st.builds(
    Evidence,
    agent_state=st.sampled_from([0, 0, 0, 0, 0, 1, 2]),
    scope_allows=st.sampled_from([True, True, True, True, False]),
    tool_permitted=st.sampled_from([True, True, True, True, False]),
    stops=st.sampled_from([(), (), (), (), (9,), (9, 11)]),
    breaker_agent_until=UNTIL,
    breaker_tool_until=UNTIL,
    requests_1s=st.sampled_from([0, 0, 0, 0, 5, 19, 20]),
    requests_5s=st.sampled_from([0, 0, 0, 0, 50, 99, 100]),
    executed_10s=st.sampled_from([0, 0, 0, 0, 99, 100]),
    same_digest_60s=st.sampled_from([0, 0, 0, 0, 19, 20]),
    throttles_60s=st.sampled_from([0, 0, 0, 0, 2, 3]),
    spent_today_micro=st.sampled_from([0, 0, 0, 10**9]),
    tier=st.integers(0, 5),
    score=SCORES,
    tasks_open=st.sampled_from([0, 0, 0, 1, 2, 4, 11]),
    task_valid=st.booleans(),
    first_time=st.booleans(),
    failures_24h=st.sampled_from([0, 0, 0, 1, 2, 9]),
    auto_hour=COUNTS,
    requests_hour=COUNTS,
    standing=st.sampled_from([0, 0, 77]),
    standing_until=UNTIL,
    of_type_before=COUNTS,
    budgets=st.one_of(st.just(()), st.just(()), BUDGETS),
)
CLASSES = st.sampled_from([*POLICIES[0].classes, "a_class_of_another_policy"])
VIOLATIONS = st.sampled_from(
    [(), (), (), (), ("ambiguous_name",), ("forbidden_host", "limit:n"), ("ambiguous_path",)]
)
DERIVED = st.builds(
    Derived,
    CLASSES,
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 30)), max_size=2).map(tuple),
    st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    VIOLATIONS,
    held=st.sampled_from([(), (), (("grave", 1),)]),
    findings=st.sampled_from(
        [(), (), (("finance.level", "raise", 3),), (("finance.prohibited", "deny", 0),)]
    ),
)
QUESTIONS = st.builds(
    ask,
    st.sampled_from(TABLES),
    DERIVED,
    EVIDENCE,
    st.integers(0, 23).map(lambda hour: START + hour * HOUR),
    st.sampled_from([0, 0, 1, 10**9]),
    st.sampled_from([0, 0, 5]),
    observed=st.sampled_from([False, False, True]),
)
_SEVERITY = {"permitted": 0, "pending": 1, "denied": 2}


def again(question: Question, seen: dict[str, Any] | None = None, derived: Derived | None = None) -> Question:
    """The same question with other evidence or derived facts."""
    evidence = msgspec.structs.replace(question.seen, **(seen or {}))
    return ask(
        question.tables,
        derived or question.derived,
        evidence,
        question.at,
        question.cost_micro,
        question.task,
        observed=question.observed,
    )


def milder_or_equal(one: Ruling, other: Ruling) -> bool:
    """Does the first demand no more of people, and permit whatever the second permits?"""
    return one.level <= other.level and _SEVERITY[one.verdict] <= _SEVERITY[other.verdict]


def document_of(tables: Tables) -> Policy:
    return POLICIES[TABLES.index(tables)]


def recorded(question: Question, ruling: Ruling) -> ActionDecided:
    """The event's facts, as the rule would draft them."""
    return ActionDecided(
        action_type="t",
        agent=1,
        cost_micro=question.cost_micro,
        derived=question.derived,
        digest="",
        evidence=question.seen,
        failed=ruling.failed,
        generation=0,
        grant=ruling.grant,
        level=ruling.level,
        nonce=0,
        policy_digest="",
        reserves_micro=gate.reserve(ruling.verdict, question.cost_micro),
        risk=ruling.risk,
        task=question.task,
        tool="",
        urgency=gate.urgency_of("normal", ruling.risk),
        verdict=ruling.verdict,
    )


@given(QUESTIONS, SCORES, st.integers(0, 5))
def test_more_trust_never_demands_more(question: Question, score: int, tier: int) -> None:
    low, high = sorted([question.seen.score, score])
    below, above = sorted([question.seen.tier, tier])
    less = judge(again(question, {"score": low, "tier": below}))
    more = judge(again(question, {"score": high, "tier": above}))
    assert milder_or_equal(more, less)


@given(QUESTIONS, st.booleans(), SMALL, st.integers(0, 30), st.integers(0, 4))
def test_less_risk_never_demands_more(
    question: Question, first: bool, failures: int, points: int, level_min: int
) -> None:
    derived = question.derived
    less = msgspec.structs.replace(derived, level_min=min(level_min, derived.level_min))
    factors = (*derived.factors, ("more", points))
    more = msgspec.structs.replace(derived, factors=factors, level_min=max(level_min, derived.level_min))
    calm = {"first_time": False, "failures_24h": min(failures, question.seen.failures_24h)}
    wild = {"first_time": first, "failures_24h": max(failures, question.seen.failures_24h)}
    assert milder_or_equal(judge(again(question, calm, less)), judge(again(question, wild, more)))


WORSE: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"agent_state": 1},
        {"scope_allows": False},
        {"tool_permitted": False},
        {"stops": (9,)},
        {"breaker_agent_until": START + 48 * HOUR},
        {"breaker_tool_until": START + 48 * HOUR},
        {"requests_1s": 10**6},
        {"requests_5s": 10**7},
        {"executed_10s": 10**7},
        {"same_digest_60s": 10**8},
        {"throttles_60s": 10**3},
        {"spent_today_micro": 10**15},
        {"tasks_open": 10**6},
        {"failures_24h": 10**3},
        {"auto_hour": 10**9},
        {"requests_hour": 10**9},
        {"first_time": True},
        {"standing": 0},
    ]
)


@given(QUESTIONS, WORSE)
def test_a_rule_that_bites_is_never_made_up_for(question: Question, worse: dict[str, Any]) -> None:
    assert milder_or_equal(judge(question), judge(again(question, worse)))


@given(QUESTIONS)
def test_the_strictest_answer_wins(question: Question) -> None:
    ruling = judge(question)
    answers = {answer for _, answer, _ in ruling.failed}
    assert answers <= {"deny", "throttle", "raise", "lifted"}
    assert ruling.level == max((level for _, _, level in ruling.failed), default=0)
    refused = bool(answers & {"deny", "throttle"})
    held = ruling.level >= 2 and not question.observed
    assert ruling.verdict == ("denied" if refused else "pending" if held else "permitted")


@given(QUESTIONS)
def test_only_what_is_permitted_carries_a_grant(question: Question) -> None:
    ruling = judge(question)
    assert (ruling.grant is not None) is (ruling.verdict == "permitted")
    if ruling.grant is not None:
        assert ruling.grant.number == 1
        assert ruling.grant.expires_at > question.at
        assert ruling.grant.basis in (("auto", "standing") if ruling.level <= 1 else ("observed",))


@given(QUESTIONS)
def test_observing_lets_run_what_people_would_decide_and_nothing_that_is_denied(question: Question) -> None:
    watched = judge(msgspec.structs.replace(question, observed=True))
    held = judge(msgspec.structs.replace(question, observed=False))
    assert (watched.level, watched.risk, watched.failed) == (held.level, held.risk, held.failed)
    assert (watched.verdict == "denied") is (held.verdict == "denied")
    assert watched.verdict != "pending"
    assert (watched.grant is not None and watched.grant.basis == "observed") is (held.verdict == "pending")


@given(QUESTIONS)
def test_a_standing_approval_answers_at_most_level_two_and_nothing_else(question: Question) -> None:
    ruling, without = judge(question), judge(again(question, {"standing": 0}))
    assert milder_or_equal(ruling, without)
    lifted = [entry for entry in ruling.failed if entry[1] == "lifted"]
    if ruling.grant is not None:
        assert (ruling.grant.basis == "standing") is (bool(lifted) and ruling.level <= 1)
    if without.level > 2 or without.verdict == "denied":
        assert ruling.verdict == without.verdict
    if not (question.seen.standing and question.seen.standing_until > question.at):
        assert not lifted


ENFORCED = QUESTIONS.map(lambda question: msgspec.structs.replace(question, observed=False))


@given(QUESTIONS)
def test_the_trace_recomputed_from_the_event_is_the_live_ruling(question: Question) -> None:
    ruling = judge(question)
    facts = msgspec.json.decode(msgspec.json.encode(recorded(question, ruling)), type=ActionDecided)
    lines = gate.trace(document_of(question.tables), facts, question.at)
    assert (
        tuple((line.rule, line.answer, line.level) for line in lines if line.answer != "pass")
        == ruling.failed
    )
    assert all(line.sentence and "{" not in line.sentence for line in lines)


@given(ENFORCED)
def test_judging_again_from_what_was_recorded_says_the_same(question: Question) -> None:
    facts = recorded(question, judge(question))
    stored = msgspec.json.decode(msgspec.json.encode(facts), type=ActionDecided)
    assert gate.audit(document_of(question.tables), stored, question.at) == "same"


@given(QUESTIONS)
def test_the_shown_factors_add_up_to_the_risk(question: Question) -> None:
    facts = recorded(question, judge(question))
    total = sum(
        points
        for _, points in gate.explain_risk(
            document_of(question.tables), str(TABLES.index(question.tables)), facts
        )
    )
    assert facts.risk == max(0, min(100, total))


TYPES = st.sampled_from(
    [*(kind for kind in POLICIES[0].types if kind not in PLATFORM_TYPES), "unheard.of", ""]
)
TOOLS = st.sampled_from(["", "shell", "pager", "x"])
PARAMS = st.dictionaries(
    st.sampled_from(["url", "path", "amount", "x"]),
    st.one_of(st.text(max_size=8), st.integers(-3, 9), st.none()),
    max_size=3,
)
STRICT = build(
    policy(
        tools={"shell": "execute", "pager": "read"},
        hosts={"a": "financial"},
        factors=[
            {"name": "f", "points": 9, "level_min": 2, "when": [{"field": "amount", "op": "gt", "value": 3}]}
        ],
    )
)


@given(TYPES, TOOLS, PARAMS)
def test_nothing_an_agent_adds_makes_its_class_milder(
    action_type: str, tool: str, params: dict[str, Any]
) -> None:
    bare, full = derive(STRICT, action_type, "", None), derive(STRICT, action_type, tool, params)
    assert STRICT.bases[full.cls] >= STRICT.bases[bare.cls]
    assert sum(points for _, points in full.factors) >= sum(points for _, points in bare.factors)
    assert full.level_min >= bare.level_min
    assert set(full.violations) >= set(bare.violations)


SPELLINGS = st.sampled_from(
    [
        str.upper,
        str.title,
        lambda text: f" {text}\t",
        lambda text: "".join(chr(ord(c) + 0xFEE0) for c in text),
    ]
)


@given(TYPES.filter(bool), SPELLINGS)
def test_another_spelling_of_a_type_is_the_same_type(action_type: str, spelling: Any) -> None:
    variant = spelling(action_type)
    assert fold(variant) == action_type
    assert derive(STRICT, variant, "", None) == derive(STRICT, action_type, "", None)
    assert request(World(), type=variant).action_type == action_type


@given(QUESTIONS, st.integers(0, 50))
def test_more_left_of_a_budget_never_demands_more(question: Question, more: int) -> None:
    roomier = tuple(
        msgspec.structs.replace(row, limit=row.limit + more, reserved=max(0, row.reserved - more))
        for row in question.seen.budgets
    )
    assert milder_or_equal(judge(again(question, {"budgets": roomier})), judge(question))


# Modes, and conditions of any shape ---------------------------------------------------------------------------------------

MODE = st.sampled_from(["enforce", "observe"])
NAMES = st.sampled_from(["file.read", "payment.send", "policy.apply", "agent.activate_version"])


@given(MODE, st.none() | MODE, st.none() | MODE, NAMES, st.integers(0, 2), st.booleans())
def test_what_is_enforced_by_name_is_held_and_the_platform_always(
    organisation: str, by_agent: str | None, by_type: str | None, action_type: str, agent: int, pack: bool
) -> None:
    terms = ModeTerms(
        organisation=organisation,
        agents={public_id("agent", 1, 9): by_agent} if by_agent else {},
        types={action_type: by_type} if by_type else {},
    )
    tables = build(
        msgspec.structs.replace(
            POLICIES[0], modes=terms, compliance=ComplianceTerms(packs=("finance",) if pack else ())
        )
    )
    named = {mode for mode in (by_agent if agent == 1 else None, by_type) if mode}
    expected = (
        agent > 0
        and not pack
        and action_type not in PLATFORM_TYPES
        and "enforce" not in named
        and ("observe" in named or organisation == "observe")
    )
    assert observed(tables, agent, action_type) is expected


VALUES = st.one_of(st.integers(-3, 3), st.sampled_from(["a", "ab", "abc", "B"]), st.booleans())
PLAIN = st.one_of(
    st.builds(Condition, field=st.sampled_from(["n", "m"]), op=st.sampled_from(["gt", "ge", "lt", "le"]), value=st.integers(-3, 3)),
    st.builds(Condition, field=st.sampled_from(["n", "m"]), op=st.sampled_from(["eq", "ne"]), value=VALUES),
    st.builds(Condition, field=st.just("n"), op=st.just("exists"), value=st.sampled_from([None, True, False])),
    st.builds(Condition, field=st.just("n"), op=st.just("prefix"), value=st.sampled_from(["a", "ab", "B"])),
    st.builds(
        Condition, field=st.just("n"), op=st.just("in"),
        value=st.lists(st.sampled_from(["a", "ab", "abc", "b"]), min_size=1, max_size=3).map(tuple),
    ),
)  # fmt: skip
EVIDENCED = st.one_of(
    st.builds(Condition, of=st.just("agent"), field=st.just("trust"), op=st.sampled_from(["lt", "le"]), value=st.integers(300, 900)),
    st.builds(Condition, of=st.just("agent"), field=st.just("tier"), op=st.sampled_from(["lt", "le"]), value=st.integers(0, 5)),
    st.builds(Condition, of=st.just("action"), field=st.just("risk"), op=st.sampled_from(["gt", "ge"]), value=st.integers(0, 99)),
    st.builds(Condition, of=st.just("action"), field=st.just("class"), op=st.just("eq"), value=st.sampled_from(["read", "write"])),
)  # fmt: skip


def grouped(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        parts.map(lambda found: Condition(all=found)), parts.map(lambda found: Condition(any=found))
    )


def when(leaf: st.SearchStrategy[Condition]) -> st.SearchStrategy[tuple[Condition, ...]]:
    tree = st.recursive(leaf, grouped, max_leaves=5)
    return st.lists(tree, min_size=1, max_size=2).map(tuple)


GIVEN = st.dictionaries(
    st.sampled_from(["n", "m", "N"]), st.one_of(VALUES, st.none(), st.lists(VALUES, max_size=2))
)


@given(when(PLAIN), when(PLAIN), GIVEN)
def test_conditions_that_are_said_to_imply_others_do(
    one: tuple[Condition, ...], other: tuple[Condition, ...], params: dict[str, Any]
) -> None:
    """`policy/difference.py` says by this what a change of conditions loosens."""
    lowered, names = lower(params), ("t", "", "read")
    if all_imply(one, other) and conditions.held(conditions.tree_of(one), lowered, names):
        assert conditions.held(conditions.tree_of(other), lowered, names)


RULES_OF_ANY_SHAPE = st.builds(
    DomainRule,
    name=st.just("any"),
    when=when(st.one_of(PLAIN, EVIDENCED)),
    then=st.sampled_from(["raise", "deny"]),
    level=st.integers(1, 4),
)


@given(RULES_OF_ANY_SHAPE, EVIDENCE, SCORES, st.integers(0, 5), st.integers(0, 30), GIVEN)
def test_no_rule_that_a_policy_may_have_turns_oversight_around(
    rule: DomainRule, seen: Evidence, score: int, tier: int, points: int, params: dict[str, Any]
) -> None:
    """More trust, or less risk, never demands more, whatever typed conditions the organisation writes."""
    document = msgspec.structs.replace(POLICIES[1], rules=(rule,))
    assert not problems(document)
    tables = build(document)
    derived = derive(tables, "file.write", "", params)
    low, high = sorted([seen.score, score])
    below, above = sorted([seen.tier, tier])

    def ruled(score: int, tier: int, extra: int) -> Ruling:
        evidence = msgspec.structs.replace(seen, score=score, tier=tier)
        more = msgspec.structs.replace(derived, factors=(("more", extra),) if extra else ())
        return judge(ask(tables, more, evidence, START))

    assert milder_or_equal(ruled(high, above, 0), ruled(low, below, 0))
    assert milder_or_equal(ruled(low, below, 0), ruled(low, below, points))


@given(RULES_OF_ANY_SHAPE, EVIDENCE, GIVEN)
def test_what_a_rule_saw_of_the_parameters_is_enough_to_judge_it_again(
    rule: DomainRule, seen: Evidence, params: dict[str, Any]
) -> None:
    tables = build(msgspec.structs.replace(POLICIES[1], rules=(rule,)))
    derived = derive(tables, "file.write", "", params)
    found = ask(tables, derived, seen, START)
    leaves = {leaf.bit for leaf in tables.domain[0].asked}
    assert all(mask & ~sum(leaves) == 0 for _, mask in derived.held)
    stored = msgspec.json.decode(msgspec.json.encode(derived), type=Derived)
    assert ask(tables, stored, seen, START).bites == found.bites

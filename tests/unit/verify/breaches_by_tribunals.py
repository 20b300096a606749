"""Ledgers in which the rules about tribunals are broken, one each, by hand; and one in which they are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.verify.story_kit import MINUTE, Story

from watchfloor.councils.messages import DecisionApproved
from watchfloor.councils.tribunal_messages import TribunalConvened, TribunalRuled, TribunalVoted, Validator
from watchfloor.fleet.messages import AgentQuarantined
from watchfloor.kernel.messages import Actor

Tell = Callable[[Story], object]


class Bench:
    """A decision at some level with three validators of three owners."""

    def __init__(self, s: Story, level: int = 2, **changes: Any) -> None:
        self.s = s
        self.agent = s.agent(s.person("operator")[0])
        self.validators = [s.agent(f"per_{name}") for name in ("ann", "ben", "cid")]
        self.action = s.ruling(self.agent, verdict="pending", level=level)
        role = {2: "operator", 3: "supervisor"}.get(level, "director")
        owner = changes.pop("owner", "")
        self.decision = s.opened(
            self.action, self.agent, level=level, role=role, owner=owner or s_owner(s, self.agent)
        )
        members = changes.pop("members", None) or tuple(
            Validator(number, f"per_{name}", 800)
            for number, name in zip(self.validators, ("ann", "ben", "cid"), strict=True)
        )
        facts = TribunalConvened(
            **{
                "action": self.action,
                "agent": self.agent,
                "confidence_min_milli": 300,
                "deadline_at": s.at + MINUTE,
                "decides": "unanimous",
                "level": level,
                "majority_permille": 667,
                "members": members,
                "votes_min": 2,
                **changes,
            }
        )
        s.add(facts, self.decision)

    def vote(self, place: int, vote: str = "approve", confidence: int = 900, **lies: Any) -> None:
        number = self.validators[place]
        facts = TribunalVoted(
            **{
                "agent": number,
                "confidence_milli": confidence,
                "late": False,
                "score": 800,
                "vote": vote,
                "weight": 800 * confidence // 1000,
                **lies,
            }
        )
        self.s.add(facts, self.decision, actor=Actor(kind="agent", id=self.s.agent_id(number)))

    def rule(self, consensus: str = "unanimous", recommendation: str = "approve", **lies: Any) -> None:
        told = {"action": self.action, "against": 0, "agent": self.agent, "complete": True, "weight": 2160}
        facts = TribunalRuled(consensus=consensus, recommendation=recommendation, **{**told, **lies})
        self.s.add(facts, self.decision)

    def approve(self, level: int = 2) -> None:
        facts = DecisionApproved(
            action=self.action,
            agent=self.agent,
            execution_ms=60_000,
            grant_ms=900_000,
            level=level,
            voters=(),
            tribunal=True,
        )
        self.s.add(facts, self.decision)

    def all(self) -> Bench:
        for place in range(3):
            self.vote(place)
        self.rule()
        return self

    def grant(self, basis: str = "tribunal") -> None:
        self.s.granted(self.action, self.agent, self.decision, basis)


def s_owner(s: Story, agent: int) -> str:
    """The person who joined just before the agent was registered."""
    from watchfloor.kernel.ids import public_id

    return public_id("person", agent - 1, s.nonce)


def a_tribunal_decides_level_2(s: Story) -> None:
    """What is allowed."""
    bench = Bench(s).all()
    bench.approve()
    bench.grant()
    s.started(bench.action, bench.agent)


def a_tribunal_decides_level_3(s: Story) -> None:
    Bench(s, 3).all().approve(3)


def a_tribunal_decides_where_the_policy_never_said_so(s: Story) -> None:
    Bench(s, decides="never").all().approve()


def an_incomplete_tribunal_decides(s: Story) -> None:
    bench = Bench(s)
    bench.vote(0)
    bench.vote(1)
    bench.rule(complete=False)
    bench.approve()


def a_tribunal_that_never_was_decides(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=2)
    decision = s.opened(action, agent, level=2, role="operator")
    facts = DecisionApproved(
        action=action, agent=agent, execution_ms=60_000, grant_ms=900_000, level=2, voters=(), tribunal=True
    )
    s.add(facts, decision)


def a_tribunal_of_one_weak_vote_calls_itself_unanimous(s: Story) -> None:
    bench = Bench(s)
    bench.vote(0, confidence=10)
    bench.rule(complete=False)


def a_tribunal_rules_twice(s: Story) -> None:
    Bench(s).all().rule("no_quorum", "")


def a_tribunal_turns_the_votes_around(s: Story) -> None:
    bench = Bench(s)
    for place in range(3):
        bench.vote(place, "deny")
    bench.rule()


def a_validator_of_the_requesters_owner(s: Story) -> None:
    owner, _ = s.person("operator")
    agent, friend = s.agent(owner), s.agent(owner)
    action = s.ruling(agent, verdict="pending", level=2)
    decision = s.opened(action, agent, owner=owner, level=2, role="operator")
    facts = TribunalConvened(
        action=action,
        agent=agent,
        confidence_min_milli=300,
        deadline_at=s.at + MINUTE,
        decides="unanimous",
        level=2,
        majority_permille=667,
        members=(Validator(friend, owner, 800),),
        votes_min=2,
    )
    s.add(facts, decision)


def a_validator_with_a_false_owner(s: Story) -> None:
    bench = Bench(s)
    other = bench.validators[0]
    Bench(s, members=(Validator(other, "per_nobody", 800),))


def a_validator_votes_with_more_weight_than_it_has(s: Story) -> None:
    Bench(s).vote(0, weight=1000)


def a_validator_votes_twice(s: Story) -> None:
    bench = Bench(s)
    bench.vote(0)
    bench.vote(0)


def somebody_votes_for_a_validator(s: Story) -> None:
    bench = Bench(s)
    number = bench.validators[0]
    facts = TribunalVoted(
        agent=number, confidence_milli=900, late=False, score=800, vote="approve", weight=720
    )
    s.add(facts, bench.decision, actor=s.person("admin")[1])


def a_grant_of_a_tribunal_called_peoples(s: Story) -> None:
    bench = Bench(s).all()
    bench.approve()
    bench.grant("approved")


def a_start_after_its_validators_were_contained(s: Story) -> None:
    bench = Bench(s).all()
    bench.approve()
    bench.grant()
    for number in bench.validators[:2]:
        s.add(AgentQuarantined(reason="odd"), number)
    s.started(bench.action, bench.agent)


BREACHES: list[tuple[str, Tell]] = [
    ("tribunals_decide_level_2_only", a_tribunal_decides_level_3),
    ("tribunals_decide_level_2_only", a_tribunal_decides_where_the_policy_never_said_so),
    ("tribunals_decide_level_2_only", an_incomplete_tribunal_decides),
    ("tribunals_decide_level_2_only", a_tribunal_that_never_was_decides),
    ("tribunals_decide_level_2_only", a_start_after_its_validators_were_contained),
    ("tribunals_count_what_was_said", a_tribunal_of_one_weak_vote_calls_itself_unanimous),
    ("tribunals_count_what_was_said", a_tribunal_rules_twice),
    ("tribunals_count_what_was_said", a_tribunal_turns_the_votes_around),
    ("tribunals_are_of_others", a_validator_of_the_requesters_owner),
    ("tribunals_are_of_others", a_validator_with_a_false_owner),
    ("tribunals_are_of_others", a_validator_votes_with_more_weight_than_it_has),
    ("tribunals_are_of_others", a_validator_votes_twice),
    ("tribunals_are_of_others", somebody_votes_for_a_validator),
    ("grant_needs_its_decision", a_grant_of_a_tribunal_called_peoples),
]

"""Rulings judged again under another policy: the same core, the recorded evidence (spec 3.4 *Backtest*)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from tests.unit.actions.requests import TRUSTED

from watchfloor.actions import rules
from watchfloor.actions.gate import RULES_VERSION, Gathered
from watchfloor.actions.messages import ActionDecided, Evidence, RequestAction
from watchfloor.actions.retrial import Action, Private, Retrial
from watchfloor.engine import backtesting
from watchfloor.engine.wiring import wire
from watchfloor.kernel.codec import encode_event
from watchfloor.kernel.conditions import Condition
from watchfloor.kernel.messages import Actor, Event
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import AutoTerms, Factor, LevelTerms, Policy
from watchfloor.policy.digest import digest_of

AT = 1_790_000_000_000_000
LARGE = Factor(name="large", points=0, level_min=4, when=(Condition(field="amount", op="gt", value=100),))
CANDIDATE = Policy(factors=(*Policy().factors, LARGE))


def ruled(action_type: str, params: dict[str, Any], policy: Policy | None = None) -> ActionDecided:
    policy = policy or Policy()
    evidence = msgspec.convert(list(TRUSTED.values()), Evidence)
    given = Given(
        at=AT,
        subject=1,
        entropy=sha256(b"1").digest(),
        actor=Actor(kind="agent", id="agt_1"),
        evidence=Gathered(
            policy=policy, policy_version=1, policy_digest=digest_of(policy), evidence=evidence
        ),
    )
    command = RequestAction(agent=1, type=action_type, params=params, action=b"{}")
    (draft,) = rules.request(None, command, given)
    assert isinstance(draft.facts, ActionDecided)
    return draft.facts


def private(action_type: str, params: Any = msgspec.UNSET) -> Private:
    return Private(action=Action(action_type, "", params))


def tried(
    candidate: Policy, facts: ActionDecided, part: Private | None = None, *, alike: bool = False
) -> Retrial:
    retrial = Retrial(candidate, 10)
    retrial.judge(facts, 1, AT, RULES_VERSION, part, alike=alike)
    return retrial


def test_what_parameters_would_have_demanded_is_derived_anew() -> None:
    params = {"amount": 500}
    retrial = tried(CANDIDATE, ruled("file.write", params), private("file.write", params))
    (one,) = retrial.differences
    assert (one.recorded.level, one.candidate.level, one.stricter, one.derivation) == (0, 4, True, "anew")
    assert one.why == ("A parameter demands level 4.",)
    assert (retrial.counts.rulings, retrial.counts.stricter, retrial.counts.derived_anew) == (1, 1, 1)


@pytest.mark.parametrize(
    "part", [None, Private(), private("file.write")], ids=["erased", "empty", "no params"]
)
def test_without_parameters_the_recorded_derivation_is_used_and_counted(part: Private | None) -> None:
    retrial = tried(CANDIDATE, ruled("file.write", {"amount": 500}), part)
    assert not retrial.differences
    assert (retrial.counts.from_record, retrial.counts.same) == (1, 1)


def test_a_looser_outcome_is_told_from_a_stricter_one() -> None:
    looser = Policy(levels=LevelTerms(medium=1), auto=AutoTerms(medium_allowed=True))
    retrial = tried(looser, ruled("command.run", {}), alike=True)
    (one,) = retrial.differences
    assert (one.candidate.verdict, one.stricter, one.derivation) == ("permitted", False, "same")
    assert retrial.counts.looser == 1


def test_a_ruling_by_older_rules_is_left_out_and_counted() -> None:
    retrial = Retrial(CANDIDATE, 10)
    retrial.judge(ruled("file.write", {}), 1, AT, RULES_VERSION - 1, None, alike=True)
    assert (retrial.counts.superseded, retrial.counts.rulings) == (1, 0)


def test_differences_beyond_the_bound_are_counted_and_not_kept() -> None:
    params = {"amount": 500}
    facts, retrial = ruled("file.write", params), Retrial(CANDIDATE, 1)
    for seq in (1, 2):
        retrial.judge(facts, seq, AT, RULES_VERSION, private("file.write", params), alike=False)
    assert (len(retrial.differences), retrial.counts.stricter) == (1, 2)


def test_policies_derive_alike_unless_a_section_that_derives_differs() -> None:
    retrial = Retrial(Policy(auto=AutoTerms(score_min=1)), 1)
    assert retrial.derives_alike(Policy(), "a")
    assert not retrial.derives_alike(CANDIDATE, "b")
    assert retrial.derives_alike(CANDIDATE, "a"), "by digest, once"


class Ledger:
    """Rulings in memory, every other event something else."""

    def __init__(self, rulings: int) -> None:
        facts = ruled("file.write", {})
        self.rows = []
        for seq in range(1, rulings + 1):
            event = Event(
                org="o", seq=seq, at=AT, type=facts.TYPE, kind="action", subject=seq,
                actor=Actor(kind="agent", id="agt_1"), policy=1, rules=RULES_VERSION, facts=facts,
            )  # fmt: skip
            self.rows.append((seq, encode_event(event), b""))

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        del org
        return self.rows[after : after + limit]

    def read_privates(self, org: int, seqs: Iterable[int]) -> Mapping[int, tuple[bytes, bytes]]:
        del org
        return dict.fromkeys(seqs, (b"", b"no JSON"))


def run(plan: backtesting.Plan, *, stop: bool = False) -> backtesting.Report:
    _, _, catalogue = wire()
    versions = {1: (Policy(), "d")}
    source = backtesting.Source(Ledger(1_200), 1, catalogue.decode, versions.__getitem__)
    return backtesting.backtest(source, plan, backtesting.Progress(stop=stop))


def test_a_backtest_ends_at_its_last_seq_its_bound_or_when_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run(backtesting.Plan(candidate=CANDIDATE, after=0, until=1_100))
    assert (whole.ended, whole.counts.rulings, whole.until) == ("complete", 1_100, 1_100)
    assert whole.counts.from_record == 1_100, "a private part that cannot be read is none"
    beyond = run(backtesting.Plan(candidate=CANDIDATE, after=1_000, until=9_000))
    assert (beyond.ended, beyond.counts.rulings) == ("complete", 200)
    bounded = run(backtesting.Plan(candidate=CANDIDATE, after=0, until=1_200, rulings_max=100))
    assert (bounded.ended, bounded.until) == ("limit", backtesting.SLICE)
    assert run(backtesting.Plan(candidate=CANDIDATE, after=0, until=1_200), stop=True).ended == "stopped"
    monkeypatch.setattr(backtesting, "SECONDS_MAX", -1)
    assert run(backtesting.Plan(candidate=CANDIDATE, after=0, until=1_200)).ended == "time"
    others = run(backtesting.Plan(candidate=CANDIDATE, after=0, until=9, only=frozenset((7,))))
    assert others.counts.rulings == 0

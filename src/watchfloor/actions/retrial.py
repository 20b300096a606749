"""Rulings judged again under another policy: what would have gone otherwise, and why (spec 03 §3.4 *Backtest*).

Theory of operation
-------------------
The gate is a pure function of derived facts, recorded evidence and an instant, so a recorded ruling can be judged under
any document. What the policy derives from the parameters (class, factors, violations) is derived anew where the two
policies derive differently: from the private parameters where they still exist, else the recorded derivation is used, and
counted. Trust is played again where the candidate's terms differ (trust/replay.py). Counts and breakers are those that were
recorded: what would have followed from other answers is not played on. A ruling by older rules of the gate is left out and counted.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from watchfloor.actions.gate import RULES_VERSION, TraceLine, judge, question_of, trace
from watchfloor.actions.messages import ActionDecided, Derived
from watchfloor.actions.rules import derived_of
from watchfloor.actions.tables import Tables, build
from watchfloor.kernel.terms import Policy

_DERIVING = (
    "classes",
    "types",
    "tools",
    "hosts",
    "host_fields",
    "path_fields",
    "factors",
    "rules",
    "envelope",
    "compliance",
)
_STRICTNESS = {"permitted": 0, "pending": 1, "denied": 2}


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a ruling came to."""

    verdict: str
    level: int
    risk: int


class Otherwise(msgspec.Struct, frozen=True, kw_only=True):
    """One ruling that would have gone otherwise. `derivation`: same, anew or recorded; `why`: sentences of the rules."""

    seq: int
    at: int
    action: int
    agent: int
    action_type: str
    tool: str
    recorded: Outcome
    candidate: Outcome
    stricter: bool
    derivation: str
    why: tuple[str, ...]


class Action(msgspec.Struct, frozen=True, gc=False):
    """The canonical action, as its private part holds it."""

    type: str
    tool: str
    params: Any = msgspec.UNSET


class Private(msgspec.Struct, frozen=True, gc=False):
    """What is left of the private part of a ruling, with its salt."""

    action: Action | None = None
    salt: bytes = b""


class Counts(msgspec.Struct):
    """`rulings` were judged again; `superseded` were left out; `from_record` had no parameters to derive from anew;
    `rescored` met another tier or score under the candidate's terms of trust."""

    rulings: int = 0
    same: int = 0
    stricter: int = 0
    looser: int = 0
    superseded: int = 0
    derived_anew: int = 0
    from_record: int = 0
    rescored: int = 0


Kind = tuple[str, str, bool]  # recorded verdict, the candidate's, stricter?


class Retrial:
    """A candidate policy, and what recorded rulings come to under it. Not for several threads at once.

    `digest` is the candidate's. Of the differences the first `differences_max` are kept, with `newest` the last; `kinds`
    counts all of them.
    """

    def __init__(
        self, candidate: Policy, differences_max: int, *, digest: str = "", newest: bool = False
    ) -> None:
        self.candidate = candidate
        self.counts = Counts()
        self.kinds: dict[Kind, int] = {}
        self.differences: deque[Otherwise] = deque(maxlen=differences_max)
        self._digest = digest
        self._newest = newest
        self._tables: Tables = build(candidate)
        self._alike: dict[str, bool] = {}

    def derives_alike(self, policy: Policy, digest: str) -> bool:
        """Do both policies derive the same from any parameters?"""
        known = self._alike.get(digest)
        if known is None:
            known = all(getattr(policy, name) == getattr(self.candidate, name) for name in _DERIVING)
            self._alike[digest] = known
        return known

    def judge(
        self,
        facts: ActionDecided,
        seq: int,
        at: int,
        rules: int,
        private: Private | None,
        *,
        alike: bool,
        standing: tuple[int, int] | None = None,
    ) -> None:
        """Judge one ruling again. `private` is its private part, None where it is gone; `alike` see `derives_alike`.

        `standing`: (tier, score) in place of those recorded, where the candidate's terms of trust make others.
        """
        counts = self.counts
        if rules != RULES_VERSION:
            counts.superseded += 1
            return
        counts.rulings += 1
        derivation, retried = "same", facts
        if not alike:
            derived = self._derived(facts, private)
            if derived is None:
                derivation = "recorded"
                counts.from_record += 1
            else:
                derivation = "anew"
                counts.derived_anew += 1
                if derived != facts.derived:
                    retried = msgspec.structs.replace(facts, derived=derived)
        if standing is not None and standing != (facts.evidence.tier, facts.evidence.score):
            counts.rescored += 1
            tier, score = standing
            evidence = msgspec.structs.replace(facts.evidence, tier=tier, score=score)
            retried = msgspec.structs.replace(retried, evidence=evidence)
        ruling = judge(question_of(self._tables, retried, at))
        if (ruling.verdict, ruling.level) == (facts.verdict, facts.level):
            counts.same += 1
            return
        stricter = (_STRICTNESS[ruling.verdict], ruling.level) > (_STRICTNESS[facts.verdict], facts.level)
        if stricter:
            counts.stricter += 1
        else:
            counts.looser += 1
        kind = (facts.verdict, ruling.verdict, stricter)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if len(self.differences) == self.differences.maxlen and not self._newest:
            return
        self.differences.append(
            Otherwise(
                seq=seq,
                at=at,
                action=seq,
                agent=facts.agent,
                action_type=facts.action_type,
                tool=facts.tool,
                recorded=Outcome(facts.verdict, facts.level, facts.risk),
                candidate=Outcome(ruling.verdict, ruling.level, ruling.risk),
                stricter=stricter,
                derivation=derivation,
                why=self._why(facts, retried, at),
            )
        )

    def _derived(self, facts: ActionDecided, private: Private | None) -> Derived | None:
        action = private.action if private is not None else None
        if private is None or action is None or action.params is msgspec.UNSET:
            return None
        return derived_of(self._tables, action.type, action.tool, action.params, private.salt, facts.agent)

    def _why(self, facts: ActionDecided, retried: ActionDecided, at: int) -> tuple[str, ...]:
        """What the rules that answer otherwise say now."""
        before = {name: (answer, level) for name, answer, level in facts.failed}
        return tuple(
            line.sentence
            for line in trace(self.candidate, retried, at, self._digest)
            if before.get(line.rule, ("pass", 0)) != _answer(line)
        )


def _answer(line: TraceLine) -> tuple[str, int]:
    return line.answer, line.level

"""Ledgers in which a policy came into force otherwise than it may (spec 3.6; decision 30)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.verify.story_kit import Story

from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.kernel.terms import Policy
from watchfloor.policy.messages import PolicyApplied, PolicyProposed, ProposalEnded

Tell = Callable[[Story], object]
RULE = "policy_needs_others"


def applied(s: Story, version: int, basis: str, actor: Actor | None = None, **more: Any) -> int:
    facts = PolicyApplied(
        digest="d", document=Policy(), nonce=1, reason="", version=version, basis=basis, **more
    )
    return s.add(facts, 1, actor=actor or SYSTEM)


def agreed(s: Story, *, base: int = 1, by: str = "", started: bool = True) -> int:
    """A proposal that people agreed to; the action that carries it out."""
    applied(s, 1, "first")
    author, author_actor = s.person("director")
    _, boss = s.person("supervisor")
    proposed = PolicyProposed(
        by=by or author,
        digest="d",
        document=Policy(),
        loosened=1,
        number=1,
        reason="",
        revert_to=0,
        version=base,
    )
    s.add(proposed, 1, actor=author_actor)
    action = s.ruling(0, verdict="pending", level=3, action_type="policy.apply", tool="", actor=author_actor)
    decision = s.opened(action, 0, parties=(author,))
    s.vote(decision, boss)
    s.approved(decision, action, 0, boss.id)
    s.granted(action, 0, decision)
    if started:
        s.started(action, 0, action_type="policy.apply", tool="")
    return action


def changed_as_it_should(s: Story) -> None:
    """Every way that is allowed."""
    action = agreed(s)
    applied(s, 2, "approved", action=action, proposal=1)
    applied(s, 3, "tightening")


def before_bases_were_said(s: Story) -> None:
    applied(s, 1, "")
    applied(s, 2, "")
    applied(s, 3, "tightening")


def a_lone_administrator(s: Story) -> None:
    applied(s, 1, "first")
    _, admin = s.person("admin")
    s.person("auditor")
    applied(s, 2, "alone", admin, loosened=3)


def a_second_first_policy(s: Story) -> None:
    applied(s, 1, "first")
    applied(s, 2, "first")


def a_version_is_left_out(s: Story) -> None:
    applied(s, 1, "first")
    applied(s, 3, "tightening")


def a_tightening_that_loosens(s: Story) -> None:
    applied(s, 1, "first")
    applied(s, 2, "tightening", loosened=1)


def alone_although_somebody_was_there(s: Story) -> None:
    applied(s, 1, "first")
    _, admin = s.person("admin")
    s.person("operator")
    applied(s, 2, "alone", admin, loosened=1)


def no_basis_after_bases_were_said(s: Story) -> None:
    applied(s, 1, "first")
    applied(s, 2, "")


def approved_by_nothing(s: Story) -> None:
    applied(s, 1, "first")
    s.person("admin")
    applied(s, 2, "approved", action=2, proposal=1)


def approved_but_not_started(s: Story) -> None:
    applied(s, 2, "approved", action=agreed(s, started=False), proposal=1)


def another_document_than_was_proposed(s: Story) -> None:
    action = agreed(s)
    facts = PolicyApplied(
        digest="other", document=Policy(), nonce=1, reason="", version=2, basis="approved", action=action, proposal=1
    )  # fmt: skip
    s.add(facts, 1)


def proposed_to_a_version_that_is_gone(s: Story) -> None:
    action = agreed(s, base=0)
    applied(s, 2, "approved", action=action, proposal=1)


def asked_for_by_somebody_else(s: Story) -> None:
    action = agreed(s, by="per_other")
    applied(s, 2, "approved", action=action, proposal=1)


def a_proposal_that_had_ended(s: Story) -> None:
    action = agreed(s)
    s.add(ProposalEnded(action=action, number=1, reason="outdated"), 1)
    applied(s, 2, "approved", action=action, proposal=1)


ALLOWED: list[Tell] = [changed_as_it_should, before_bases_were_said, a_lone_administrator]
BREACHES: list[tuple[str, Tell]] = [
    (RULE, a_second_first_policy),
    (RULE, a_version_is_left_out),
    (RULE, a_tightening_that_loosens),
    (RULE, alone_although_somebody_was_there),
    (RULE, no_basis_after_bases_were_said),
    (RULE, approved_by_nothing),
    (RULE, approved_but_not_started),
    (RULE, another_document_than_was_proposed),
    (RULE, proposed_to_a_version_that_is_gone),
    (RULE, asked_for_by_somebody_else),
    (RULE, a_proposal_that_had_ended),
]

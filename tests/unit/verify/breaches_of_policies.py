"""Ledgers in which a policy came into force otherwise than it may (spec 3.6; decision 30)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.verify.story_kit import Story

from watchfloor.kernel.compliance import ComplianceTerms
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.kernel.mode_terms import ModeTerms
from watchfloor.kernel.terms import Policy
from watchfloor.policy.messages import PolicyApplied, PolicyProposed, ProposalEnded

Tell = Callable[[Story], object]
RULE = "policy_needs_others"


def applied(
    s: Story,
    version: int,
    basis: str,
    actor: Actor | None = None,
    document: Policy = Policy(),  # noqa: B008 - frozen
    **more: Any,
) -> int:
    facts = PolicyApplied(
        digest="d", document=document, nonce=1, reason="", version=version, basis=basis, **more
    )
    return s.add(facts, 1, actor=actor or SYSTEM)


def agreed(s: Story, *, base: int = 1, by: str = "", started: bool = True, level: int = 3) -> int:
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
    action = s.ruling(
        0, verdict="pending", level=level, action_type="policy.apply", tool="", actor=author_actor
    )
    route = {"level": level, "role": "supervisor" if level > 2 else "operator"}
    decision = s.opened(action, 0, parties=(author,), **route)
    s.vote(decision, boss)
    s.approved(decision, action, 0, boss.id, level=level)
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


# Modes (spec 3.6): what runs unheld, and who let it


def observing(*packs: str, agent: str = "", **modes: Any) -> Policy:
    named = {"agents": {agent: "observe"}} if agent else {}
    return Policy(modes=ModeTerms(**(named | modes)), compliance=ComplianceTerms(packs=packs))


EVERYBODY = observing(organisation="observe")


def unheld(s: Story, document: Policy, action_type: str = "file.write", level: int = 3) -> int:
    """An organisation that begins with this policy, and an action that runs unheld."""
    agent = s.agent()
    applied(s, 1, "first", document=document)
    action = s.ruling(agent, level=level, basis="observed", action_type=action_type)
    s.started(action, agent, action_type=action_type)
    return agent


def observed_everybody(s: Story) -> None:
    unheld(s, EVERYBODY)


def observed_one_type(s: Story) -> None:
    unheld(s, observing(types={"file.write": "observe"}))


def observed_one_agent(s: Story) -> None:
    unheld(s, observing(agent=public_id("agent", s.seq, s.nonce)))


def observation_that_others_agreed_to(s: Story) -> None:
    applied(s, 2, "approved", action=agreed(s), proposal=1, document=EVERYBODY)
    agent = s.agent()
    s.started(s.ruling(agent, level=2, basis="observed"), agent)


def unheld_under_a_policy_that_holds(s: Story) -> None:
    unheld(s, Policy())


def unheld_although_the_type_is_enforced(s: Story) -> None:
    unheld(s, observing(organisation="observe", types={"file.write": "enforce"}))


def unheld_although_another_agent_is_observed(s: Story) -> None:
    unheld(s, observing(agent=public_id("agent", 99, s.nonce)))


def unheld_under_a_pack_that_forbids_it(s: Story) -> None:
    unheld(s, observing("finance", organisation="observe"))


def the_platform_observes_itself(s: Story) -> None:
    unheld(s, EVERYBODY, "agent.activate_version")


def started_unheld_after_the_mode_was_turned_off(s: Story) -> None:
    agent = s.agent()
    applied(s, 1, "first", document=EVERYBODY)
    action = s.ruling(agent, level=3, basis="observed")
    applied(s, 2, "tightening")
    s.started(action, agent)


def observed_at_a_level_that_nobody_is_asked_at(s: Story) -> None:
    applied(s, 1, "first", document=EVERYBODY)
    s.ruling(s.agent(), level=1, basis="observed")


def observation_turned_on_as_a_tightening(s: Story) -> None:
    applied(s, 1, "first")
    applied(s, 2, "tightening", document=EVERYBODY)


def observation_turned_on_at_level_two(s: Story) -> None:
    applied(s, 2, "approved", action=agreed(s, level=2), proposal=1, document=EVERYBODY)


MODES = "observed_by_the_mode"
ALLOWED: list[Tell] = [changed_as_it_should, before_bases_were_said, a_lone_administrator]
ALLOWED += [observed_everybody, observed_one_type, observed_one_agent, observation_that_others_agreed_to]
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
    (RULE, observation_turned_on_as_a_tightening),
    (RULE, observation_turned_on_at_level_two),
    (MODES, unheld_under_a_policy_that_holds),
    (MODES, unheld_although_the_type_is_enforced),
    (MODES, unheld_although_another_agent_is_observed),
    (MODES, unheld_under_a_pack_that_forbids_it),
    (MODES, the_platform_observes_itself),
    (MODES, started_unheld_after_the_mode_was_turned_off),
    ("ruling_grants_what_it_says", observed_at_a_level_that_nobody_is_asked_at),
]

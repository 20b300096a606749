"""Ledgers in which the rules about people deciding are broken, one each, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.verify.story_kit import EVIDENCE, MINUTE, Story

from watchfloor.actions.edit_messages import ActionEdited
from watchfloor.actions.messages import Derived
from watchfloor.councils.messages import (
    DecisionCancelled,
    DecisionExpired,
    DecisionForceAsked,
    DecisionForced,
    DecisionReviewed,
    Member,
)
from watchfloor.kernel.council_terms import RouteTerms, RoutingTerms
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.notice_terms import NoticeTerms
from watchfloor.kernel.sign_in_terms import SignInTerms
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import PersonDisabled, RolesChanged
from watchfloor.policy.messages import PolicyApplied

Tell = Callable[[Story], object]
NOTICES, SIGN_IN = NoticeTerms(), SignInTerms()


def the_owner_approves(s: Story) -> None:
    owner, actor = s.person("director")
    agent = s.agent(owner)
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent, owner=owner)
    s.vote(decision, actor)
    s.approved(decision, action, agent, owner)


def the_owner_approves_under_another_name_for_the_owner(s: Story) -> None:
    """The decision names somebody else as the owner than the agent's registration."""
    owner, actor = s.person("director")
    agent = s.agent(owner)
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent, owner="system")
    s.vote(decision, actor)
    s.approved(decision, action, agent, owner)


def the_requester_approves(s: Story) -> None:
    person, actor = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3, of=person)
    decision = s.opened(action, agent)
    s.vote(decision, actor)
    s.approved(decision, action, agent, person)


def the_owner_approves_by_the_link_they_made_for_another(s: Story) -> None:
    owner, _ = s.person("director")
    boss, actor = s.person("supervisor")
    agent = s.agent(owner)
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent, owner=owner)
    s.vote(decision, actor, session="browser", through=owner)
    s.approved(decision, action, agent, boss)


def too_few_approvals(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent, needed=2)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)


def one_person_counted_twice(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent, needed=2)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id, boss.id)


def one_person_votes_twice(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    decision = s.opened(s.ruling(agent, verdict="pending", level=3), agent)
    s.vote(decision, boss, "abstain")
    s.vote(decision, boss)


def an_approver_without_the_role(s: Story) -> None:
    _, clerk = s.person("operator")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, clerk)
    s.approved(decision, action, agent, clerk.id)


def an_auditor_approves(s: Story) -> None:
    _, auditor = s.person("auditor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=2)
    decision = s.opened(action, agent, role="operator", level=2)
    s.vote(decision, auditor)
    s.approved(decision, action, agent, auditor.id, level=2)


def an_approver_who_lost_the_role(s: Story) -> None:
    person, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.add(RolesChanged(roles=("operator",)), 1)
    s.approved(decision, action, agent, person)


def an_approver_who_was_disabled_before_the_start(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    s.approval(action, agent, boss)
    s.add(PersonDisabled(), 1)
    s.started(action, agent)


def an_approver_who_never_voted(s: Story) -> None:
    person, _ = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.approved(decision, action, agent, person)


def an_approver_who_denied(s: Story) -> None:
    person, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss, "deny")
    s.approved(decision, action, agent, person)


def an_approval_over_somebodys_denial(s: Story) -> None:
    person, boss = s.person("supervisor")
    _, other = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, other, "deny")
    s.vote(decision, boss)
    s.approved(decision, action, agent, person)


def a_machine_votes_as_a_person(s: Story) -> None:
    person, _ = s.person("supervisor")
    agent = s.agent()
    decision = s.opened(s.ruling(agent, verdict="pending", level=3), agent)
    s.vote(decision, Actor(kind="agent", id=s.agent_id(agent)), person=person)


def somebody_votes_for_somebody_else(s: Story) -> None:
    person, _ = s.person("supervisor")
    _, clerk = s.person("operator")
    agent = s.agent()
    decision = s.opened(s.ruling(agent, verdict="pending", level=3), agent)
    s.vote(decision, clerk, person=person)


def an_approval_without_voters(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    s.approved(s.opened(action, agent, needed=0), action, agent)


def an_expired_decision_is_approved(s: Story) -> None:
    person, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.add(DecisionExpired(action=action, agent=agent), decision)
    s.approved(decision, action, agent, person)


def a_vote_past_the_deadline_counts(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    decision = s.opened(s.ruling(agent, verdict="pending", level=3), agent, deadline_at=s.at + MINUTE)
    s.vote(decision, boss, at=s.at + 2 * MINUTE)


def an_approval_past_the_deadline(s: Story) -> None:
    person, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent, deadline_at=s.at + MINUTE)
    s.vote(decision, boss)
    s.approved(decision, action, agent, person, at=s.at + 2 * MINUTE)


def an_approval_of_another_level_than_was_asked(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id, level=4)


def a_decision_on_nothing(s: Story) -> None:
    s.opened(99, s.agent())


def by_link(s: Story, level: int, **document: Any) -> None:
    """A supervisor votes by the link of a notice under a policy."""
    policy(s, **document)
    _, boss = s.person("supervisor")
    agent = s.agent()
    decision = s.opened(s.ruling(agent, verdict="pending", level=level), agent, level=level)
    s.vote(decision, boss, session="link")


def a_link_votes_above_its_level(s: Story) -> None:
    by_link(s, 3, notices=NoticeTerms(links_level_max=2))


def a_link_votes_for_somebody_with_a_second_factor(s: Story) -> None:
    by_link(s, 3, sign_in=SignInTerms(totp=("supervisor",)))


def a_link_votes_for_somebody_who_signs_in_otherwise(s: Story) -> None:
    by_link(s, 3, sign_in=SignInTerms(link=("operator", "admin")))


def policy(
    s: Story,
    needed: int = 1,
    notices: NoticeTerms = NOTICES,
    sign_in: SignInTerms = SIGN_IN,
    **facts: object,
) -> None:
    """A policy in which so many supervisors approve."""
    routing = RoutingTerms(approve=RouteTerms(role="supervisor", needed=needed))
    document = Policy(routing=routing, notices=notices, sign_in=sign_in)
    s.add(PolicyApplied(digest="", document=document, nonce=1, reason="", version=1, **facts))  # type: ignore[arg-type]


def an_approval_by_the_looser_of_two_policies(s: Story) -> None:
    policy(s, needed=1)
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    policy(s, needed=2)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)


def an_approval_by_the_looser_of_two_policies_after_a_third(s: Story) -> None:
    """The stricter one in between was taken back: it binds all the same."""
    policy(s, needed=1)
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    policy(s, needed=2)
    policy(s, needed=1)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)


def who_loosened_it_approves(s: Story) -> None:
    person, boss = s.person("supervisor")
    policy(s, by=person, loosens=("level:3",), barred_until_at=s.at + 600 * MINUTE)
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    s.approval(action, agent, boss)


def a_starter_whose_approver_loosened_it_since(s: Story) -> None:
    person, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    s.approval(action, agent, boss)
    policy(s, by=person, loosens=("type:file.write",), barred_until_at=s.at + 600 * MINUTE)
    s.started(action, agent)


def committee(s: Story, *members: Member, needed: int = 2, name: str = "directors") -> None:
    policy(s)
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=4)
    s.opened(action, agent, level=4, role="director", needed=needed, committee=name, members=members)


def a_committee_with_somebody_who_fits_no_seat(s: Story) -> None:
    chief, _ = s.person("director")
    clerk, _ = s.person("operator")
    committee(s, Member(chief, "director"), Member(clerk, "director"))


def a_committee_the_policy_does_not_name(s: Story) -> None:
    chief, _ = s.person("director")
    committee(s, Member(chief, "director"), needed=1, name="friends")


def a_committee_in_which_fewer_are_enough(s: Story) -> None:
    members = [Member(s.person("director")[0], "director") for _ in range(3)]
    committee(s, *members, needed=1)


def a_committee_member_with_more_weight_than_their_seat(s: Story) -> None:
    members = [Member(s.person("director")[0], "director", weight) for weight in (1, 2)]
    committee(s, *members)


def a_role_in_place_of_the_policys(s: Story) -> None:
    policy(s)
    agent = s.agent()
    s.opened(s.ruling(agent, verdict="pending", level=3), agent, role="operator")


def forced(
    s: Story, actor: Actor, by: tuple[str, ...] = (), level: int = 3, **opening: object
) -> tuple[int, int, int]:
    """Somebody forces an action; (agent, action, decision)."""
    agent = s.agent(str(opening.get("owner", "system")))
    action = s.ruling(agent, verdict="pending", level=level)
    decision = s.opened(action, agent, level=level, **opening)
    facts = DecisionForced(
        action=action, agent=agent, by=by or (actor.id,), digest=f"{action:064x}", execution_ms=60_000,
        grant_ms=300_000, level=level, reason="outage", review_by_at=s.at + 600 * MINUTE, tell=("role:admin",),
    )  # fmt: skip
    s.add(facts, decision, actor=actor)
    return agent, action, decision


def the_owner_forces(s: Story) -> None:
    owner, actor = s.person("admin")
    forced(s, actor, owner=owner)


def a_supervisor_forces(s: Story) -> None:
    forced(s, s.person("supervisor")[1])


def one_person_forces_level_4(s: Story) -> None:
    forced(s, s.person("director")[1], level=4, role="director")


def one_person_forces_level_4_in_two_names(s: Story) -> None:
    other, _ = s.person("director")
    _, actor = s.person("director")
    forced(s, actor, (other, actor.id), level=4, role="director")


def somebody_forces_as_somebody_else(s: Story) -> None:
    other, _ = s.person("director")
    _, clerk = s.person("operator")
    decision = s.opened(s.ruling(agent := s.agent(), verdict="pending", level=4), agent, level=4)
    s.add(DecisionForceAsked(action=1, agent=agent, person=other, reason=""), decision, actor=clerk)


def a_forced_grant_that_nobody_forced(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)
    s.granted(action, agent, decision, "forced")


def a_forced_grant_that_lives_as_long_as_others(s: Story) -> None:
    agent, action, decision = forced(s, s.person("director")[1])
    s.granted(action, agent, decision, "forced", minutes=15)


def who_forced_it_has_lost_the_role_at_the_start(s: Story) -> None:
    agent, action, decision = forced(s, s.person("director")[1])
    s.granted(action, agent, decision, "forced", minutes=4)
    s.add(RolesChanged(roles=("operator",)), 1)
    s.started(action, agent)


def who_forced_it_reviews_it(s: Story) -> None:
    person, actor = s.person("director")
    agent, action, decision = forced(s, actor)
    s.granted(action, agent, decision, "forced", minutes=4)
    s.started(action, agent)
    facts = DecisionReviewed(action=action, agent=agent, late=False, person=person, verdict="justified")
    s.add(facts, decision, actor=actor)


def an_edit(s: Story, by: Actor, action: int, agent: int, decision: int, **lies: Any) -> None:
    facts = ActionEdited(
        **{
            "agent": agent,
            "by": by.id,
            "decision": decision,
            "derived": Derived("write"),
            "digest": "ed" * 32,
            "digest_before": f"{action:064x}",
            "evidence": EVIDENCE,
            "failed": (),
            "level": 3,
            "policy_digest": "ab" * 32,
            "risk": 30,
            "urgency": "normal",
            **lies,
        }
    )
    s.add(facts, action, actor=by)


def edited(s: Story, **lies: Any) -> tuple[int, int, int, Actor]:
    """A supervisor edits what waits; the decision on the old parameters."""
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    an_edit(s, boss, action, agent, decision, **lies)
    return action, agent, decision, boss


def votes_from_before_an_edit_count_for_it(s: Story) -> None:
    action, agent, decision, boss = edited(s)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)


def an_edit_lowers_the_level(s: Story) -> None:
    edited(s, level=2)


def an_edit_although_a_rule_denied(s: Story) -> None:
    edited(s, failed=(("path_is_forbidden", "deny", 0),))


def an_edit_of_what_was_never_asked(s: Story) -> None:
    edited(s, digest_before="00" * 32)


def an_operator_edits_what_supervisors_decide(s: Story) -> None:
    _, clerk = s.person("operator")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    an_edit(s, clerk, action, agent, s.opened(action, agent))


def whoever_edited_it_may_decide_on_their_own_version(s: Story) -> None:
    action, agent, decision, _ = edited(s)
    s.add(DecisionCancelled(action=action, agent=agent, reason="edited"), decision)
    s.opened(action, agent, digest="ed" * 32)


BREACHES: list[tuple[str, Tell]] = [
    ("silence_never_approves", votes_from_before_an_edit_count_for_it),
    ("edits_are_judged_again", an_edit_lowers_the_level),
    ("edits_are_judged_again", an_edit_although_a_rule_denied),
    ("edits_are_judged_again", an_edit_of_what_was_never_asked),
    ("edits_are_judged_again", an_operator_edits_what_supervisors_decide),
    ("edits_are_judged_again", whoever_edited_it_may_decide_on_their_own_version),
    ("grant_needs_its_decision", an_approval_of_another_level_than_was_asked),
    ("grant_needs_its_decision", a_decision_on_nothing),
    ("no_self_approval", the_owner_approves),
    ("no_self_approval", the_owner_approves_under_another_name_for_the_owner),
    ("no_self_approval", the_requester_approves),
    ("no_self_approval", the_owner_approves_by_the_link_they_made_for_another),
    ("links_vote_as_far_as_allowed", a_link_votes_above_its_level),
    ("links_vote_as_far_as_allowed", a_link_votes_for_somebody_with_a_second_factor),
    ("links_vote_as_far_as_allowed", a_link_votes_for_somebody_who_signs_in_otherwise),
    ("quorum_of_people", too_few_approvals),
    ("quorum_of_people", one_person_counted_twice),
    ("quorum_of_people", one_person_votes_twice),
    ("quorum_of_people", an_approver_without_the_role),
    ("quorum_of_people", an_auditor_approves),
    ("quorum_of_people", an_approver_who_lost_the_role),
    ("quorum_of_people", an_approver_who_was_disabled_before_the_start),
    ("quorum_of_people", an_approver_who_never_voted),
    ("quorum_of_people", an_approver_who_denied),
    ("quorum_of_people", an_approval_over_somebodys_denial),
    ("quorum_of_people", a_machine_votes_as_a_person),
    ("quorum_of_people", somebody_votes_for_somebody_else),
    ("quorum_of_people", an_approval_without_voters),
    ("stricter_of_two_policies", an_approval_by_the_looser_of_two_policies),
    ("stricter_of_two_policies", an_approval_by_the_looser_of_two_policies_after_a_third),
    ("looseners_do_not_decide", who_loosened_it_approves),
    ("looseners_do_not_decide", a_starter_whose_approver_loosened_it_since),
    ("committees_are_the_policys", a_committee_with_somebody_who_fits_no_seat),
    ("committees_are_the_policys", a_committee_the_policy_does_not_name),
    ("committees_are_the_policys", a_committee_in_which_fewer_are_enough),
    ("committees_are_the_policys", a_committee_member_with_more_weight_than_their_seat),
    ("committees_are_the_policys", a_role_in_place_of_the_policys),
    ("forced_by_the_eligible", the_owner_forces),
    ("forced_by_the_eligible", a_supervisor_forces),
    ("forced_by_the_eligible", one_person_forces_level_4),
    ("forced_by_the_eligible", one_person_forces_level_4_in_two_names),
    ("forced_by_the_eligible", somebody_forces_as_somebody_else),
    ("forced_by_the_eligible", who_forced_it_has_lost_the_role_at_the_start),
    ("grant_needs_its_decision", a_forced_grant_that_nobody_forced),
    ("grant_needs_its_decision", a_forced_grant_that_lives_as_long_as_others),
    ("forced_is_reviewed_by_another", who_forced_it_reviews_it),
    ("silence_never_approves", an_expired_decision_is_approved),
    ("silence_never_approves", a_vote_past_the_deadline_counts),
    ("silence_never_approves", an_approval_past_the_deadline),
]

"""Ledgers in which the rules about rulings, grants, starts and containment are broken, one each, by hand."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from tests.unit.verify.story_kit import AT, MINUTE, Story

from watchfloor.actions.bypass_messages import BypassOpened
from watchfloor.actions.messages import (
    ActionClosed,
    ActionDecided,
    BreakerOpened,
    Grant,
    GrantRevoked,
    StandingGranted,
    StandingRevoked,
    StopEased,
    StopLifted,
    StopRecorded,
)
from watchfloor.councils.messages import DecisionExpired
from watchfloor.fleet.messages import AgentQuarantined, AgentReleased, AgentRetired, KeyIssued
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Actor
from watchfloor.people.messages import RolesChanged

Tell = Callable[[Story], object]


def a_key_asks_for_what_its_scopes_do_not_cover(s: Story) -> None:
    agent = s.agent()
    s.add(
        KeyIssued(
            credential="key_1", expires_at=0, overlap_until_at=0, rotates="", scopes=("file.read", "git.*")
        ),
        agent,
    )
    s.ruling(
        agent,
        action_type="file.write",
        actor=Actor(kind="agent", id=s.agent_id(agent), credential="key_1"),
    )


def a_start_without_any_ruling(s: Story) -> None:
    s.started(99, s.agent())


def a_start_of_a_pending_action(s: Story) -> None:
    agent = s.agent()
    s.started(s.ruling(agent, verdict="pending", level=2), agent)


def a_start_of_a_denied_action(s: Story) -> None:
    agent = s.agent()
    s.started(s.ruling(agent, verdict="denied", failed=(("forbidden_type", "deny", 0),)), agent)


def a_start_after_the_grant_expired(s: Story) -> None:
    agent = s.agent()
    s.started(s.ruling(agent), agent, at=s.at + 15 * MINUTE)


def a_start_long_after_the_grant_expired(s: Story) -> None:
    """So late that the verifier has already forgotten the grant."""
    agent = s.agent()
    action = s.ruling(agent)
    for _ in range(5_000):
        s.ruling(agent)
    s.at += 20 * MINUTE
    for _ in range(5_000):
        s.ruling(agent)
    s.started(action, agent)


def a_start_before_its_grant(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)
    s.started(action, agent)
    s.granted(action, agent, decision)


def a_start_by_another_agent(s: Story) -> None:
    agent, thief = s.agent(), s.agent()
    s.started(s.ruling(agent), thief)


def a_start_of_another_tool(s: Story) -> None:
    agent = s.agent()
    s.started(s.ruling(agent), agent, tool="shell")


def a_start_of_a_closed_action(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.add(ActionClosed(agent=agent, decision=0, reason="cancelled", released_micro=0), action)
    s.started(action, agent)


def a_start_with_a_revoked_grant(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.add(
        GrantRevoked(agent=agent, digest="", grant=1, level=2, reason="stopped", risk=1, urgency="low"),
        action,
    )
    s.started(action, agent)


def a_grant_used_twice(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.started(action, agent)
    s.started(action, agent, execution="e2")


def one_execution_id_for_two_grants(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent)
    s.started(action, agent)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)
    s.granted(action, agent, decision, number=2)
    s.started(action, agent, grant=2, execution="e1")


def a_grant_number_given_twice(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)
    s.granted(action, agent, decision, number=1)


def a_grant_without_a_decision(s: Story) -> None:
    agent = s.agent()
    s.granted(s.ruling(agent, verdict="pending", level=3), agent, 42)


def a_grant_after_an_expired_decision(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.add(DecisionExpired(action=action, agent=agent), decision)
    s.granted(action, agent, decision)


def a_grant_while_the_decision_is_open(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    s.granted(action, agent, s.opened(action, agent))


def a_second_grant_on_one_approval(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.approval(action, agent, boss)
    s.granted(action, agent, decision, number=2)


def a_grant_on_another_actions_approval(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    small, large = (s.ruling(agent, verdict="pending", level=3) for _ in range(2))
    decision = s.opened(small, agent)
    s.vote(decision, boss)
    s.approved(decision, small, agent, boss.id)
    s.granted(large, agent, decision)


def a_grant_longer_than_approved(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(action, agent)
    s.vote(decision, boss)
    s.approved(decision, action, agent, boss.id)
    s.granted(action, agent, decision, minutes=60)


def a_decision_on_another_digest(s: Story) -> None:
    agent = s.agent()
    s.opened(s.ruling(agent, verdict="pending", level=3), agent, digest="cd" * 32)


def a_decision_of_a_lower_level(s: Story) -> None:
    agent = s.agent()
    s.opened(s.ruling(agent, verdict="pending", level=4), agent, level=3)


def a_level_4_action_granted_as_if_by_one(s: Story) -> None:
    _, chief = s.person("director")
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=4)
    decision = s.opened(action, agent, level=4, role="director")
    s.vote(decision, chief)
    s.approved(decision, action, agent, chief.id, level=4)
    s.granted(action, agent, decision, "approved")


def an_automatic_grant_at_level_2(s: Story) -> None:
    s.ruling(s.agent(), level=2)


def an_automatic_grant_on_the_basis_approved(s: Story) -> None:
    s.ruling(s.agent(), basis="approved")


def an_observed_grant_without_a_mode(s: Story) -> None:
    s.ruling(s.agent(), basis="observed")


def a_grant_inside_a_denial(s: Story) -> None:
    grant = Grant(basis="auto", execution_ms=1, expires_at=AT + 60 * MINUTE)
    s.ruling(s.agent(), verdict="denied", grant=grant)


def a_permission_although_a_rule_denied(s: Story) -> None:
    s.ruling(s.agent(), failed=(("breaker_open", "throttle", 0),))


def a_standing_grant_without_a_standing_approval(s: Story) -> None:
    s.ruling(s.agent(), basis="standing", level=1, standing=7)


def a_standing_grant_on_a_revoked_approval(s: Story) -> None:
    agent = s.agent()
    standing = s.add(
        StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + MINUTE, nonce=1)
    )
    s.add(StandingRevoked(action_type="file.write", agent=agent), standing)
    s.ruling(agent, basis="standing", level=1, standing=standing)


def a_standing_grant_for_another_agent(s: Story) -> None:
    agent, other = s.agent(), s.agent()
    standing = s.add(
        StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + MINUTE, nonce=1)
    )
    s.ruling(other, basis="standing", level=1, standing=standing)


def a_standing_grant_whose_giver_lost_the_role(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    facts = StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + 60 * MINUTE, nonce=1)
    standing = s.add(facts, actor=boss)
    s.add(RolesChanged(roles=("operator",)), 1)
    s.ruling(agent, basis="standing", level=1, standing=standing)


def a_start_after_the_giver_of_the_standing_approval_lost_the_role(s: Story) -> None:
    _, boss = s.person("supervisor")
    agent = s.agent()
    facts = StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + 60 * MINUTE, nonce=1)
    action = s.ruling(agent, basis="standing", level=1, standing=s.add(facts, actor=boss))
    s.add(RolesChanged(roles=("operator",)), 1)
    s.started(action, agent)


def a_start_after_the_standing_approval_was_revoked(s: Story) -> None:
    agent = s.agent()
    standing = s.add(
        StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + MINUTE, nonce=1)
    )
    action = s.ruling(agent, basis="standing", level=1, standing=standing)
    s.add(StandingRevoked(action_type="file.write", agent=agent), standing)
    s.started(action, agent)


def a_start_after_the_standing_approval_ran_out(s: Story) -> None:
    agent = s.agent()
    standing = s.add(
        StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + MINUTE, nonce=1)
    )
    action = s.ruling(agent, basis="standing", level=1, standing=standing)
    s.started(action, agent, at=s.at + 2 * MINUTE)


def stopped(scope: str, target: str = "") -> Tell:
    def a_start_under_a_stop(s: Story) -> None:
        agent = s.agent()
        action = s.ruling(agent)
        name = s.agent_id(agent) if scope == "agent" else target
        s.add(StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="halt", scope=scope, target=name))
        s.started(action, agent)

    a_start_under_a_stop.__name__ += f"_of_scope_{scope}"
    return a_start_under_a_stop


def a_start_of_a_stopped_lineage(s: Story) -> None:
    """The stop names the agent that spawned the one that starts."""
    parent = s.agent()
    child = s.agent(parent=parent)
    action = s.ruling(child)
    target = s.agent_id(parent)
    s.add(
        StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="halt", scope="lineage", target=target)
    )
    s.started(action, child)


def a_start_in_a_stopped_workflow(s: Story) -> None:
    agent = s.agent()
    whole = s.task()
    action = s.ruling(agent, task=s.task(parent=whole))
    target = public_id("task", whole, s.nonce)
    s.add(
        StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="halt", scope="workflow", target=target)
    )
    s.started(action, agent)


def a_start_under_a_stop_that_was_eased_for_something_else(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    stop = s.add(
        StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="halt", scope="organisation", target="")
    )
    s.add(StopEased(number=0, reason="", scope="action_type", target="file.read"), stop)
    s.started(action, agent)


def a_stop_eased_by_who_threw_it(s: Story) -> None:
    _, ada = s.person("supervisor")
    facts = StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="", scope="organisation", target="")
    stop = s.add(facts, actor=ada)
    s.add(StopEased(number=0, reason="", scope="tool", target="fs"), stop, actor=ada)


def a_stop_lifted_by_who_threw_it(s: Story) -> None:
    _, ada = s.person("supervisor")
    facts = StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="", scope="organisation", target="")
    stop = s.add(facts, actor=ada)
    s.add(StopLifted(reason=""), stop, actor=ada)


def a_start_of_what_a_stop_was_eased_for(s: Story) -> None:
    """Allowed: by type, by lineage, by the workflow it names."""
    _, ada = s.person("supervisor")
    parent = s.agent()
    child = s.agent(parent=parent)
    whole = s.task()
    stop = s.add(
        StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="halt", scope="organisation", target="")
    )
    for scope, target, of, task in (
        ("action_type", "file.write", parent, 0),
        ("lineage", s.agent_id(parent), child, 0),
        ("workflow", public_id("task", whole, s.nonce), parent, s.task(parent=whole)),
    ):
        kind = "file.write" if scope == "action_type" else "file.send"
        action = s.ruling(of, action_type=kind, task=task)
        s.add(StopEased(number=0, reason="", scope=scope, target=target), stop, actor=ada)
        s.started(action, of, action_type=kind)


def a_start_with_the_agents_breaker_open(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.add(BreakerOpened(failures=3, scope="agent", target=str(agent), until_at=s.at + MINUTE))
    s.started(action, agent)


def a_start_with_the_tools_breaker_open(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.add(BreakerOpened(failures=3, scope="tool", target="editor", until_at=s.at + MINUTE))
    s.started(action, agent)


def a_start_in_quarantine(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.add(AgentQuarantined(reason="runaway"), agent)
    s.started(action, agent)


def a_start_in_retirement(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.add(AgentRetired(reason="old"), agent)
    s.add(AgentReleased(reason="nothing releases the retired"), agent)
    s.started(action, agent)


def an_outcome_without_a_start(s: Story) -> None:
    agent = s.agent()
    s.completed(s.ruling(agent), agent)


def an_outcome_of_another_execution(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.started(action, agent)
    s.completed(action, agent, "e2")


def a_second_outcome(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent)
    s.started(action, agent)
    s.completed(action, agent)
    s.completed(action, agent)


def a_second_ruling_on_one_action(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, verdict="denied")
    permitted = msgspec.json.decode(s.events[s.ruling(agent) - 1])["facts"]
    s.add(msgspec.convert(permitted, ActionDecided), action)


def a_seq_that_jumps(s: Story) -> None:
    s.agent()
    s.add(AgentReleased(reason=""), 1, seq=5)


def an_event_of_another_organisation(s: Story) -> None:
    s.agent()
    s.add(AgentReleased(reason=""), 1, org="org_other")


def time_that_runs_backwards(s: Story) -> None:
    s.agent()
    s.add(AgentReleased(reason=""), 1, at=s.at - 1)


def a_cause_after_its_effect(s: Story) -> None:
    s.agent()
    s.add(AgentReleased(reason=""), 1, cause=9)


def facts_without_their_fields(s: Story) -> None:
    agent = s.agent()
    s.add(AgentReleased(reason=""), agent, type="action.started/1")


def a_revocation_of_a_grant_nobody_holds(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, verdict="pending", level=3)
    s.add(
        GrantRevoked(agent=agent, digest="", grant=1, level=3, reason="stopped", risk=1, urgency="low"),
        action,
    )


ALLOWED: list[Tell] = [a_start_of_what_a_stop_was_eased_for]


def bypassed(s: Story, *roles: str, hours: int = 1, type_: str = "file.write", own: bool = False) -> None:
    """Somebody opens a bypass, and an agent's action runs under it."""
    who, actor = s.person(*roles)
    agent = s.agent(who if own else "system")
    facts = BypassOpened(
        action_type=type_, agent=0, expires_at=s.at + hours * 60 * MINUTE, nonce=1, reason="night", tell=()
    )
    action = s.ruling(agent, level=1, basis="standing", standing=s.add(facts, actor=actor))
    s.started(action, agent)


def a_supervisor_opens_a_bypass(s: Story) -> None:
    bypassed(s, "supervisor")


def a_bypass_for_a_day(s: Story) -> None:
    bypassed(s, "director", hours=24)


def a_bypass_of_what_the_platform_does(s: Story) -> None:
    bypassed(s, "director", type_="policy.apply")


def a_bypass_for_ones_own_agent(s: Story) -> None:
    bypassed(s, "director", own=True)


def a_bypass_of_another_type(s: Story) -> None:
    bypassed(s, "director", type_="file.read")


BREACHES: list[tuple[str, Tell]] = [
    ("bypass_is_of_level_2_and_ends", a_supervisor_opens_a_bypass),
    ("bypass_is_of_level_2_and_ends", a_bypass_for_a_day),
    ("bypass_is_of_level_2_and_ends", a_bypass_of_what_the_platform_does),
    ("ruling_grants_what_it_says", a_bypass_for_ones_own_agent),
    ("ruling_grants_what_it_says", a_bypass_of_another_type),
    ("stop_means_stop", a_start_of_a_stopped_lineage),
    ("stop_means_stop", a_start_in_a_stopped_workflow),
    ("stop_means_stop", a_start_under_a_stop_that_was_eased_for_something_else),
    ("stop_lifted_by_another", a_stop_eased_by_who_threw_it),
    ("stop_lifted_by_another", a_stop_lifted_by_who_threw_it),
    ("start_needs_a_grant", a_start_without_any_ruling),
    ("start_needs_a_grant", a_start_of_a_pending_action),
    ("start_needs_a_grant", a_start_of_a_denied_action),
    ("start_needs_a_grant", a_start_after_the_grant_expired),
    ("start_needs_a_grant", a_start_long_after_the_grant_expired),
    ("start_needs_a_grant", a_start_before_its_grant),
    ("start_needs_a_grant", a_start_by_another_agent),
    ("start_needs_a_grant", a_start_of_another_tool),
    ("start_needs_a_grant", a_start_of_a_closed_action),
    ("start_needs_a_grant", a_start_with_a_revoked_grant),
    ("start_needs_a_grant", a_start_after_the_standing_approval_was_revoked),
    ("start_needs_a_grant", a_start_after_the_giver_of_the_standing_approval_lost_the_role),
    ("ruling_grants_what_it_says", a_standing_grant_whose_giver_lost_the_role),
    ("start_needs_a_grant", a_start_after_the_standing_approval_ran_out),
    ("grant_used_once", a_grant_used_twice),
    ("grant_used_once", one_execution_id_for_two_grants),
    ("grant_used_once", a_grant_number_given_twice),
    ("grant_needs_its_decision", a_grant_without_a_decision),
    ("grant_needs_its_decision", a_grant_after_an_expired_decision),
    ("grant_needs_its_decision", a_grant_while_the_decision_is_open),
    ("grant_needs_its_decision", a_second_grant_on_one_approval),
    ("grant_needs_its_decision", a_grant_on_another_actions_approval),
    ("grant_needs_its_decision", a_grant_longer_than_approved),
    ("grant_needs_its_decision", a_decision_on_another_digest),
    ("grant_needs_its_decision", a_decision_of_a_lower_level),
    ("grant_needs_its_decision", a_level_4_action_granted_as_if_by_one),
    ("ruling_grants_what_it_says", an_automatic_grant_at_level_2),
    ("ruling_grants_what_it_says", an_automatic_grant_on_the_basis_approved),
    ("ruling_grants_what_it_says", an_observed_grant_without_a_mode),
    ("ruling_grants_what_it_says", a_key_asks_for_what_its_scopes_do_not_cover),
    ("ruling_grants_what_it_says", a_grant_inside_a_denial),
    ("ruling_grants_what_it_says", a_permission_although_a_rule_denied),
    ("ruling_grants_what_it_says", a_standing_grant_without_a_standing_approval),
    ("ruling_grants_what_it_says", a_standing_grant_on_a_revoked_approval),
    ("ruling_grants_what_it_says", a_standing_grant_for_another_agent),
    ("ruling_grants_what_it_says", a_second_ruling_on_one_action),
    ("stop_means_stop", stopped("organisation")),
    ("stop_means_stop", stopped("agent")),
    ("stop_means_stop", stopped("agent_type", "coder")),
    ("stop_means_stop", stopped("action_type", "file.write")),
    ("stop_means_stop", stopped("tool", "editor")),
    ("breaker_means_break", a_start_with_the_agents_breaker_open),
    ("breaker_means_break", a_start_with_the_tools_breaker_open),
    ("contained_agents_rest", a_start_in_quarantine),
    ("contained_agents_rest", a_start_in_retirement),
    ("outcome_needs_a_start", an_outcome_without_a_start),
    ("outcome_needs_a_start", an_outcome_of_another_execution),
    ("outcome_needs_a_start", a_second_outcome),
    ("in_place", a_seq_that_jumps),
    ("in_place", an_event_of_another_organisation),
    ("in_place", time_that_runs_backwards),
    ("in_place", a_cause_after_its_effect),
    ("well_formed", a_revocation_of_a_grant_nobody_holds),
    ("well_formed", facts_without_their_fields),
]

"""Exit 6: each rule is broken by hand, in a ledger whose chain, tree and signatures are perfect (spec 04; 09-faults §3.6).

The bytes are made by the product's own codec from the product's own facts, so a change of the vocabulary is felt here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.verify import (
    breaches_by_people,
    breaches_by_tribunals,
    breaches_of_grants,
    breaches_of_policies,
    breaches_of_retries,
)
from tests.unit.verify.story_kit import MINUTE, Log, Story, run

import watchfloor_verify as verifier
from watchfloor.actions.messages import (
    ActionClosed,
    ActionFailed,
    BreakerOpened,
    GrantRevoked,
    StandingGranted,
    StopLifted,
    StopRecorded,
)
from watchfloor.councils.messages import DecisionDenied
from watchfloor.fleet.messages import AgentQuarantined, AgentReleased
from watchfloor.kernel.messages import Actor

Tell = Callable[[Story], object]


def exit_of(story: Story, tmp_path: Path) -> verifier.Report:
    log = Log()
    return run(log.export(tmp_path / "export", story.events, privates=story.privates), "--key", log.key.text)


# -- what is allowed ------------------------------------------------------------------------------------------------


def a_whole_day(s: Story) -> None:
    """Everything that may happen: every rule is looked at, none is broken."""
    owner, _ = s.person("operator")
    boss, boss_actor = s.person("supervisor")
    chief, chief_actor = s.person("director")
    agent = s.agent(owner)
    free = s.ruling(agent)
    s.started(free, agent)
    s.completed(free, agent)
    s.ruling(agent, verdict="denied", failed=(("tool_not_permitted", "deny", 0),))
    held = s.ruling(agent, verdict="pending", level=3)
    decision = s.opened(held, agent, owner=owner)
    s.vote(decision, chief_actor, "abstain")
    s.vote(decision, boss_actor)
    s.approved(decision, held, agent, boss)
    s.granted(held, agent, decision)
    s.vote(decision, Actor(kind="person", id=owner), late=True)
    s.started(held, agent)
    s.add(
        ActionFailed(
            action_type="file.write", agent=agent, code="x", cost_micro=0, execution="e1", released_micro=0, tool="editor"
        ),
        held,
    )  # fmt: skip
    grave = s.ruling(agent, verdict="pending", level=4)
    decision = s.opened(grave, agent, owner=owner, level=4, needed=1, role="director")
    s.vote(decision, chief_actor)
    s.approved(decision, grave, agent, chief, level=4)
    s.granted(grave, agent, decision, "committee")
    s.add(
        GrantRevoked(agent=agent, digest="", grant=1, level=4, reason="stopped", risk=80, urgency="high"),
        grave,
    )
    again = s.opened(grave, agent, owner=owner, level=4, needed=1, role="director")
    s.add(DecisionDenied(action=grave, agent=agent, reason="voted"), again)
    s.add(ActionClosed(agent=agent, decision=again, reason="denied", released_micro=0), grave)
    stop = s.add(
        StopRecorded(effective_at=s.at, journal="j", nonce=1, reason="drill", scope="tool", target="shell")
    )
    other = s.ruling(agent, tool="editor")
    s.started(other, agent)
    s.add(StopLifted(reason="over"), stop)
    s.add(BreakerOpened(failures=3, scope="tool", target="shell", until_at=s.at + MINUTE))
    trusted = s.add(StandingGranted(action_type="file.write", agent=agent, expires_at=s.at + MINUTE, nonce=1))
    standing = s.ruling(agent, basis="standing", level=1, standing=trusted)
    s.started(standing, agent)
    unused = s.ruling(agent)
    s.add(
        ActionClosed(agent=agent, decision=0, reason="grant_expired", released_micro=0),
        unused,
        at=s.at + 16 * MINUTE,
    )
    s.add(AgentQuarantined(reason="runaway"), agent)
    s.add(AgentReleased(reason="looked at"), agent)
    late = s.ruling(agent, tool="shell")
    s.started(late, agent, tool="shell")


def test_a_day_on_which_every_rule_was_obeyed_is_good(tmp_path: Path) -> None:
    story = Story()
    a_whole_day(story)
    breaches_by_tribunals.a_tribunal_decides_level_2(story)
    report = exit_of(story, tmp_path)
    assert report.findings == []
    assert report.exit == 0
    assert report.privates == len(story.privates) == 5


@pytest.mark.parametrize(
    "tell",
    breaches_of_policies.ALLOWED + breaches_of_retries.ALLOWED + breaches_of_grants.ALLOWED,
    ids=lambda tell: tell.__name__,
)
def test_what_is_allowed_is_good_in_every_way_it_is_done(tell: Tell, tmp_path: Path) -> None:
    story = Story()
    tell(story)
    assert exit_of(story, tmp_path).findings == []


# -- what is not ----------------------------------------------------------------------------------------------------

BREACHES = (
    breaches_of_grants.BREACHES
    + breaches_by_people.BREACHES
    + breaches_by_tribunals.BREACHES
    + breaches_of_policies.BREACHES
    + breaches_of_retries.BREACHES
)


@pytest.mark.parametrize(
    ("rule", "tell"), BREACHES, ids=[f"{rule}-{tell.__name__}" for rule, tell in BREACHES]
)
def test_a_broken_rule_is_exit_6_and_names_rule_and_event(rule: str, tell: Tell, tmp_path: Path) -> None:
    story = Story()
    tell(story)
    report = exit_of(story, tmp_path)
    assert report.exit == 6
    first = report.findings[0]
    assert first.rule == rule
    assert 1 < first.seq <= len(story.events)


def test_every_published_rule_is_broken_by_some_ledger() -> None:
    assert {rule for rule, _ in BREACHES} == set(verifier.RULES)


@pytest.mark.parametrize("tell", [tell for _, tell in BREACHES], ids=[tell.__name__ for _, tell in BREACHES])
def test_chain_tree_and_signatures_alone_see_nothing_wrong_in_it(tell: Tell, tmp_path: Path) -> None:
    """So it is the rule that was found, not a flaw of the forged ledger."""
    story, log = Story(), Log()
    tell(story)
    export = log.export(tmp_path / "export", story.events)
    assert run(export, "--key", log.key.text, "--no-rules").exit == 0


def test_a_type_newer_than_the_verifier_is_an_internal_error_not_a_verdict(tmp_path: Path) -> None:
    story = Story()
    agent = story.agent()
    story.add(AgentReleased(reason=""), agent, type="action.started/2")
    assert exit_of(story, tmp_path).exit == 1


def test_types_the_rules_do_not_speak_of_are_passed_over(tmp_path: Path) -> None:
    story = Story()
    story.add(AgentReleased(reason=""), story.agent(), type="weather.changed/3")
    assert exit_of(story, tmp_path).exit == 0

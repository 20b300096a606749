"""Recorded trust under other terms (spec 3.4 *Backtest*)."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.transcripts.world import World

from watchfloor.actions.messages import StandingRevoked
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import TrustKind, TrustTerms
from watchfloor.trust import rules
from watchfloor.trust.messages import AdjustTrust, ReassessTrust, RecordTrust
from watchfloor.trust.replay import Replay

AGENT = 7
TERMS = TrustTerms(successes_per_day=2)


def lived() -> tuple[World, list[Event]]:
    """Four successes on a day of which two count, a person's word, a violation, and time."""
    world = World()
    evidence = rules.TermsEvidence(terms=TERMS)
    commands: list[Any] = [RecordTrust(subject=AGENT, what="task_succeeded", source=n) for n in (1, 2, 3, 4)]
    commands += [AdjustTrust(subject=AGENT, points=150, reason="seen")]
    commands += [RecordTrust(subject=AGENT, what="security_violation", source=5)]
    events = [event for command in commands for event in world.perform(command, evidence=evidence)]
    world.at += 9 * DAY
    events += world.perform(ReassessTrust(subject=AGENT), evidence=evidence)
    return world, events


def played(terms: TrustTerms, events: list[Event], *, capped: bool = True) -> Replay:
    replay = Replay(terms, capped=capped)
    for event in events:
        replay.show(event)
    return replay


def test_under_the_terms_that_held_it_is_what_was_recorded() -> None:
    world, events = lived()
    state = world.states["trust", AGENT]
    for capped in (True, False):
        assert played(TERMS, events, capped=capped).standing(AGENT, world.at) == (state.tier, state.score)
    assert played(TERMS, []).standing(AGENT, world.at) == (1, 300), "of whom nothing was recorded"


def test_another_cap_counts_what_was_beyond_the_recorded_one() -> None:
    world, events = lived()
    before = played(TERMS, events).standing(AGENT, world.at)[1]
    wider = msgspec.structs.replace(TERMS, successes_per_day=4)
    assert (
        played(wider, events).standing(AGENT, world.at)[1] == before + 14
    )  # two tasks, ten days of thirty gone
    recorded = played(TERMS, events, capped=False)
    recorded.terms = wider
    assert recorded.standing(AGENT, world.at)[1] == before


def test_grace_and_points_are_those_of_the_terms() -> None:
    world, events = lived()
    lasting = msgspec.structs.replace(
        TERMS, tiers=(0, 200, 340, 600, 800, 950), demotion_grace_ms=20 * 86_400_000
    )
    kinds = {**TERMS.kinds, "security_violation": TrustKind(points=-200, decay_days=60)}
    harsh = msgspec.structs.replace(TERMS, kinds=kinds)
    assert played(lasting, events).standing(AGENT, world.at)[0] == 2
    assert (
        played(harsh, events).standing(AGENT, world.at)[1]
        < played(TERMS, events).standing(AGENT, world.at)[1]
    )


def test_other_events_say_nothing() -> None:
    world, events = lived()
    other = msgspec.structs.replace(
        events[0], type="standing.revoked/1", facts=StandingRevoked(action_type="x", agent=AGENT)
    )
    replay = played(TERMS, [*events, other])
    assert replay.standing(AGENT, world.at) == played(TERMS, events).standing(AGENT, world.at)

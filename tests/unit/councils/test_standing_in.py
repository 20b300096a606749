"""Backups: who is told in place of whom, once on a rung, as far as the policy allows it (spec 3.2 *Routing*)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import World
from tests.unit.councils.test_rules import DEADLINE, decision, opened, votes

from watchfloor.councils import messages as m
from watchfloor.councils.rules import SUBJECTS
from watchfloor.councils.standing_in import BackupEvidence
from watchfloor.kernel.council_terms import BackupTerms
from watchfloor.kernel.messages import Facts

ADA, BEN, CY = "person:ada", "person:ben", "person:cy"
AWAY = BackupTerms(of=ADA, by=(BEN, CY), offline_ms=600_000)
FULL = BackupTerms(of=ADA, by=(BEN,), waiting_max=5)
KNOWS = BackupTerms(of="role:supervisor", by=(CY,), types=("payment.send",), classes=("system_config",))


def told(**fields: Any) -> World:
    return opened(tell=(ADA, "role:supervisor"), **fields)


def over(
    world: World,
    reason: str = "offline",
    measured: int = 600_000,
    of: str = ADA,
    by: tuple[str, ...] = (BEN,),
    backups: tuple[BackupTerms, ...] = (AWAY,),
    cls: str = "",
    **more: Any,
) -> list[Facts]:
    """What a backup's taking over leads to."""
    command = m.TakeOver(subject=1, **({"rung": 0} | more), of=of, by=by, reason=reason, measured=measured)
    evidence = BackupEvidence(backups=backups, action_type="payment.refund", cls=cls)
    return [event.facts for event in world.perform(command, evidence=evidence)]


def refused(world: World, **fields: Any) -> bool:
    from watchfloor.kernel.messages import Refused

    with pytest.raises(Refused) as error:
        over(world, **fields)
    return error.value.code == "no_backup"


def test_a_backup_is_told_in_place_of_whom_it_stands_in_for_and_nobody_else_is_dropped() -> None:
    world = told()
    assert over(world) == [
        m.DecisionTakenOver(
            action=41,
            agent=7,
            by=(BEN,),
            measured=600_000,
            of=ADA,
            reason="offline",
            rung=0,
            tell=("role:supervisor", BEN),
        )
    ]
    assert (decision(world).tell, decision(world).taken) == (("role:supervisor", BEN), (ADA,))
    assert over(world) == [], "once on a rung"


def test_it_changes_nothing_about_who_may_decide() -> None:
    world = told()
    over(world)
    assert [type(one) for one in votes(world, "per_ada")] == [m.VoteCast, m.DecisionApproved]
    assert over(world, of="role:supervisor", backups=(KNOWS,), by=(CY,), reason="specialist") == [], "over"


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"measured": 599_999}, False),
        ({"by": (BEN, CY)}, True),
        ({"by": ("person:dot",)}, False),
        ({"by": ()}, False),
        ({"of": "person:eve"}, False),
        ({"reason": "overloaded"}, False),
        ({"reason": "overloaded", "measured": 6, "backups": (FULL,)}, True),
        ({"reason": "overloaded", "measured": 5, "backups": (FULL,)}, False),
        ({"reason": "specialist"}, False),
        ({"reason": "bored"}, False),
        ({"reason": "specialist", "of": "role:supervisor", "by": (CY,), "backups": (KNOWS,)}, False),
        (
            {
                "reason": "specialist",
                "of": "role:supervisor",
                "by": (CY,),
                "backups": (KNOWS,),
                "cls": "system_config",
            },
            True,
        ),
        ({"backups": ()}, False),
    ],
)
def test_only_what_the_policy_names_takes_over_and_only_when_it_says(
    fields: dict[str, Any], allowed: bool
) -> None:
    if allowed:
        assert len(over(told(), **fields)) == 1
    else:
        assert refused(told(), **fields)


def test_the_next_rung_begins_anew_and_what_was_meant_for_another_rung_is_no_news() -> None:
    world = told(ladder=(m.Step((ADA,), 60_000),))
    over(world)
    assert over(world, rung=1, of="role:supervisor") == []
    world.at = DEADLINE
    world.perform(m.DecisionTimePassed(subject=1))
    assert (decision(world).rung, decision(world).tell, decision(world).taken) == (1, (ADA,), ())
    assert over(world) == [], "that was the rung before"
    assert len(over(world, rung=1)) == 1


def test_an_event_shown_again_or_late_changes_nothing() -> None:
    world = told()
    over(world)
    event = world.events[-1]
    before = decision(world)
    for seq, changes in ((1, {}), (2, {"rung": 3, "of": BEN})):
        facts = msgspec.structs.replace(event.facts, **changes)
        again = msgspec.structs.replace(event, seq=event.seq + seq, facts=facts)
        after = SUBJECTS[0].evolve[m.DecisionTakenOver](before, again)
        assert (after.tell, after.taken) == (before.tell, before.taken)

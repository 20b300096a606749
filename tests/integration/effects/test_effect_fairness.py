"""A bound per destination: one that is slow has its places, and no other destination waits for it (spec 2.4)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.effects.bells import HandClock, RingBell, Tower, follower, report, until
from tests.unit.views.history import History

from watchfloor.engine.effect_rows import EffectRows, NewRow, Outcome
from watchfloor.engine.effects import Registration

NOW = 1_000


@pytest.fixture
def rows(tmp_path: Path) -> EffectRows:
    found = EffectRows(tmp_path / "effects.db")
    found.open({})
    return found


def new(seq: int, destination: str, org: int = 1) -> NewRow:
    return NewRow(org, seq, destination, "Call", b"{}", f"k{seq}", NOW)


def leased(
    rows: EffectRows, *added: NewRow, now: int = NOW, most: int = 100, each: int = 2
) -> list[tuple[int, str]]:
    turn = rows.turn(
        now, added, {}, (), {"Call": most}, most, {"Call": 1_000}, {"Call": each} if each else {}
    )
    return [(row.seq, row.destination) for row in turn.leased]


def test_the_oldest_of_each_destination_go_first_up_to_its_bound(rows: EffectRows) -> None:
    added = [new(seq, "slow") for seq in range(1, 6)] + [new(6, "quick"), new(7, "quick"), new(8, "quick")]
    assert leased(rows, *added) == [(1, "slow"), (2, "slow"), (6, "quick"), (7, "quick")]
    assert leased(rows) == []
    done = Outcome(1, 6, "quick", "done", NOW, 0, "")
    turn = rows.turn(NOW, (), {}, [done], {"Call": 9}, 9, {"Call": 1_000}, {"Call": 2})
    assert [row.seq for row in turn.leased] == [8]
    assert turn.next_at == 0, "what waits for a place is woken by whoever leaves it, not by the clock"


def test_destinations_of_two_organisations_are_two(rows: EffectRows) -> None:
    added = [new(seq, "slow", org) for org in (1, 2) for seq in (1, 2, 3)]
    assert len(leased(rows, *added)) == 4


def test_without_a_bound_everything_goes_and_a_lease_that_ran_out_counts_no_more(rows: EffectRows) -> None:
    added = [new(seq, "slow") for seq in range(1, 6)]
    assert len(leased(rows, *added, most=3, each=0)) == 3
    assert leased(rows, each=2) == [], "three are under way"
    assert leased(rows, now=NOW + 2_000, each=2) == [(1, "slow"), (2, "slow")]


def test_what_comes_later_is_waited_for(rows: EffectRows) -> None:
    leased(rows, new(1, "slow"))
    later = Outcome(1, 1, "slow", "pending", NOW, NOW + 50, "again")
    turn = rows.turn(NOW, (), {}, [later], {"Call": 9}, 9, {"Call": 1_000}, {"Call": 2})
    assert (turn.leased, turn.next_at) == ([], NOW + 50)


async def test_a_slow_destination_delays_no_other_and_costs_no_busy_loop(tmp_path: Path) -> None:
    history, tower = History(), Tower()
    rung: list[str] = []
    gate = asyncio.Event()

    async def ring(org: int, event: object, effect: RingBell) -> None:
        if effect.destination == "front":
            await gate.wait()
        rung.append(effect.destination)

    executors = {RingBell: Registration(executor=ring, at_once=100, per_destination=1)}
    async with follower(
        tmp_path / "effects.db", history, tower, executors=executors, clock=HandClock(), in_flight_max=100
    ) as effects:
        for _ in range(5):
            effects.apply(1, [report(history, cost_micro=1)])
        await until(effects, done=5, pending=4, leased=1)
        assert rung == ["back"] * 5
        turns = 0
        turn = effects._rows.turn

        def counted(*arguments: object) -> object:
            nonlocal turns
            turns += 1
            return turn(*arguments)  # type: ignore[arg-type]

        effects._rows.turn = counted  # type: ignore[method-assign, assignment]
        await asyncio.sleep(0.3)
        assert turns <= 2, "it rests while nothing can be done"
        gate.set()
        await until(effects, done=10)

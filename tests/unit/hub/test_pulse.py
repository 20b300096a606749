"""Heartbeats by REST: when one counts as missed, and whom a visit outlives (spec 2.3)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from watchfloor.engine.credentials import Credential, from_row, mint
from watchfloor.fleet.messages import DisconnectAgent, MarkDegraded, MarkRecovered
from watchfloor.hub.from_agent import Metrics
from watchfloor.hub.pulse import Visit, Visits, heard, missed
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Actor, Command

INTERVAL_S = 30
START = 1_000 * SECOND


class House:
    """As much of a hub as heartbeats need."""

    def __init__(self) -> None:
        self.settings = SimpleNamespace(heartbeat_ms=INTERVAL_S * 1_000)
        self.now = START
        self.said: list[Command] = []
        self.per_org = {1: 1}
        self.sessions: dict[tuple[int, int], Any] = {}
        self.visits = Visits(self)  # type: ignore[arg-type]

    def clock(self) -> int:
        return self.now

    def tell(self, one: Any, command: Command) -> None:
        del one
        self.said.append(command)

    gone = tell

    def seen(self) -> tuple[int, Any]:
        found = self.visits.seen(1, 7)
        return found.at, found.metrics

    def visit(self) -> Visit:
        """An agent that came just now."""
        name, _, verifier = mint("agent")
        row = Credential(
            id=name, org=1, kind="agent", subject=7, verifier=verifier, scopes=(),
            created_at=0, expires_at=2 * START, revoked_at=0, label="",
        )  # fmt: skip
        visit = Visit(from_row(row.row()), Actor(kind="agent", id="agt_7"), "i.7", self.now)
        self.visits.open[1, 7] = visit
        return visit

    def judged(self, after_s: float) -> list[str]:
        """What is told when so long after the last heartbeat everybody is judged."""
        self.said.clear()
        self.now = self.visits.open[1, 7].beat_at + int(after_s * SECOND)
        self.visits.judge(self.now)
        return [type(command).__name__ for command in self.said]


def test_a_heartbeat_is_missed_a_tenth_of_the_interval_late_and_not_before() -> None:
    house = House()
    visit = house.visit()
    counted = [missed(house, visit, START + int(s * SECOND)) for s in (0, 0.4, 30, 32.9, 33, 62.9, 63, 93)]  # type: ignore[arg-type]
    assert counted == [0, 0, 0, 0, 1, 1, 2, 3]


def test_one_missed_degrades_once_and_three_end_the_visit() -> None:
    house = House()
    house.visit()
    assert house.judged(1) == []
    assert house.judged(34) == ["MarkDegraded"]
    assert house.judged(64) == []
    assert house.judged(94) == ["DisconnectAgent"]
    assert house.visits.open == {}
    assert house.per_org == {1: 0}


def test_two_healthy_heartbeats_in_a_row_make_it_well_and_another_word_makes_it_ill() -> None:
    house = House()
    visit = house.visit()
    for status in ("degraded", "unhealthy", "healthy", "unhealthy", "healthy"):
        heard(house, visit, status)  # type: ignore[arg-type]
    assert [type(command) for command in house.said] == [MarkDegraded]
    heard(house, visit, "healthy")  # type: ignore[arg-type]
    assert isinstance(house.said[-1], MarkRecovered)


def test_when_it_was_heard_of_last_is_kept_when_it_is_gone_and_what_it_uses_is_not() -> None:
    house = House()
    assert house.seen() == (0, None)
    visit = house.visit()
    house.now += SECOND
    heard(house, visit, "healthy", Metrics(cpu_milli=250))  # type: ignore[arg-type]
    assert house.seen() == (START + SECOND, Metrics(cpu_milli=250))
    house.visits.drop((1, 7))
    assert house.seen() == (START + SECOND, None)


def test_a_key_that_ends_or_is_revoked_ends_the_visit_and_another_key_does_not() -> None:
    house = House()
    visit = house.visit()
    visit.beat_at = 3 * START
    house.visits.judge(3 * START)
    assert isinstance(house.said[-1], DisconnectAgent)
    visit = house.visit()
    other = from_row((*visit.credential.row(),))
    house.visits.credential_changed(other)
    assert house.visits.open
    house.now = 3 * START
    house.visits.credential_changed(other)
    assert house.visits.open == {}

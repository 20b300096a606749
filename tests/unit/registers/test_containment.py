"""Breakers, stops and standing approvals as the gate finds them (spec 3.1 rules 2, 3, 8; 3.3)."""

from __future__ import annotations

import pytest
from tests.unit.registers.board import Board, completed, failed, unknown

from watchfloor.actions.messages import (
    BreakerOpened,
    StandingGranted,
    StandingRevoked,
    StopLifted,
    StopRecorded,
)
from watchfloor.kernel.instants import MINUTE
from watchfloor.registers.containment import REGISTER, Breaker, Standing, Stop, stops_for


def board() -> Board:
    return Board(REGISTER)


def opened(shown: Board, scope: str = "agent", target: str = "1", minutes: int = 15) -> None:
    until = shown.now + minutes * MINUTE
    shown.show(BreakerOpened(failures=3, scope=scope, target=target, until_at=until))


def test_a_failure_counts_for_the_agent_and_for_its_tool() -> None:
    shown = board()
    shown.show(failed(tool="fs"))
    shown.show(unknown(tool=""))
    assert len(shown.read("breakers", "agent:1").failures) == 2
    assert len(shown.read("breakers", "tool:fs").failures) == 1
    assert shown.read("breakers", "tool:") is None


def test_sixteen_failures_are_kept_as_many_as_a_policy_may_ask_for() -> None:
    shown = board()
    for _ in range(40):
        shown.now += 1
        shown.show(failed())
    assert len(shown.read("breakers", "agent:1").failures) == 16
    assert shown.read("breakers", "agent:1").failures[-1] == shown.now


def test_an_open_breaker_stays_open_through_a_success_of_something_begun_before() -> None:
    shown = board()
    shown.show(failed())
    opened(shown)
    shown.now += 14 * MINUTE
    shown.show(completed())
    assert shown.read("breakers", "agent:1").open_until > shown.now


def test_the_probe_that_succeeds_closes_the_breaker_and_forgets_its_failures() -> None:
    shown = board()
    shown.show(failed())
    opened(shown)
    opened(shown, "tool", "fs")
    shown.now += 15 * MINUTE
    shown.show(completed())
    assert shown.read("breakers", "agent:1") is None
    assert shown.read("breakers", "tool:fs") is None


def test_the_probe_that_fails_leaves_it_half_open_for_the_process_to_open_again() -> None:
    shown = board()
    opened(shown)
    shown.now += 16 * MINUTE
    shown.show(failed())
    breaker: Breaker = shown.read("breakers", "agent:1")
    assert 0 < breaker.open_until < shown.now
    assert breaker.failures == (shown.now,)


def test_a_success_under_a_closed_breaker_changes_nothing() -> None:
    shown = board()
    shown.show(failed())
    before = dict(shown.cells)
    shown.show(completed())
    assert shown.cells == before


def stop(scope: str, target: str = "") -> StopRecorded:
    return StopRecorded(effective_at=1, journal="j", nonce=1, reason="r", scope=scope, target=target)


@pytest.mark.parametrize(
    ("scope", "target", "hits"),
    [
        ("organisation", "", True),
        ("agent", "agt_a", True),
        ("agent", "agt_b", False),
        ("agent_type", "worker", True),
        ("agent_type", "reviewer", False),
        ("action_type", "payment.send", True),
        ("action_type", "payment.refund", False),
        ("tool", "bank", True),
        ("tool", "fs", False),
        ("tool", "", False),
        ("galaxy", "x", False),
    ],
)
def test_a_stop_hits_what_it_names_and_nothing_else(scope: str, target: str, hits: bool) -> None:
    shown = board()
    event = shown.show(stop(scope, target))
    found = stops_for(
        shown.read("stops", "active"),
        agent="agt_a",
        agent_type="worker",
        action_type="payment.send",
        tool="bank",
    )
    assert found == ((event.subject,) if hits else ())


def test_a_stop_without_a_target_does_not_hit_a_request_without_that_name() -> None:
    active = (Stop(1, "tool", "", "j"),)
    assert stops_for(active, agent="a", agent_type="t", action_type="x", tool="") == ()
    assert stops_for(None, agent="a", agent_type="t", action_type="x", tool="") == ()


def test_lifting_one_stop_leaves_the_others() -> None:
    shown = board()
    first = shown.show(stop("tool", "fs"))
    second = shown.show(stop("tool", "git"))
    shown.show(StopLifted(reason="over"), subject=first.subject)
    assert [one.subject for one in shown.read("stops", "active")] == [second.subject]
    shown.again(second)
    assert len(shown.read("stops", "active")) == 1


def standing(kind: str = "file.write") -> StandingGranted:
    return StandingGranted(action_type=kind, agent=1, expires_at=99, nonce=1)


def test_the_newest_standing_approval_counts_and_only_its_own_revocation_ends_it() -> None:
    shown = board()
    old = shown.show(standing())
    new = shown.show(standing())
    revoked = StandingRevoked(action_type="file.write", agent=1)
    shown.show(revoked, subject=old.subject)
    assert shown.read("standing_in_force", (1, "file.write")) == Standing(
        new.subject, 99, new.actor.id if new.actor.kind == "person" else ""
    )
    shown.show(revoked, subject=new.subject)
    assert shown.read("standing_in_force", (1, "file.write")) is None
    shown.show(revoked, subject=new.subject)
    assert shown.read("standing_in_force", (1, "file.write")) is None


def test_state_that_is_set_and_not_counted_is_deaf_to_a_repetition() -> None:
    shown = board()
    events = [shown.show(stop("tool", "fs")), shown.show(standing())]
    until = shown.now + MINUTE
    events.append(shown.show(BreakerOpened(failures=1, scope="agent", target="1", until_at=until)))
    before = dict(shown.cells)
    for event in events:
        shown.again(event)
    assert shown.cells == before

"""Breakers, stops and standing approvals as the gate finds them (spec 3.1 rules 2, 3, 8; 3.3)."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from tests.unit.registers.board import Board, completed, failed, started, unknown

from watchfloor.actions.messages import (
    BreakerOpened,
    StandingGranted,
    StandingRevoked,
    StopEased,
    StopLifted,
    StopRecorded,
)
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import MINUTE
from watchfloor.registers.containment import REGISTER, Breaker, Standing, half_open, shut_until
from watchfloor.registers.stops import NOBODY, Stop, held_back, hit, names_of, stops_for


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
    names = {
        "agent": ("agt_a",),
        "agent_type": ("worker",),
        "action_type": ("payment.send",),
        "tool": ("bank",),
    }
    found = stops_for(shown.read("stops", "active"), names)
    assert found == ((event.subject,) if hits else ())


def test_a_stop_without_a_target_does_not_hit_a_request_without_that_name() -> None:
    assert stops_for((Stop(1, "tool", "", "j"),), {"tool": ("",)}) == ()
    assert stops_for(None, {"agent": ("a",)}) == ()


def test_a_stop_that_was_eased_lets_go_on_what_has_that_name() -> None:
    shown = board()
    event = shown.show(stop("organisation"))
    stage = StopEased(number=0, reason="", scope="action_type", target="file.read")
    eased = shown.show(stage, subject=event.subject)
    active = shown.read("stops", "active")
    assert active[0].eased == (("action_type", "file.read"),)
    shown.again(eased)
    shown.show(StopEased(number=0, reason="", scope="tool", target="fs"), subject=999)  # of no stop in force
    assert shown.read("stops", "active") == active
    assert stops_for(active, {"action_type": ("file.read",)}) == ()
    assert stops_for(active, {"action_type": ("file.write",)}) == (event.subject,)
    assert stops_for(active, NOBODY) == (event.subject,)


def family(shown: Board) -> None:
    """Agent 3 was spawned by 2, that by 1; task 30 is part of 20; agent 3 holds 30."""
    for number in (1, 2, 3):
        shown.cells["agent", number] = SimpleNamespace(nonce=7, type="worker", parent=number - 1)
    for number, parent in ((20, 0), (30, 20)):
        shown.cells["task", number] = SimpleNamespace(nonce=7, parent=parent)
    shown.cells["load", 3] = (30,)


@pytest.mark.parametrize(("scope", "kind"), [("lineage", "agent"), ("workflow", "task")])
def test_a_stop_of_a_lineage_or_a_workflow_hits_what_descends_from_it(scope: str, kind: str) -> None:
    shown = board()
    family(shown)
    names = names_of(3, shown.read)
    for number in (1, 2, 3, 20, 30):
        wanted = (kind == "agent") == (number < 10)
        assert hit(scope, public_id(kind, number, 7), (), names) is wanted
    assert not hit(scope, public_id(kind, 30 if kind == "task" else 3, 7), (), names_of(1, shown.read))


def test_easing_a_workflow_lets_go_on_what_says_that_it_is_of_it() -> None:
    """Whoever names no task may mean any: held by a stop of each, let go on by none."""
    shown = board()
    family(shown)
    workflow = public_id("task", 20, 7)
    eased = (("workflow", workflow),)
    assert hit("organisation", "", eased, names_of(3, shown.read))
    assert not hit("organisation", "", eased, names_of(3, shown.read, task=30))
    assert hit("workflow", workflow, (), names_of(3, shown.read))


def test_work_is_held_back_by_stops_of_the_agent_or_of_the_task_it_would_be() -> None:
    shown = board()
    family(shown)
    assert not held_back(3, 0, shown.read)
    shown.show(stop("workflow", public_id("task", 20, 7)))
    assert not held_back(3, 0, shown.read), "what it holds says nothing about other work"
    assert held_back(3, 30, shown.read)
    shown.show(stop("lineage", public_id("agent", 2, 7)))
    assert held_back(3, 0, shown.read)
    assert not held_back(1, 0, shown.read)
    assert names_of(99, shown.read) == {}
    assert names_of(0, shown.read, action_type="policy.apply", tool="desk", task=999) == {
        "action_type": ("policy.apply",),
        "tool": ("desk",),
        "workflow": (),
        "named_workflow": (),
    }


def test_half_open_one_probe_runs_at_a_time() -> None:
    shown = board()
    opened(shown)
    assert not half_open(shown.read("breakers", "agent:1"), shown.now)
    shown.now += 15 * MINUTE
    breaker: Breaker = shown.read("breakers", "agent:1")
    assert half_open(breaker, shown.now)
    assert shut_until(breaker, shown.now) == 0
    until = shown.now + MINUTE
    shown.show(msgspec.structs.replace(started(), until_at=until, tool=""))
    assert shut_until(shown.read("breakers", "agent:1"), shown.now) == until
    shown.show(completed())
    assert shown.read("breakers", "agent:1") is None
    assert shut_until(None, shown.now) == 0


def test_a_start_under_an_open_or_a_closed_breaker_is_no_probe() -> None:
    shown = board()
    shown.show(started())
    opened(shown)
    shown.show(started())
    assert shown.read("breakers", "agent:1").probe_until == 0


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

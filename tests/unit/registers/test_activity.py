"""What an agent has been doing lately: windows that forget on time and money that is never lost (spec 3.1, 3.3)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.registers.board import (
    Board,
    closed,
    completed,
    decided,
    failed,
    granted,
    retried,
    settled,
    started,
    unknown,
)

from watchfloor.fleet.messages import AgentThrottled
from watchfloor.kernel.instants import DAY, HOUR, MINUTE, SECOND
from watchfloor.registers.activity import (
    REGISTER,
    Activity,
    Spend,
    TypeUse,
    executed_within,
    recent,
    repeats_of,
    requests_within,
    spent_today,
    tick,
    within,
)

AGENT = 1


def board() -> Board:
    return Board(REGISTER)


def test_requests_are_counted_by_half_seconds_and_leave_the_window() -> None:
    shown = board()
    for _ in range(3):
        shown.show(decided())
    shown.now += SECOND // 2
    shown.show(decided())
    activity = shown.read("activity", AGENT)
    assert requests_within(activity, shown.now, 2) == 4
    assert requests_within(activity, shown.now, 1) == 1
    assert requests_within(activity, shown.now + SECOND, 2) == 0
    assert requests_within(None, shown.now, 2) == 0


def test_a_window_keeps_ten_buckets_and_no_more() -> None:
    ring: tuple[tuple[int, int], ...] = ()
    for bucket in range(50):
        ring = tick(tick(ring, bucket), bucket)
    assert len(ring) == 10
    assert within(ring, 0) == 20
    assert within(ring, 48) == 4


def test_executions_are_counted_by_seconds() -> None:
    shown = board()
    shown.show(started())
    shown.now += 9 * SECOND
    shown.show(started())
    activity = shown.read("activity", AGENT)
    assert executed_within(activity, shown.now, 10) == 2
    assert executed_within(activity, shown.now, 9) == 1
    assert executed_within(None, shown.now, 10) == 0


def test_requests_of_the_clock_hour_begin_anew_with_the_hour() -> None:
    shown = board()
    shown.now = shown.now // HOUR * HOUR + HOUR - 1
    shown.show(decided("denied"))
    shown.show(decided("denied"))
    assert shown.read("activity", AGENT).requests_hour == 2
    shown.now += 1
    shown.show(decided("denied"))
    assert shown.read("activity", AGENT).requests_hour == 1


def test_a_repeated_body_is_counted_for_a_minute() -> None:
    shown = board()
    for _ in range(5):
        shown.show(decided(), body="aa")
    assert repeats_of(shown.read("activity", AGENT), "aa", shown.now) == 5
    assert repeats_of(shown.read("activity", AGENT), "aa", shown.now + MINUTE + 1) == 0
    shown.now += MINUTE + 1
    shown.show(decided(), body="aa")
    assert repeats_of(shown.read("activity", AGENT), "aa", shown.now) == 1
    assert repeats_of(shown.read("activity", AGENT), "bb", shown.now) == 0
    assert repeats_of(shown.read("activity", AGENT), "", shown.now) == 0
    assert repeats_of(None, "aa", shown.now) == 0


def test_a_request_without_a_body_digest_repeats_nothing() -> None:
    shown = board()
    shown.show(decided())
    assert shown.read("activity", AGENT).repeats == ()


def test_a_body_that_keeps_coming_is_counted_however_many_others_are_mixed_in() -> None:
    shown = board()
    shown.show(decided(), body="aa")
    for number in range(100):
        shown.show(decided(), body="aa")
        shown.show(decided(), body=f"{number:02x}00")
    assert repeats_of(shown.read("activity", AGENT), "aa", shown.now) == 101


def test_bodies_of_an_hour_ago_do_not_hide_two_that_take_turns_now() -> None:
    """However often the old ones came: their minute is over, so they make room first."""
    shown = board()
    for body in ("01", "02", "03", "04"):
        for _ in range(50):
            shown.show(decided(), body=body)
    shown.now += HOUR
    for _ in range(30):
        shown.show(decided(), body="aa")
        shown.show(decided(), body="bb")
    activity = shown.read("activity", AGENT)
    assert repeats_of(activity, "aa", shown.now) == 30
    assert repeats_of(activity, "bb", shown.now) == 30


def test_only_permitted_actions_count_as_used_by_type_and_hour() -> None:
    shown = board()
    shown.show(decided("denied"))
    assert shown.read("types", (AGENT, "file.read")) is None
    shown.show(decided())
    shown.show(decided())
    shown.now += HOUR
    shown.show(decided())
    use: TypeUse = shown.read("types", (AGENT, "file.read"))
    assert (use.total, use.in_hour) == (3, 1)


def test_a_grant_by_people_counts_as_use_of_the_actions_own_type() -> None:
    shown = board()
    shown.cells["action", 9] = SimpleNamespace(action_type="payment.send")
    shown.show(granted(), subject=9)
    shown.show(granted(), subject=10)  # nobody knows what it was: nothing is counted
    assert {key for name, key in shown.cells if name == "types"} == {(AGENT, "payment.send")}


def test_money_is_reserved_by_the_ruling_and_settled_by_what_it_cost() -> None:
    shown = board()
    shown.show(decided(reserves=100))
    shown.show(decided(reserves=50))
    assert spent_today(shown.read("spend", AGENT), shown.now) == 150
    shown.show(completed(cost=70, released=100))
    assert shown.read("spend", AGENT) == Spend(shown.now // DAY, 70, 50)
    shown.show(closed(released=50))
    assert shown.read("spend", AGENT) == Spend(shown.now // DAY, 70, 0)
    assert spent_today(None, shown.now) == 0


def test_what_is_reserved_is_carried_over_midnight_and_what_is_spent_is_not() -> None:
    shown = board()
    shown.show(decided(reserves=100))
    shown.show(completed(cost=30))
    shown.now += DAY
    assert spent_today(shown.read("spend", AGENT), shown.now) == 100
    shown.show(failed(cost=5, released=100))
    assert shown.read("spend", AGENT) == Spend(shown.now // DAY, 5, 0)


def test_more_is_never_released_than_was_reserved() -> None:
    shown = board()
    shown.show(settled(cost=1, released=10))
    assert shown.read("spend", AGENT).reserved_micro == 0


def test_an_outcome_that_cost_nothing_changes_no_money() -> None:
    shown = board()
    for facts in (completed(), closed(), settled()):
        shown.show(facts)
    assert shown.read("spend", AGENT) is None


def test_failures_and_unknown_outcomes_are_kept_as_their_newest_eight_instants() -> None:
    shown = board()
    for number in range(12):
        shown.now += SECOND
        shown.show(failed() if number % 2 else unknown())
    failures = shown.read("activity", AGENT).failures
    assert len(failures) == 8
    assert failures[-1] == shown.now
    assert recent(failures, shown.now, 3 * SECOND) == 4


def test_throttles_are_remembered_of_the_agent_that_is_the_subject() -> None:
    shown = board()
    for _ in range(10):
        shown.show(AgentThrottled(count=3, window_ms=60_000), subject=4)
    assert len(shown.read("activity", 4).throttles) == 8
    assert shown.read("activity", AGENT) is None


def test_a_count_of_one_agent_is_no_count_of_another() -> None:
    shown = board()
    shown.show(decided(agent=1, reserves=5))
    shown.show(decided(agent=2))
    assert isinstance(shown.read("activity", 2), Activity)
    assert shown.read("spend", 2) is None


def test_another_attempt_reserves_again_and_a_lost_one_is_spent() -> None:
    shown = Board(REGISTER)
    shown.show(retried())
    assert shown.read("spend", AGENT) is None, "what costs nothing is not counted"
    shown.show(decided(reserves=30))
    shown.show(failed(cost=10, released=30))
    shown.show(retried(reserves=30))
    assert shown.read("spend", AGENT) == Spend(shown.now // DAY, 10, 30)
    shown.show(retried(charged=30, reserves=30))
    assert shown.read("spend", AGENT) == Spend(shown.now // DAY, 40, 30)

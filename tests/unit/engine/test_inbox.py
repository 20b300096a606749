"""Lanes: stops are strict, the others share, and an agent that floods only delays itself (DESIGN §2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.engine.inbox import Inbox
from watchfloor.engine.requests import Lane, Overloaded, Request
from watchfloor.kernel.limits import INBOX_MAX
from watchfloor.kernel.messages import SYSTEM, Command


def request(lane: Lane = Lane.REQUESTS, agent: int = 0, number: int = 0) -> Request:
    return Request(org=1, command=Command(subject=number), actor=SYSTEM, entropy=b"", lane=lane, agent=agent)


def test_one_request_of_a_quiet_agent_waits_for_one_turn_behind_a_flood() -> None:
    inbox = Inbox()
    for number in range(5_000):
        inbox.put(request(agent=1, number=number))
    inbox.put(request(agent=2))
    assert [one.agent for one in inbox.take(3)] == [1, 2, 1]


def test_a_hundred_agents_take_turns_beside_a_flood() -> None:
    inbox = Inbox()
    for number in range(5_000):
        inbox.put(request(agent=1, number=number))
    for agent in range(2, 102):
        inbox.put(request(agent=agent))
        inbox.put(request(agent=agent))
    taken = inbox.take(202)
    assert all(sum(1 for one in taken if one.agent == agent) == 2 for agent in range(2, 102))


def test_stops_go_before_everything_however_much_waits() -> None:
    inbox = Inbox()
    for lane in (Lane.PEOPLE, Lane.OUTCOMES, Lane.REQUESTS):
        for _ in range(200):
            inbox.put(request(lane, agent=1))
    for _ in range(70):
        inbox.put(request(Lane.STOPS))
    assert {one.lane for one in inbox.take(64)} == {Lane.STOPS}
    assert [one.lane for one in inbox.take(7)] == [Lane.STOPS] * 6 + [Lane.PEOPLE]


def test_no_lane_starves_another() -> None:
    inbox = Inbox()
    for lane in (Lane.PEOPLE, Lane.OUTCOMES, Lane.REQUESTS):
        for agent in range(500):
            inbox.put(request(lane, agent=agent))
    lanes = [one.lane for one in inbox.take(64)]
    assert (lanes.count(Lane.PEOPLE), lanes.count(Lane.OUTCOMES), lanes.count(Lane.REQUESTS)) == (16, 16, 32)


def test_a_full_inbox_refuses_agents_and_still_takes_stops_and_people() -> None:
    inbox = Inbox()
    for number in range(INBOX_MAX):
        inbox.put(request(agent=number % 7))
    for lane in (Lane.OUTCOMES, Lane.REQUESTS):
        with pytest.raises(Overloaded) as refused:
            inbox.put(request(lane))
        assert refused.value.retryable
    inbox.put(request(Lane.PEOPLE))
    inbox.put(request(Lane.STOPS))
    assert inbox.size == INBOX_MAX + 2


@given(
    st.lists(st.tuples(st.sampled_from(Lane), st.integers(0, 3)), max_size=200),
    st.lists(st.integers(0, 40), min_size=1),
)
def test_everything_put_in_comes_out_once_and_in_order_of_its_sender(
    puts: list[tuple[Lane, int]], takes: list[int]
) -> None:
    inbox = Inbox()
    for number, (lane, agent) in enumerate(puts):
        inbox.put(request(lane, agent, number))
    taken: list[Request] = []
    for count in [*takes, 1_000]:
        some = inbox.take(count)
        assert len(some) <= count
        taken += some
    assert inbox.size == 0
    assert sorted(one.command.subject for one in taken) == list(range(len(puts)))
    for lane in Lane:
        for agent in range(4):
            own = [
                one.command.subject
                for one in taken
                if one.lane is lane and (lane is not Lane.REQUESTS or one.agent == agent)
            ]
            assert own == sorted(own)

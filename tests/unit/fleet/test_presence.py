"""The presence table (spec 2.3, DESIGN 2b.7)."""

from __future__ import annotations

import itertools

from watchfloor.fleet import presence
from watchfloor.fleet.presence import DEGRADED, MOVES, OFFLINE, ONLINE, SIGNALS, STATES, after


def test_the_table_speaks_of_known_states_and_signals_only() -> None:
    assert {state for state, _ in MOVES} | set(MOVES.values()) == set(STATES)
    assert {signal for _, signal in MOVES} == set(SIGNALS)


def test_connecting_and_disconnecting_lead_to_the_same_state_from_everywhere() -> None:
    for state in STATES:
        assert after(state, presence.CONNECTED) == ONLINE
        assert after(state, presence.DISCONNECTED) in (OFFLINE, None)


def test_who_is_offline_hears_nothing_but_a_connection() -> None:
    assert [signal for signal in SIGNALS if after(OFFLINE, signal)] == [presence.CONNECTED]


def test_only_missing_a_heartbeat_online_degrades_and_only_degraded_recovers() -> None:
    ways = {(state, signal): after(state, signal) for state, signal in itertools.product(STATES, SIGNALS)}
    assert [way for way, to in ways.items() if to == DEGRADED] == [(ONLINE, presence.MISSED)]
    recovering = [way for way, to in ways.items() if to == ONLINE and way[1] != presence.CONNECTED]
    assert recovering == [(DEGRADED, presence.RECOVERED)]

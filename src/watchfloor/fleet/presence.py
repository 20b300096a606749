"""Presence of an agent: one table (spec 2.3, DESIGN 2b.7).

Theory of operation
-------------------
The node that holds an agent's socket is the only one that judges its heartbeats: one missed is *degraded*, two good
ones are *recovered*, three missed or a closed socket is *disconnected*. Only such changes reach the rules, each with
the session it is about. A session is one socket; a newer session replaces an older one, and whatever is still said
about the older one concerns nobody. So the whole of presence is what follows: which signal is news in which state,
and where it leads. A signal that is not in the table is no news and records nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

OFFLINE = "offline"
ONLINE = "online"
DEGRADED = "degraded"
STATES = (OFFLINE, ONLINE, DEGRADED)

CONNECTED = "connected"
MISSED = "missed"
RECOVERED = "recovered"
DISCONNECTED = "disconnected"
SIGNALS = (CONNECTED, MISSED, RECOVERED, DISCONNECTED)

MOVES: Mapping[tuple[str, str], str] = {
    (OFFLINE, CONNECTED): ONLINE,
    (ONLINE, CONNECTED): ONLINE,  # a newer session: it has everything to prove again
    (DEGRADED, CONNECTED): ONLINE,
    (ONLINE, MISSED): DEGRADED,
    (DEGRADED, RECOVERED): ONLINE,
    (ONLINE, DISCONNECTED): OFFLINE,
    (DEGRADED, DISCONNECTED): OFFLINE,
}


def after(presence: str, signal: str) -> str | None:
    """The state a signal about the present session leads to; None when it is no news."""
    return MOVES.get((presence, signal))

"""Requests that ingress turned away, told to the record: once a minute, and at once where they look like a runaway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.fleet.messages import ReportThrottled
from watchfloor.hub import protocol as wire
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.runaway_terms import Pace
from watchfloor.registers.activity import pace_of

if TYPE_CHECKING:
    from watchfloor.hub.hub import Hub
    from watchfloor.hub.session import Session


def turned_away(hub: Hub, session: Session, payload: wire.Payload) -> None:
    """A request did not even get as far as the gate: such requests count for the runaway detector, too (spec 3.3)."""
    if not isinstance(payload, wire.ActionRequest | wire.ActionRetry):
        return
    now = hub.clock()
    if now - session.turned_away_since >= SECOND:
        session.turned_away_since, session.turned_away = now, 0
    session.turned_away += 1
    if session.turned_away != _pace(hub, session).requests_1s + 1:
        return  # one report a second at most, and none of an agent that is contained already
    state = hub.engine.state(session.org, "agent", session.agent)
    if state is not None and not state.quarantined:
        count = session.turned_away
        hub.tell(session, ReportThrottled(subject=session.agent, count=count, window_ms=1_000))


def exhausted(hub: Hub, session: Session, times: int) -> None:
    """A bucket was used up, `times` within a minute: as often as a runaway does, it goes on the record (spec 3.3)."""
    if not times or times < _pace(hub, session).throttles_60s:
        return
    state = hub.engine.state(session.org, "agent", session.agent)
    if state is not None and not state.quarantined:
        hub.tell(
            session, ReportThrottled(subject=session.agent, count=times, window_ms=60_000, exhausted=times)
        )


def _pace(hub: Hub, session: Session) -> Pace:
    """What is a runaway of this agent."""
    return pace_of(session.agent, hub.engine.node(session.org).world.read)


def report(hub: Hub) -> None:
    """What the buckets refused, once a minute an agent (DESIGN 2b.6)."""
    for session in list(hub.sessions.values()):
        if session.buckets:
            count = sum(bucket.refused for bucket in session.buckets.values())
            if count:
                for bucket in session.buckets.values():
                    bucket.refused = 0
                hub.tell(session, ReportThrottled(subject=session.agent, count=count, window_ms=60_000))

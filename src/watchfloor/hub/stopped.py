"""Executions under way when a stop comes into force: their agents are told (spec 3.3 *Kill switch*: ≤ 2 s on running work).

The platform holds no agent's hands. What it can do is say so at once, whatever the database does: once a second new stops
of the journal are looked for in memory, and whoever executes what they hold gets `action:stopped`. Nothing is recorded and
nothing delivered again, because an agent that connects under a stop is told with its welcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.hub import protocol as wire
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.terms import PLATFORM_TYPES
from watchfloor.registers.stops import hit, names_of

if TYPE_CHECKING:
    from watchfloor.engine.stops import JournalStop
    from watchfloor.hub.hub import Hub
    from watchfloor.hub.session import Session


class Stopped:
    """Which stops the agents of this node have been told of, by the journal's id with their stages."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int]] = set()

    def look(self, hub: Hub) -> None:
        """Tell of what came into force since the last look. Nothing to do as long as there are no stops."""
        journal = hub.engine.stops
        if not journal.any and not self._told:
            return
        now = {(stop.id, stop.org): stop for stop in journal.all()}
        fresh = [stop for key, stop in now.items() if key not in self._told]
        self._told = set(now)
        for org in {stop.org for stop in fresh}:
            tell(hub, org, [stop for stop in fresh if stop.org == org])


def welcome(hub: Hub, session: Session) -> None:
    """Whoever connects under a stop is told what of theirs it holds."""
    journal = hub.engine.stops
    if journal.any:
        tell(hub, session.org, journal.in_force(session.org), only=session)


def tell(hub: Hub, org: int, stops: list[JournalStop], only: Session | None = None) -> None:
    """`action:stopped` for every execution of these sessions that one of the stops hits."""
    node = hub.engine.core.nodes.get(org)
    if node is None or not stops:
        return
    read = node.world.read
    for action, state in node.world.tables["action"].items():
        if state.status != "executing" or state.action_type in PLATFORM_TYPES:
            continue
        session = hub.sessions.get((org, state.agent))
        if session is None or not session.welcomed or (only is not None and session is not only):
            continue
        names = names_of(state.agent, read, action_type=state.action_type, tool=state.tool, task=state.task)
        for stop in stops:
            if hit(stop.scope, stop.target, stop.eased, names):
                session.push(
                    wire.ActionStopped(
                        action_id=public_id("action", action, state.nonce),
                        execution_id=state.execution,
                        scope=stop.scope,
                    )
                )
                break

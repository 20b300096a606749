"""Lives of one action for tests: action 1, asked for by agent 7, and the commands of its life."""

from __future__ import annotations

from typing import Any

from tests.transcripts.world import START, World
from tests.unit.actions.requests import AGENT, request, seen

from watchfloor.actions import life
from watchfloor.actions.grants import StartEvidence
from watchfloor.actions.messages import CompleteAction, FailAction, GrantAction, SettleAction, StartAction
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Command, Facts

FINE: dict[str, Any] = {
    "stops": (),
    "agent_state": 0,
    "breaker_agent_until": 0,
    "breaker_tool_until": 0,
    "voters_valid": True,
    "policy_allows": True,
}
EXPIRES = START + 900 * SECOND


def begun(**fields: Any) -> World:
    """A world in which action 1 was asked for; permitted unless the fields say otherwise."""
    world = World()
    request(world, **fields)
    return world


def waiting(**fields: Any) -> World:
    """Action 1 waits for people."""
    return begun(evidence=seen(score=100), **fields)


def state(world: World) -> life.ActionState:
    found = world.states["action", 1]
    assert isinstance(found, life.ActionState)
    return found


def facts(world: World, command: Command, **evidence: Any) -> list[Facts]:
    """What the command leads to."""
    return [event.facts for event in world.perform(command, evidence=StartEvidence(**(FINE | evidence)))]


def start(**fields: Any) -> StartAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "grant": 1, "execution": "exe_a"}
    return StartAction(**(usual | fields))


def people_grant(**fields: Any) -> GrantAction:
    usual: dict[str, Any] = {
        "subject": 1,
        "decision": 5,
        "basis": "approved",
        "execution_ms": 60_000,
        "expires_at": EXPIRES,
    }
    return GrantAction(**(usual | fields))


def complete(**fields: Any) -> CompleteAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "execution": "exe_a"}
    return CompleteAction(**(usual | fields))


def fail(**fields: Any) -> FailAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "execution": "exe_a"}
    return FailAction(**(usual | fields))


def settle(**fields: Any) -> SettleAction:
    usual: dict[str, Any] = {"subject": 1, "execution": "exe_a", "outcome": "completed"}
    return SettleAction(**(usual | fields))


def running(**fields: Any) -> World:
    world = begun(**fields)
    facts(world, start())
    return world


def lost(**fields: Any) -> World:
    """The outcome of action 1 is unknown."""
    world = running(**fields)
    world.ring(state(world).until_at)
    return world

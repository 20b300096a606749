"""A new agent made of a granted action: the command with what only the shell knows (spec 2.2 `agent:spawn`)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from watchfloor.actions.life import content_of
from watchfloor.engine.credentials import Credential, mint
from watchfloor.fleet.spawn_messages import SpawnAgent
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Refused

KEY_DAYS = 30  # spec 2.1: all agent keys expire


class State(Protocol):
    """Committed state."""

    def state(self, org: int, kind: str, subject: int) -> Any: ...

    def head(self, org: int) -> int: ...


class Reads(Protocol):
    """The ledger as it was written."""

    def read_private(self, org: int, seq: int) -> tuple[bytes, bytes] | None: ...


class Spawning(msgspec.Struct, frozen=True):
    """The command, the row of the new agent's credential, and the key that is shown once."""

    command: SpawnAgent
    row: tuple[Any, ...]
    key: str


def known(engine: State, org: int, kind: str, text: str, field: str) -> tuple[int, Any]:
    """Integer and state of a public id. Raises Refused `not_found`."""
    subject, nonce = parse_id(text, kind)
    state = engine.state(org, kind, subject) if 0 < subject <= engine.head(org) else None
    if state is None or state.nonce != nonce:
        raise Refused("not_found", f"there is no such {kind}", field=field, status=404)
    return subject, state


def spawn(
    engine: State,
    reads: Reads,
    org: int,
    agent: int,
    *,
    now: int,
    action_id: str,
    execution_id: str,
    name: str,
    type_: str,
    capabilities: tuple[str, ...],
    tools: tuple[str, ...],
    share_milli: int,
) -> Spawning:
    """A new agent with a key of its own, if it is the one that the started action `action_id` was granted for."""
    action, granted = known(engine, org, "action", action_id, "/payload/action_id")
    wanted = {"capabilities": list(capabilities), "name": name, "tools": list(tools), "type": type_}
    credential, key, verifier = mint("agent")
    command = SpawnAgent(
        by=agent,
        action=action,
        execution=execution_id,
        digest=_digest(reads, org, content_of(action, granted), wanted),
        name=name,
        type=type_,
        capabilities=capabilities,
        credential=credential,
        expires_at=now + KEY_DAYS * DAY,
        tools=tools,
        share_milli=share_milli,
    )
    row = Credential(
        id=credential,
        org=org,
        kind="agent",
        subject=0,  # the subject that this very command begins
        verifier=verifier,
        scopes=(),
        created_at=now,
        expires_at=command.expires_at,
        revoked_at=0,
        label=name,
    ).row()
    return Spawning(command, row, key)


def _digest(reads: Reads, org: int, action: int, params: Mapping[str, object]) -> str:
    """What the granted action's digest would be if these had been its parameters; "" when it was erased."""
    private = reads.read_private(org, action)
    if private is None:
        return ""
    salt, told = private
    granted = msgspec.json.decode(told).get("action", {})
    described = {
        "params": dict(params),
        "tool": granted.get("tool", ""),
        "type": granted.get("type", ""),
    }
    return sha256(salt + canonical(described)).hexdigest()

"""Keys of an agent as the ledger knows them: ids and instants, never verifiers (spec 2.1, DESIGN 2b.6).

Theory of operation
-------------------
An agent may hold several keys. Each expires. Rotation issues a new one and gives the old one an end, the overlap, in
which both work, so that an agent which dies between receiving and storing the new key can still come back; rotating
the same key again never lengthens its overlap. Revocation ends a key at once. Keys that no longer work are forgotten
when the next one is issued, which bounds the list.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import KEY_WARNING_DAYS, KEYS_PER_AGENT_MAX


class Key(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One key; instants in µs UTC. `ends_at` (0: not rotated) ends its overlap, `revoked_at` (0: no) its life.

    `warned`: its end has been told. `scopes`: the action types it may ask for; none: every type.
    """

    id: str
    issued_at: int
    expires_at: int
    ends_at: int = 0
    revoked_at: int = 0
    warned: bool = False
    scopes: tuple[str, ...] = ()

    def works(self, at: int) -> bool:
        """Does it open the door at this instant?"""
        return not self.revoked_at and at < self.expires_at and (not self.ends_at or at < self.ends_at)


def find(keys: tuple[Key, ...], key_id: str) -> Key | None:
    """The key of that id, working or not, unless it is forgotten."""
    return next((key for key in keys if key.id == key_id), None)


def covers(scopes: tuple[str, ...], action_type: str) -> bool:
    """Do the scopes of a key cover a folded action type? `repository.*` covers what begins with `repository.`."""
    return not scopes or any(
        action_type.startswith(scope[:-1]) if scope.endswith(".*") else action_type == scope
        for scope in scopes
    )


def scopes_allow(keys: tuple[Key, ...], key_id: str, action_type: str) -> bool:
    """May this key ask for the type? A key that is not known any more covers nothing."""
    key = find(keys, key_id)
    return key is not None and covers(key.scopes, action_type)


def working(keys: tuple[Key, ...], at: int) -> tuple[Key, ...]:
    """Those that work at this instant, oldest first."""
    return tuple(key for key in keys if key.works(at))


def issued(
    keys: tuple[Key, ...],
    key_id: str,
    expires_at: int,
    at: int,
    *,
    rotates: str = "",
    overlap_until_at: int = 0,
    scopes: tuple[str, ...] = (),
) -> tuple[Key, ...]:
    """The keys after issuing one, with the overlap of the one it rotates; what no longer works is forgotten."""
    kept = tuple(
        msgspec.structs.replace(key, ends_at=min(key.ends_at or key.expires_at, max(overlap_until_at, at)))
        if key.id == rotates
        else key
        for key in working(keys, at)
        if key.id != key_id
    )
    return (*kept, Key(id=key_id, issued_at=at, expires_at=expires_at, scopes=scopes))[-KEYS_PER_AGENT_MAX:]


def revoked(keys: tuple[Key, ...], key_id: str, at: int) -> tuple[Key, ...]:
    """The keys after revoking one; an earlier revocation keeps its instant."""
    return tuple(
        msgspec.structs.replace(key, revoked_at=key.revoked_at or at) if key.id == key_id else key
        for key in keys
    )


def warned_at(key: Key) -> int:
    """When its end is told, 0 when nobody has to be told: it was rotated, revoked, or told of (spec 2.1)."""
    if key.warned or key.ends_at or key.revoked_at:
        return 0
    life = key.expires_at - key.issued_at
    return key.expires_at - min(KEY_WARNING_DAYS * DAY, life // 4)


def warned(keys: tuple[Key, ...], key_id: str) -> tuple[Key, ...]:
    """The keys after its end was told."""
    return tuple(msgspec.structs.replace(key, warned=True) if key.id == key_id else key for key in keys)

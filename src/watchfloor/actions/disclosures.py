"""Secrets in what an execution reports: found by their shape, said by their kind, never repeated (spec 3.4, trust table).

Only shapes that hardly anything else has are looked for: a false alarm costs an agent trust. What is found stays in the
event's private part, where it can be erased; the facts say what kind of secret it was and nothing of it.
"""

from __future__ import annotations

import re
from typing import ClassVar

from watchfloor.actions.life import ActionState
from watchfloor.kernel.folds import once
from watchfloor.kernel.messages import Event, Facts

# Kind by shape, on the bytes of canonical JSON: a line break is \n there, as two characters.
_SHAPES: tuple[tuple[str, bytes], ...] = (
    ("private_key", rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("aws_access_key", rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("google_api_key", rb"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    ("github_token", rb"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60})"),
    ("gitlab_token", rb"\bglpat-[0-9A-Za-z_-]{20}"),
    ("slack_token", rb"\bxox[abprs]-[0-9]{8,}-[0-9A-Za-z-]{16}"),
    ("stripe_key", rb"\b[rs]k_live_[0-9A-Za-z]{24}"),
    ("watchfloor_key", rb"\bwf_[a-z]{3}_[0-9a-z]{6,24}_[0-9A-Za-z_-]{40}"),
)
_ANY = re.compile(b"|".join(b"(?P<%s>%s)" % (kind.encode(), shape) for kind, shape in _SHAPES))


def secrets_in(reported: bytes) -> tuple[str, ...]:
    """Kinds of the secrets in what was reported, each once, sorted; nearly always none."""
    if _ANY.search(reported) is None:
        return ()
    return tuple(sorted({str(found.lastgroup) for found in _ANY.finditer(reported)}))


class SecretDisclosed(Facts, frozen=True, kw_only=True):
    """What an execution reported holds secrets of these kinds: a security violation of its agent (spec 3.4)."""

    TYPE: ClassVar[str] = "action.secret_disclosed/1"
    KIND: ClassVar[str] = "action"
    agent: int
    execution: str
    secrets: tuple[str, ...]


@once
def disclosed(state: ActionState, facts: SecretDisclosed, event: Event) -> dict[str, object]:
    """Counts against the agent; what became of the action stands."""
    del state, facts, event
    return {}

"""Edited parameters: the command and the fact (spec 3.2 *Grant*: the approver may also edit parameters)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.actions.messages import Derived, Evidence
from watchfloor.kernel.messages import Command, Facts


class EditAction(Command, frozen=True, kw_only=True):
    """Somebody who may decide on it gives it other parameters. `digest` is of what they saw.

    `action`, `salt`, `params` and `private` as in RequestAction; `reason` in `private` is the editor's.
    """

    KIND: ClassVar[str] = "action"
    person: str
    decision: int
    digest: str
    params: object = None
    action: bytes = b""
    salt: bytes = b""
    private: bytes = b""


class ActionEdited(Facts, frozen=True, kw_only=True):
    """`by` gave it other parameters; the gate judged them like a request, and people are asked anew about `digest`.

    The private part holds the new parameters. `decision` is the one that waited for the old ones.
    """

    TYPE: ClassVar[str] = "action.edited/1"
    KIND: ClassVar[str] = "action"
    agent: int
    by: str
    decision: int
    derived: Derived
    digest: str
    digest_before: str
    evidence: Evidence
    failed: tuple[tuple[str, str, int], ...]
    level: int
    policy_digest: str
    risk: int
    urgency: str

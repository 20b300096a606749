"""Enrolment tokens and versions of agents (spec 2.1)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.agents import Names, Notice
from watchfloor.http.bodies.fields import (
    Answer,
    Body,
    Count,
    Hex,
    Instant,
    NeededReason,
    NoId,
    Params,
    Seq,
    Word,
)
from watchfloor.kernel.limits import ENROLMENT_DAYS_MAX, ENROLMENT_USES_MAX, PROMPT_BYTES_MAX

Prompt = Annotated[str, Meta(max_length=PROMPT_BYTES_MAX, description="private, and pinned by its SHA-256")]


class IssueEnrolmentBody(Body, frozen=True, kw_only=True):
    """`types` and `capabilities` bound what the agents may say they are; empty: anything. `owner`: id or handle."""

    uses: Annotated[int, Meta(ge=1, le=ENROLMENT_USES_MAX)] = 1
    expires_in_hours: Annotated[int, Meta(ge=1, le=ENROLMENT_DAYS_MAX * 24, description="hours")] = 24
    types: Names = ()
    capabilities: Names = ()
    owner: Annotated[str, Meta(max_length=64, description="empty: you")] = ""


class EnrolmentIssued(Answer, frozen=True, kw_only=True):
    """`token` is shown once and is null in the answer to a repeat."""

    enrolment_id: str
    token: str | None
    expires_at: Instant
    owner: str
    seq: Seq
    warnings: tuple[Notice, ...] = ()


class EnrolmentItem(Answer, frozen=True, kw_only=True):
    """A token without its secret. `state`: open, used_up, expired or revoked."""

    enrolment_id: str
    state: str
    owner: str
    types: tuple[str, ...]
    capabilities: tuple[str, ...]
    uses: Count
    used: Count
    issued_at: Instant
    issued_by: str
    expires_at: Instant
    revoked_at: Instant


class EnrolmentPage(Answer, frozen=True, kw_only=True):
    items: tuple[EnrolmentItem, ...]
    next: str | None = None
    seq: Seq


class EnrolmentDetail(Answer, frozen=True, kw_only=True):
    enrolment: EnrolmentItem
    agents: tuple[str, ...]
    seq: Seq


class ProposeVersionBody(Body, frozen=True, kw_only=True):
    """What is absent is as in the version in force. `descriptions`: the tools as the agent describes them to its model.

    `activate`: ask the gate at once whether the version may be put in force.
    """

    reason: NeededReason
    label: Word = ""
    prompt: Prompt | None = None
    prompt_digest: Hex = ""
    tools: Names | None = None
    descriptions: Annotated[
        Any, Meta(description="any JSON of the canonical subset; null: as before", extra_json_schema={})
    ] = None
    tools_digest: Hex = ""
    activate: bool = True


class RollbackBody(Body, frozen=True, kw_only=True):
    """`to` 0: the version that was in force before this one."""

    to: Count = 0
    reason: NeededReason


class VersionAnswer(Answer, frozen=True, kw_only=True):
    """The version, and how the gate ruled on putting it in force (empty: it was not asked)."""

    agent_id: str
    number: Count
    seq: Seq
    verdict: str = ""
    action_id: NoId = ""
    decision_id: NoId = ""
    level: Count = 0


class VersionItem(Answer, frozen=True, kw_only=True):
    """One version. `state`: proposed, activating, active, replaced or refused.

    Figures are of the time it was in force: tasks that ended well of those that ended, in thousandths; mean time from
    acceptance to the end; reviews by people. Null where there is nothing to count.
    """

    number: Count
    state: str
    label: str
    reason: str
    previous: Count
    rollback_to: Count
    is_rollback: bool
    tools: tuple[str, ...]
    prompt_digest: str
    tools_digest: str
    proposed_at: Instant
    proposed_by: str
    approved_by: tuple[str, ...]
    activated_at: Instant
    ended_at: Instant
    tasks: Count = 0
    success_milli: Count | None = None
    completion_ms_mean: Count | None = None
    reviews_positive: Count = 0
    reviews_negative: Count = 0


class VersionPage(Answer, frozen=True, kw_only=True):
    items: tuple[VersionItem, ...]
    next: str | None = None
    seq: Seq


class VersionDetail(Answer, frozen=True, kw_only=True):
    """With its texts; null when they were erased or never given."""

    version: VersionItem
    prompt: str | None
    descriptions: Any
    seq: Seq


class DiffParams(Params, frozen=True, kw_only=True):
    """`to` 0: the version in force; `from` 0: the one before `to`."""

    older: Count = 0
    newer: Count = 0


class VersionDiff(Answer, frozen=True, kw_only=True):
    """`prompt` a unified diff, empty when the texts are the same or not there; `tools_…` permissions won and lost."""

    older: Count
    newer: Count
    prompt: str
    prompt_changed: bool
    tools_added: tuple[str, ...]
    tools_removed: tuple[str, ...]
    tools_all: str
    descriptions_changed: bool
    seq: Seq


class PresentIdentityBody(Body, frozen=True, kw_only=True):
    """SHA-256 (hex) of the prompt's UTF-8 bytes in NFC, and of the canonical JSON of the tool descriptions."""

    prompt_digest: Hex = ""
    tools_digest: Hex = ""


class IdentityAnswer(Answer, frozen=True, kw_only=True):
    """`state`: accepted, pinned (seen for the first time) or quarantined (nobody has approved these)."""

    state: str
    version_number: Count
    seq: Seq


class TokenKeyRotated(Answer, frozen=True, kw_only=True):
    """`kid` of the key that signs from now on; what earlier ones signed goes on. `since_at` µs."""

    kid: str
    since_at: Instant


_ENROLMENT = {
    "enrolment_id": "enr_q0d1k7m9x2v4",
    "state": "open",
    "owner": "per_4h2k9d0s7b1",
    "types": ["worker"],
    "capabilities": ["python.lint"],
    "uses": 20,
    "used": 3,
    "issued_at": 1_763_700_000_000_000,
    "issued_by": "per_4h2k9d0s7b1",
    "expires_at": 1_763_786_400_000_000,
    "revoked_at": 0,
}
_VERSION = {
    "number": 2,
    "state": "active",
    "label": "2",
    "reason": "it forgot the tests",
    "previous": 1,
    "rollback_to": 0,
    "is_rollback": False,
    "tools": ["git"],
    "prompt_digest": "9f" * 32,
    "tools_digest": "",
    "proposed_at": 1_763_700_000_000_000,
    "proposed_by": "per_4h2k9d0s7b1",
    "approved_by": ["per_8m1c3x0z5w2"],
    "activated_at": 1_763_700_600_000_000,
    "ended_at": 0,
    "tasks": 12,
    "success_milli": 917,
    "completion_ms_mean": 41_000,
    "reviews_positive": 2,
    "reviews_negative": 0,
}
_ANSWER = {
    "agent_id": "agt_q0d1k7m9x2v4",
    "number": 2,
    "seq": 1043,
    "verdict": "pending",
    "action_id": "act_q0d1k7m9x2v4",
    "decision_id": "dec_q0d1k7m9x2v4",
    "level": 3,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    IssueEnrolmentBody: {"uses": 20, "expires_in_hours": 24, "types": ["worker"]},
    EnrolmentIssued: {
        "enrolment_id": _ENROLMENT["enrolment_id"],
        "token": "wf_ent_0123456789abcdef_…",
        "expires_at": _ENROLMENT["expires_at"],
        "owner": _ENROLMENT["owner"],
        "seq": 17,
        "warnings": [],
    },
    EnrolmentPage: {"items": [_ENROLMENT], "next": None, "seq": 1042},
    EnrolmentDetail: {"enrolment": _ENROLMENT, "agents": ["agt_q0d1k7m9x2v4"], "seq": 1042},
    ProposeVersionBody: {
        "reason": "it forgot the tests",
        "prompt": "You mend code. Run the tests.",
        "label": "2",
    },
    RollbackBody: {"to": 1, "reason": "worse than before"},
    VersionAnswer: _ANSWER,
    VersionPage: {"items": [_VERSION], "next": None, "seq": 1042},
    VersionDetail: {
        "version": _VERSION,
        "prompt": "You mend code. Run the tests.",
        "descriptions": None,
        "seq": 1042,
    },
    VersionDiff: {
        "older": 1,
        "newer": 2,
        "prompt": "--- version 1\n+++ version 2\n@@ -1 +1 @@\n-You mend code.\n+You mend code. Run the tests.\n",
        "prompt_changed": True,
        "tools_added": ["git"],
        "tools_removed": [],
        "tools_all": "",
        "descriptions_changed": False,
        "seq": 1042,
    },
    TokenKeyRotated: {"kid": "Zk3u0bYv1nQ", "since_at": 1_763_700_000_000_000},
    PresentIdentityBody: {"prompt_digest": "9f" * 32},
    IdentityAnswer: {"state": "accepted", "version_number": 2, "seq": 1042},
}

"""The story of one thing, and the event stream."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Fresh, Id, Instant, Params, Seq


class TimelineItem(Answer, frozen=True, kw_only=True):
    """One event of a story. `sentence` says it in words; `subject_id` is the public id, empty when it has none."""

    seq: Seq
    at: Instant
    type: str
    sentence: str
    actor_kind: str
    actor_id: str
    actor_name: str
    subject_kind: str
    subject_id: str
    cause: Seq


class TimelineParams(Fresh, frozen=True, kw_only=True):
    """`of` is a task, action, decision, agent, stop or person; the story includes what its events caused."""

    of: Id


class Timeline(Answer, frozen=True, kw_only=True):
    """In ledger order; `truncated` when the story is longer than one answer holds."""

    items: tuple[TimelineItem, ...]
    truncated: bool = False
    seq: Seq


class StreamParams(Params, frozen=True, kw_only=True):
    """`after` is where to begin when there is no Last-Event-ID header; absent: now. `kinds` filters, comma-separated."""

    after: Seq | None = None
    kinds: Annotated[str, Meta(max_length=256, pattern=r"^(?:[a-z_]+(?:,[a-z_]+)*)?\Z")] = ""
    keep_alive_s: Annotated[int, Meta(ge=2, le=60, description="how long there is silence at most")] = 15


EXAMPLES: dict[type, dict[str, Any]] = {
    Timeline: {
        "items": [
            {
                "seq": 21,
                "at": 1_763_700_000_000_000,
                "type": "task.submitted/1",
                "sentence": "The task was submitted.",
                "actor_kind": "person",
                "actor_id": "per_4h2k9d0s7b1",
                "actor_name": "ada",
                "subject_kind": "task",
                "subject_id": "tsk_q0d1k7m9x2v4",
                "cause": 0,
            }
        ],
        "truncated": False,
        "seq": 1042,
    },
}

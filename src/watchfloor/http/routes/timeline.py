"""Stories, and the stream of everything that happens (spec 7, DESIGN §2)."""

from __future__ import annotations

from watchfloor.http import replies, telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies import timeline as wire
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply

_WITH_STORY = {"task": "tasks", "action": "actions", "decision": "decisions"}


async def get_timeline(call: Call) -> Reply:
    """The story of a task, action, decision, stop, standing approval or person, in ledger order."""
    params: wire.TimelineParams = call.params
    kind, subject = telling.resolved_story(call, params.of)
    story = ""
    if kind in _WITH_STORY:
        sql = f"SELECT story FROM {_WITH_STORY[kind]} WHERE org = :org AND {kind} = :subject"  # noqa: S608 - names from code
        rows = await call.rows(sql, subject=subject)
        story = rows[0]["story"] if rows else ""
    items, truncated = await telling.of_story(call, story, subject)
    return Reply(body=wire.Timeline(items=items, truncated=truncated, seq=call.view_seq))


async def open_stream(call: Call) -> Reply:
    """Everything that happens, as server-sent events.

    `id` is the seq; come back with Last-Event-ID and nothing is missed. Too old an id gets `event: resync`.
    """
    params: wire.StreamParams = call.params
    asked = call.headers.get("last-event-id", "")
    after = params.after
    if asked:
        if not asked.isascii() or not asked.isdigit() or len(asked) > 15:
            raise Problem(400, "invalid_last_event_id", "Last-Event-ID is the seq of the last event seen")
        after = int(asked)
    stream = call.services.streams.open(
        call.principal, after, frozenset(filter(None, params.kinds.split(","))), params.keep_alive_s
    )
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Reply(stream=stream, media_type=replies.EVENTS, headers=headers)

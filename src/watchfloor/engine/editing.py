"""Evidence for an edit: what a request would be judged by now, and whether this person may decide (spec 3.2 *Grant*)."""

from __future__ import annotations

from collections.abc import Callable

from watchfloor.actions.edit_messages import EditAction
from watchfloor.actions.editing import EditEvidence
from watchfloor.actions.gate import Gathered
from watchfloor.actions.messages import RequestAction
from watchfloor.councils.decision import OWN_SIGN_IN, PENDING, Decision, last_at
from watchfloor.councils.rules import why_not
from watchfloor.engine import voting
from watchfloor.engine.requests import Request
from watchfloor.kernel.subject import Read

Requesting = Callable[[Read, RequestAction, int, Request], Gathered]


def evidence(
    requesting: Requesting, read: Read, command: EditAction, at: int, request: Request
) -> EditEvidence:
    """`requesting` gathers for a request."""
    action = read("action", command.subject)
    task = read("task", action.task) if action.task else None
    asked = RequestAction(
        agent=action.agent,
        type=action.action_type,
        tool=action.tool,
        params=command.params,
        salt=command.salt,
        task=action.task,
        generation=task.generation if task is not None else 0,
        cost_micro=0,  # what it costs is reserved already
        tokens=0,
    )
    decision: Decision | None = read("decision", command.decision)
    waits = (
        decision is not None
        and decision.action == command.subject
        and decision.status == PENDING
        and at < last_at(decision)
    )
    obstacle = ""
    if decision is not None and waits:
        voter = voting.voter(read, command.decision, command.person, at, request.actor.credential)
        obstacle = why_not(decision, command.person, voter) or (OWN_SIGN_IN if voter.through else "")
    return EditEvidence(gathered=requesting(read, asked, at, request), obstacle=obstacle, open=waits)

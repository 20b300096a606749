"""Rules of reviews: a person rates a finished task, once, and not of an agent of their own (spec 2.4 *Review*).

Theory of operation
-------------------
A task is finished when it is over. What is rated is the work of the agent that accepted it last; a task that nobody ever
accepted has no work to rate. Whose agent it is, is evidence, recorded in the event. The reason is the reviewer's own
words, so it is a private part. What a review does to trust is decided elsewhere (processes/learning.py), by policy.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.schema import check_choice, check_reason
from watchfloor.kernel.subject import Given
from watchfloor.work.life import OVER, Task
from watchfloor.work.messages import REVIEWS, ReviewTask, TaskReviewed


class ReviewEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ReviewTask: the public id of the person who owns the agent that did the task, "" when nobody did it."""

    owner: str


def review(state: Task | None, command: ReviewTask, given: Given) -> list[Draft]:
    """Recorded once, with a reason, by a person who does not own the agent."""
    if state is None:
        raise Refused("unknown_task", "no such task", status=404)
    evidence: ReviewEvidence = given.evidence
    check_choice(command.verdict, "/verdict", REVIEWS)
    check_reason(command.reason)
    if not command.reason.strip():
        raise Refused("reason_missing", "takes a reason", field="/reason", status=422)
    if given.actor.kind != "person":
        raise Refused("not_a_person", "people rate tasks", status=403)
    if state.stage not in OVER:
        raise Refused("not_finished", f"the task is {state.status}", retryable=True)
    if not state.worked_by:
        raise Refused("nobody_worked", "no agent ever accepted the task")
    if state.review:
        raise Refused("already_reviewed", "a task is rated once")
    if evidence.owner == given.actor.id:
        raise Refused("own_work", "nobody rates the work of an agent they own", status=403)
    facts = TaskReviewed(agent=state.worked_by, owner=evidence.owner, verdict=command.verdict)
    return [Draft(facts=facts, private=canonical({"reason": command.reason}))]

"""Edit-and-approve: an approver changes the parameters, and the gate and the people look again (spec 3.2 *Grant*).

Theory of operation
-------------------
    pending ---EditAction--> pending, with another digest        the decision on the old one is cancelled, a new one opens

Who may decide on it may edit it, and nobody else. What was edited is judged like a request, by the policy and with the
counts of now: what the gate denies or throttles is refused and nothing changes, so an edit never slips past the
envelope. The level is the higher of the old one and what the new parameters demand, the risk likewise: an edit never
lowers. Votes cast before were about another digest and end with their decision. Whoever edited it stands near to it:
above the level that the policy names they do not decide on their own version (processes/approval.py).
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from watchfloor.actions.derive import derive
from watchfloor.actions.edit_messages import ActionEdited, EditAction
from watchfloor.actions.gate import Gathered, judge, urgency_of
from watchfloor.actions.life import ActionState, existing
from watchfloor.actions.messages import ActionDecided, Evidence
from watchfloor.actions.question import ask
from watchfloor.actions.tables import of
from watchfloor.kernel.folds import once
from watchfloor.kernel.limits import EDITS_PER_ACTION_MAX
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import PLATFORM_TYPES, Policy

_CONFIRM = 2


class EditEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For EditAction: what a request would be judged by now, and why this person may not decide on it, empty: they may.

    `open`: the decision named waits for people still.
    """

    gathered: Gathered
    obstacle: str
    open: bool


def edit(state: ActionState | None, command: EditAction, given: Given) -> list[Draft]:
    """Other parameters, judged again. Refused: who may not decide, another digest, what the gate denies."""
    action = existing(state)
    if given.actor.kind != "person" or given.actor.id != command.person:
        raise Refused("not_your_vote", "everybody edits in their own name", field="/person", status=403)
    if action.action_type in PLATFORM_TYPES:
        raise Refused("reserved_type", "what the platform does is proposed anew, not edited", status=403)
    seen: EditEvidence = given.evidence
    if action.status != "pending" or not seen.open:
        raise Refused("decision_over", "only what waits for people can be edited")
    if seen.obstacle:
        raise Refused(seen.obstacle, "this person may not decide on it, so they do not edit it", status=403)
    if command.digest != action.digest:
        raise Refused("digest_mismatch", "this is about another action than this one", field="/digest")
    if action.edits >= EDITS_PER_ACTION_MAX:
        raise Refused("too_many_edits", f"at most {EDITS_PER_ACTION_MAX}; deny it, and say what you want")
    return [_judged(action, command, seen.gathered, given)]


def _judged(action: ActionState, command: EditAction, gathered: Gathered, given: Given) -> Draft:
    tables = of(gathered.policy, gathered.policy_digest)
    derived = derive(tables, action.action_type, action.tool, command.params, command.salt, action.agent)
    seen: Evidence = gathered.evidence
    if derived.zones:
        new = sum(1 for zone in derived.zones if zone not in gathered.touched)
        seen = msgspec.structs.replace(seen, zones_known=len(gathered.touched), zones_new=new)
    ruling = judge(ask(tables, derived, seen, given.at, 0, action.task, action.agent))
    if ruling.verdict == "denied":
        rules = ", ".join(name for name, answer, _ in ruling.failed if answer in ("deny", "throttle"))
        raise Refused(
            "edit_denied", f"the gate denies the edited action: {rules}", field="/params", status=403
        )
    risk = max(action.risk, ruling.risk)
    facts = ActionEdited(
        agent=action.agent,
        by=command.person,
        decision=command.decision,
        derived=derived,
        digest=sha256(command.salt + command.action).hexdigest(),
        digest_before=action.digest,
        evidence=seen,
        failed=ruling.failed,
        level=max(_CONFIRM, action.level, ruling.level),
        policy_digest=gathered.policy_digest,
        risk=risk,
        urgency=urgency_of(action.urgency, risk),
    )
    return Draft(facts=facts, private=command.private, salt=command.salt)


class Before(msgspec.Struct, frozen=True, gc=False):
    """What a ruling that waits for people came to before an edit."""

    task: int
    digest: str
    level: int
    risk: int
    urgency: str

    @classmethod
    def of(cls, facts: ActionDecided) -> Before:
        """After the request itself."""
        return cls(facts.task, facts.digest, facts.level, facts.risk, facts.urgency)

    def after(self, facts: ActionEdited) -> Before:
        """After this edit."""
        return Before(self.task, facts.digest, facts.level, facts.risk, facts.urgency)


def audit_edit(policy: Policy, before: Before, facts: ActionEdited, at: int) -> str:
    """`same` when judging the edited parameters again from what was recorded gives what was recorded, else `differs`."""
    tables = of(policy, facts.policy_digest)
    ruling = judge(ask(tables, facts.derived, facts.evidence, at, 0, before.task, facts.agent))
    same = (
        ruling.verdict != "denied"
        and facts.digest_before == before.digest
        and facts.failed == ruling.failed
        and facts.level == max(_CONFIRM, before.level, ruling.level)
        and facts.risk == max(before.risk, ruling.risk)
        and facts.urgency == urgency_of(before.urgency, facts.risk)
    )
    return "same" if same else "differs"


@once
def edited(state: ActionState, facts: ActionEdited, event: Event) -> dict[str, object]:
    if state.status != "pending":
        return {}
    return {
        "digest": facts.digest,
        "level": facts.level,
        "risk": facts.risk,
        "urgency": facts.urgency,
        "cls": facts.derived.cls,
        "targets": facts.derived.targets,
        "zones": facts.derived.zones,
        "content": event.seq,
        "edits": state.edits + 1,
        "edited_by": tuple(dict.fromkeys((*state.edited_by, facts.by))),
    }

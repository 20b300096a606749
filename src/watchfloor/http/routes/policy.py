"""The policy and its versions (spec 3.6): read with an ETag, changed with If-Match (fault C9)."""

from __future__ import annotations

import difflib
import re
from typing import Any

import msgspec

from watchfloor.actions.messages import ActionDecided, RequestAction
from watchfloor.actions.rules import OBSERVES
from watchfloor.engine.requests import Lane
from watchfloor.http import lists
from watchfloor.http.asking import Call, Recorded, encoded
from watchfloor.http.bodies import ledger as wire
from watchfloor.http.problems import FieldError, Problem, not_found
from watchfloor.http.replies import Reply
from watchfloor.kernel.messages import Event
from watchfloor.kernel.mode_terms import turned_on
from watchfloor.kernel.terms import APPLY_POLICY, Policy
from watchfloor.policy.difference import Difference, differences
from watchfloor.policy.document import dump
from watchfloor.policy.messages import PolicyApplied, PolicyProposed, ProposePolicy
from watchfloor.policy.rules import PolicyState

LOOSENING_SHOWN = 200  # paths named beside the diff, which shows everything
_ETAG = re.compile(r'^"(\d{1,15})"$')


def etag(version: int) -> str:
    """The ETag of a version: what If-Match has to say."""
    return f'"{version}"'


async def of_version(call: Call, version: int) -> Policy:
    """The document of a version; the default one where there was none. Raises Problem 404."""
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if version == 0 or active is None:
        return Policy()
    if active.version == version:
        document: Policy = active.document
        return document
    row = await lists.row(call, "policies", version=version)
    event = await call.event(row["seq"]) if row is not None else None
    if event is None or not isinstance(event.facts, PolicyApplied):
        raise not_found("version of the policy")
    return event.facts.document


async def get_policy(call: Call) -> Reply:
    """The policy in force, with the ETag that a change has to name. As YAML for `Accept: application/yaml`."""
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    return await _shown(call, active.version)


async def get_policy_version(call: Call) -> Reply:
    """One version of the policy."""
    text: str = call.path["version"]
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise not_found("version of the policy")
    return await _shown(call, int(text))


async def _shown(call: Call, version: int) -> Reply:
    row = await lists.row(call, "policies", version=version)
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if row is None and active is not None and active.version == version:
        # It was applied a moment ago: the version in force is never "not found".
        await call.services.views.wait(call.org, call.services.engine.head(call.org))
        row = await lists.row(call, "policies", version=version)
    if row is None:
        raise not_found("version of the policy")
    if "yaml" in call.headers.get("accept", ""):
        text = dump(await of_version(call, version))
        return Reply(content=text.encode(), media_type="application/yaml", headers={"etag": etag(version)})
    body = wire.PolicyNow(
        policy_id=row["id"],
        version=version,
        digest=row["digest"],
        etag=etag(version),
        applied_at=row["applied_at"],
        applied_by=row["applied_by"],
        reason=row["reason"],
        document=await of_version(call, version),
        seq=call.view_seq,
    )
    return Reply(body=body, headers={"etag": etag(version)})


async def list_policies(call: Call) -> Reply:
    """Versions of the policy, newest first."""
    rows, following = await lists.page(call, "policies", ("version",))
    return Reply(body=wire.PolicyPage(items=tuple(map(_item, rows)), next=following, seq=call.view_seq))


def _item(row: dict[str, Any]) -> wire.PolicyItem:
    return wire.PolicyItem(
        version=row["version"],
        name=row["name"],
        digest=row["digest"],
        applied_at=row["applied_at"],
        applied_by=row["applied_by"],
        reason=row["reason"],
        basis=row["basis"],
        approved_by=tuple(row["approved_by"].split()),
        loosens=row["loosens"],
        revert_to=row["revert_to"],
        seq=row["seq"],
    )


async def apply_policy(call: Call) -> Reply:
    """Change the policy: 200 at once when it loosens nothing, 202 with the decision when other people must agree.

    Takes JSON or YAML, and If-Match with the ETag the change was made to.
    """
    asked = call.headers.get("if-match", "")
    if not asked:
        raise Problem(428, "if_match_missing", "send If-Match with the ETag of the policy you changed")
    matched = _ETAG.match(asked)
    if matched is None:
        wrong = FieldError(field="If-Match", code="invalid", detail='an ETag of the policy, such as "3"')
        raise Problem(412, "version_conflict", "If-Match names no version of the policy", errors=(wrong,))
    return await _proposed(call, call.body, int(matched.group(1)), call.params.reason)


async def revert_policy(call: Call) -> Reply:
    """Go back to an earlier version: a change like any other, with its contents."""
    body: wire.RevertBody = call.body
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    to = body.to or active.version - 1
    if not 0 < to < active.version:
        raise not_found("version of the policy")
    document = await of_version(call, to)
    return await _proposed(call, document, active.version, body.reason, revert_to=to)


async def _proposed(call: Call, document: Policy, expected: int, reason: str, *, revert_to: int = 0) -> Reply:
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    command = ProposePolicy(
        subject=active.subject,
        document=document,
        expected_version=expected,
        reason=reason,
        revert_to=revert_to,
    )
    recorded = await call.ask(command)
    facts = recorded.event.facts if recorded.event is not None else None
    if isinstance(facts, PolicyProposed):
        return await _asked(call, active.subject, facts, recorded)
    if isinstance(facts, PolicyApplied):
        version, digest, basis, loosens = facts.version, facts.digest, facts.basis, facts.loosened
    else:  # the document already in force is no change
        version, digest, basis, loosens = active.version, active.digest, "", 0
    body = wire.PolicyApplied(
        version=version, digest=digest, etag=etag(version), seq=recorded.seq, basis=basis, loosens=loosens
    )
    return Reply(body=body, headers={"etag": etag(version)})


async def _asked(call: Call, policy: int, facts: PolicyProposed, recorded: Recorded) -> Reply:
    """Put the proposal before the gate, once; 202 with where people decide."""
    state: PolicyState = call.state("policy", policy)
    action, verdict, level, seq = 0, "", 0, recorded.seq
    if recorded.replayed:
        if state.proposal is not None and state.proposal.number == facts.number:
            action = state.proposal.action
    else:
        event = await _before_the_gate(call, facts, await of_version(call, facts.version))
        assert isinstance(event.facts, ActionDecided)
        action, verdict, level, seq = event.subject, event.facts.verdict, event.facts.level, event.seq
    waiting = call.services.engine.cell(call.org, "waiting", action) if action else 0
    body = wire.PolicyApplied(
        version=facts.version,
        digest=facts.digest,
        etag=etag(facts.version),
        seq=seq,
        state="proposed",
        loosens=facts.loosened,
        proposal=facts.number,
        verdict=verdict,
        level=level,
        action_id=call.id_of("action", action),
        decision_id=call.id_of("decision", waiting or 0),
    )
    return Reply(body=body, status=202, headers={"etag": etag(facts.version)})


async def _before_the_gate(call: Call, facts: PolicyProposed, before: Policy) -> Event:
    loose = [one.path for one in differences(before, facts.document) if one.loosens]
    params: dict[str, Any] = {
        "base_version": facts.version,
        "digest": facts.digest,
        "loosens": loose[:LOOSENING_SHOWN],
        "patch": unified(before, facts.document, f"version {facts.version}", f"proposal {facts.number}"),
        "policy_proposal": facts.number,
        "revert_to": facts.revert_to,
    }
    observes = turned_on(before.modes, facts.document.modes)
    if observes:  # decided on at level 3 at least (spec 3.6)
        params[OBSERVES] = list(observes)
    action = encoded({"params": params, "tool": "", "type": APPLY_POLICY})
    command = RequestAction(
        agent=0,
        type=APPLY_POLICY,
        params=params,
        action=action,
        private=encoded({"action": msgspec.Raw(action), "reason": facts.reason}),
        generation=facts.number,
        cost_micro=0,
        tokens=0,
    )
    request = call.request(command, lane=Lane.PEOPLE, keyed=False)
    request.command = msgspec.structs.replace(command, salt=request.entropy)
    answer = await call.submit(request)
    assert answer.event is not None
    return answer.event


def unified(before: Policy, after: Policy, old: str, new: str) -> str:
    """The difference of two documents as people read it: their YAML texts, as a unified diff."""
    lines = difflib.unified_diff(dump(before).splitlines(), dump(after).splitlines(), old, new, lineterm="")
    return "".join(f"{line}\n" for line in lines)


async def list_proposals(call: Call) -> Reply:
    """Changes of the policy that needed somebody else's agreement, newest first."""
    rows, following = await lists.page(call, "policy_proposals", ("number",))
    items = tuple(
        wire.ProposalItem(
            number=row["number"],
            state=row["state"],
            base=row["base"],
            digest=row["digest"],
            proposed_at=row["proposed_at"],
            proposed_by=row["proposed_by"],
            reason=row["reason"],
            loosens=row["loosens"],
            revert_to=row["revert_to"],
            action_id=call.id_of("action", row["action"]),
            decision_id=call.id_of(
                "decision", call.services.engine.cell(call.org, "waiting", row["action"]) or 0
            ),
            seq=row["seq"],
        )
        for row in rows
    )
    return Reply(body=wire.ProposalPage(items=items, next=following, seq=call.view_seq))


async def diff_policies(call: Call) -> Reply:
    """What is different between two versions, field by field, and what of it loosens."""
    params: wire.PolicyDiffParams = call.params
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    newer = params.newer or active.version
    older = params.older or max(1, newer - 1)
    if max(newer, older) > active.version:
        raise not_found("version of the policy")
    before, after = await of_version(call, older), await of_version(call, newer)
    found = differences(before, after)
    body = wire.PolicyDiff(
        older=older,
        newer=newer,
        loosens=sum(1 for one in found if one.loosens),
        differences=tuple(map(difference_item, found)),
        patch=unified(before, after, f"version {older}", f"version {newer}"),
        seq=call.view_seq,
    )
    return Reply(body=body)


async def check_policy(call: Call) -> Reply:
    """Whether a document is a sound policy, as YAML and as JSON, and what it would change. Takes either; records nothing."""
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    document: Policy = call.body
    before = await of_version(call, active.version)
    found = differences(before, document)
    body = wire.PolicyCheck(
        base=active.version,
        etag=etag(active.version),
        document=document,
        text=dump(document),
        loosens=sum(1 for one in found if one.loosens),
        differences=tuple(map(difference_item, found)),
        patch=unified(before, document, f"version {active.version}", "draft"),
        seq=call.services.engine.head(call.org),
    )
    return Reply(body=body)


def difference_item(one: Difference) -> wire.DifferenceItem:
    """A field that differs, both sides as JSON."""
    return wire.DifferenceItem(
        path=one.path, before=_json(one.before), after=_json(one.after), loosens=one.loosens
    )


def _json(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()

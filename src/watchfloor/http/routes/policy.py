"""The policy and its versions (spec 3.6): read with an ETag, changed with If-Match (fault C9)."""

from __future__ import annotations

import re
from typing import Any

from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import ledger as wire
from watchfloor.http.problems import FieldError, Problem, not_found
from watchfloor.http.replies import Reply
from watchfloor.kernel.terms import Policy
from watchfloor.policy.document import dump
from watchfloor.policy.messages import ApplyPolicy, PolicyApplied

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
        seq=row["seq"],
    )


async def apply_policy(call: Call) -> Reply:
    """Put another policy into force. Takes JSON or YAML, and If-Match with the ETag the change was made to."""
    asked = call.headers.get("if-match", "")
    if not asked:
        raise Problem(428, "if_match_missing", "send If-Match with the ETag of the policy you changed")
    matched = _ETAG.match(asked)
    if matched is None:
        wrong = FieldError(field="If-Match", code="invalid", detail='an ETag of the policy, such as "3"')
        raise Problem(412, "version_conflict", "If-Match names no version of the policy", errors=(wrong,))
    active = call.services.engine.cell(call.org, "active_policy", "active")
    command = ApplyPolicy(
        subject=0 if active is None else active.subject,
        document=call.body,
        expected_version=int(matched.group(1)),
        reason=call.params.reason,
    )
    recorded = await call.ask(command)
    if recorded.event is None or not isinstance(recorded.event.facts, PolicyApplied):
        assert active is not None  # the document already in force is no change
        version, digest = active.version, active.digest
    else:
        version, digest = recorded.event.facts.version, recorded.event.facts.digest
    body = wire.PolicyApplied(version=version, digest=digest, etag=etag(version), seq=recorded.seq)
    return Reply(body=body, headers={"etag": etag(version)})

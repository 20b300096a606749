"""What people see of policies: `policies`, one row per version (spec 3.6). The document is in the event at `seq`."""

from __future__ import annotations

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Projectors, Table, instant, integer, text
from watchfloor.policy.messages import PolicyApplied

POLICIES = Table(
    name="policies",
    version=1,
    meaning="Every version of the policy; the highest is in force.",
    key=("version",),
    columns={
        "version": integer("from 1"),
        "policy": integer("subject, the same for all versions"),
        "id": text("public id pol_… as of this version"),
        "name": text("of the document"),
        "digest": text("SHA-256 of the canonical document, hex"),
        "applied_at": instant("when"),
        "applied_by": text("public id"),
        "reason": text("why"),
        "seq": integer("of policy.applied, which holds the document"),
    },
)

TABLES = (POLICIES,)


def _applied(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    return [
        POLICIES.put(
            facts.version,
            policy=event.subject,
            id=public_id("policy", event.subject, facts.nonce),
            name=facts.document.name,
            digest=facts.digest,
            applied_at=event.at,
            applied_by=event.of or event.actor.id,
            reason=facts.reason,
            seq=event.seq,
        )
    ]


PROJECT: Projectors = {PolicyApplied: _applied}

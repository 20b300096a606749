"""The policy in force and its versions (spec 03 §3.6, DESIGN 2b.15).

Theory of operation
-------------------
One subject per organisation. `ApplyPolicy` carries the whole typed document: it is checked as a whole (soundness),
its version is one more than the last, and its digest is the SHA-256 of its canonical bytes, so a ruling that names
(version, digest) names every number it was judged by. `expected_version` is what the author of the change had seen;
if somebody was faster, the change is refused and nobody's work is overwritten. The document already in force is no
change and no event.

    ApplyPolicy -> policy.applied/1
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import Policy
from watchfloor.policy.affected import affected
from watchfloor.policy.digest import digest_of
from watchfloor.policy.messages import ApplyPolicy, PolicyApplied
from watchfloor.policy.soundness import problems


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """The active document with its version and digest; `nonce` makes the public id."""

    seq: int
    version: int
    digest: str
    document: Policy
    nonce: int


def apply(state: PolicyState | None, command: ApplyPolicy, given: Given) -> list[Draft]:
    """Make the document active. Refused: `invalid_policy` (422) with the first fault, `version_conflict` (412)."""
    check_reason(command.reason)
    faults = problems(command.document)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        field = f"/document{faults[0].path}"
        raise Refused("invalid_policy", f"{faults[0].path}: {faults[0].what}{more}", field=field, status=422)
    version = 0 if state is None else state.version
    if command.expected_version not in (-1, version):
        detail = f"version {version} is in force, the change was made to {command.expected_version}"
        raise Refused("version_conflict", detail, field="/expected_version", status=412)
    digest = digest_of(command.document)
    if state is not None and digest == state.digest:
        return []
    loosens = () if state is None else affected(state.document, command.document)
    by = author(given) if loosens else ""
    facts = PolicyApplied(
        barred_until_at=given.at + _barred_us(state, command.document) if by else 0,
        by=by,
        digest=digest,
        document=command.document,
        loosens=loosens,
        nonce=nonce_from(given.entropy) if state is None else state.nonce,
        reason=command.reason,
        version=version + 1,
    )
    return [Draft(facts=facts)]


def author(given: Given) -> str:
    """The person behind a change: on whose behalf it was asked for, else who asked; empty for the system."""
    return given.of or (given.actor.id if given.actor.kind == "person" else "")


def _barred_us(state: PolicyState | None, document: Policy) -> int:
    """The longer of both policies' times: a change that shortens it does not shorten its author's own."""
    days = 0 if state is None else state.document.routing.loosened_days
    return max(days, document.routing.loosened_days) * DAY


def applied(state: PolicyState | None, event: Event) -> PolicyState:
    """Fold of policy.applied/1."""
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    if state is not None and event.seq <= state.seq:
        return state
    return PolicyState(
        seq=event.seq,
        version=facts.version,
        digest=facts.digest,
        document=facts.document,
        nonce=facts.nonce,
    )


POLICY = Subject(
    kind="policy", state=PolicyState, decide={ApplyPolicy: apply}, evolve={PolicyApplied: applied}
)
SUBJECTS = (POLICY,)
FACTS = (PolicyApplied,)

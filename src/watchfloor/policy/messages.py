"""Policy versions: commands and facts (spec 3.6).

`basis` says why a version is in force: first (the organisation was founded), tightening (it loosens nothing), approved
(people agreed), alone (nobody else is there who could decide); empty in ledgers from before changes were decided on.
"""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts
from watchfloor.kernel.terms import Policy


class ApplyPolicy(Command, frozen=True, kw_only=True):
    """Make `document` the first policy of an organisation. Every later one is proposed."""

    KIND: ClassVar[str] = "policy"
    document: Policy
    expected_version: int = -1
    reason: str = ""


class ProposePolicy(Command, frozen=True, kw_only=True):
    """Make `document` the policy: at once where that is allowed, else when somebody else has agreed.

    `expected_version` is the If-Match of the change, -1 to skip the check; `revert_to` the version whose contents these are.
    """

    KIND: ClassVar[str] = "policy"
    document: Policy
    expected_version: int = -1
    reason: str = ""
    revert_to: int = 0


class NoteProposal(Command, frozen=True, kw_only=True):
    """The gate has let the proposal through to people. From the amending process only."""

    KIND: ClassVar[str] = "policy"
    action: int
    number: int


class EndProposal(Command, frozen=True, kw_only=True):
    """People did not agree, not in time, or the policy changed meanwhile. From the amending process only."""

    KIND: ClassVar[str] = "policy"
    action: int
    reason: str


class ActivatePolicy(Command, frozen=True, kw_only=True):
    """Put the proposal in force. From the amending process only."""

    KIND: ClassVar[str] = "policy"
    action: int
    approved_by: tuple[str, ...]


class PolicyApplied(Facts, frozen=True, kw_only=True):
    """`digest` is the SHA-256 of the canonical document.

    `loosens` says what the change made looser: `type:`, `tool:`, `class:`, `level:` and `*` for every action; until
    `barred_until_at` whoever asked for it (`by`, a person) may not decide on what it affects. `basis` says why it may be in
    force; of an approved one, `action` is what carried it out, `proposed_by` whoever asked for it.
    """

    TYPE: ClassVar[str] = "policy.applied/1"
    KIND: ClassVar[str] = "policy"
    digest: str
    document: Policy
    nonce: int
    reason: str
    version: int
    # Fields below came later; earlier changes barred nobody, and nobody decided on them.
    barred_until_at: int = 0
    by: str = ""
    loosens: tuple[str, ...] = ()
    action: int = 0
    approved_by: tuple[str, ...] = ()
    basis: str = ""
    loosened: int = 0  # how many fields loosen, of the version before
    proposal: int = 0
    proposed_by: str = ""
    revert_to: int = 0


class PolicyProposed(Facts, frozen=True, kw_only=True):
    """`number` counts the proposals; `version` is the one in force, which it would replace."""

    TYPE: ClassVar[str] = "policy.proposed/1"
    KIND: ClassVar[str] = "policy"
    by: str
    digest: str
    document: Policy
    loosened: int
    number: int
    reason: str
    revert_to: int
    version: int


class ProposalNoted(Facts, frozen=True, kw_only=True):
    """The proposal is being decided on: `action` is the one that waits."""

    TYPE: ClassVar[str] = "policy.proposal_noted/1"
    KIND: ClassVar[str] = "policy"
    action: int
    number: int


class ProposalEnded(Facts, frozen=True, kw_only=True):
    """It came to nothing. `reason`: denied, expired, cancelled, outdated (the policy changed meanwhile)."""

    TYPE: ClassVar[str] = "policy.proposal_ended/1"
    KIND: ClassVar[str] = "policy"
    action: int
    number: int
    reason: str

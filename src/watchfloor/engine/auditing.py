"""`ledger audit`: every ruling judged again from the evidence it recorded (spec 04, law *Evidence*)."""

from __future__ import annotations

from watchfloor.actions.gate import RULES_VERSION, audit
from watchfloor.actions.messages import ActionDecided
from watchfloor.kernel.codec import Catalogue
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.contract import LedgerReads
from watchfloor.policy.messages import PolicyApplied

_READ = 2_000
VERDICTS = ("same", "differs", "superseded")


def audit_one(event: Event, policies: dict[int, Policy]) -> str:
    """`same`, `differs` or `superseded` for one ruling; `policies` by version."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if event.rules != RULES_VERSION:
        return "superseded"
    return audit(policies[event.policy], facts, event.at)


def audit_all(reads: LedgerReads, catalogue: Catalogue, org: int) -> tuple[dict[str, int], list[int]]:
    """(how many of each verdict, seqs that differ) over a whole ledger. Streams."""
    counts = dict.fromkeys(VERDICTS, 0)
    differing: list[int] = []
    policies: dict[int, Policy] = {}
    after = 0
    while rows := reads.read(org, after, _READ):
        for seq, data, _ in rows:
            after = seq
            event = catalogue.decode(data)
            if isinstance(event.facts, PolicyApplied):
                policies[event.facts.version] = event.facts.document
            elif isinstance(event.facts, ActionDecided):
                verdict = audit_one(event, policies)
                counts[verdict] += 1
                if verdict == "differs":
                    differing.append(seq)
    return counts, differing

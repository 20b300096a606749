"""`ledger audit`: every ruling judged again from the evidence it recorded (spec 04, law *Evidence*).

An edit is a ruling, too: the gate judged the edited parameters, and the level and risk it came to are never below those
from before (spec 3.2 *Grant*). What was before is the ruling, or the edit, that the edit follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from watchfloor.actions.edit_messages import ActionEdited
from watchfloor.actions.editing import Before, audit_edit
from watchfloor.actions.gate import RULES_VERSION, audit
from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionGranted,
    GrantRevoked,
)
from watchfloor.kernel.codec import Catalogue
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.contract import LedgerReads
from watchfloor.policy.messages import PolicyApplied

_READ = 2_000
VERDICTS = ("same", "differs", "superseded")
RULINGS = (ActionDecided, ActionEdited)


class Auditor:
    """Judges rulings again, in the order they were made; `policies` by version, added to as they are applied."""

    def __init__(self, policies: Mapping[int, Policy] | None = None) -> None:
        self.policies: dict[int, Policy] = dict(policies or {})
        self._open: dict[
            int, Before
        ] = {}  # what waits for people, or may come to wait for them, and be edited

    def see(self, event: Event) -> str:
        """`same`, `differs` or `superseded` for a ruling; empty for every other event."""
        facts = event.facts
        if isinstance(facts, PolicyApplied):
            self.policies[facts.version] = facts.document
        elif isinstance(facts, ActionDecided):
            if facts.verdict != "denied":
                self._open[event.subject] = Before.of(facts)
            return audit(self.policies[event.policy], facts, event.at) if _ours(event) else "superseded"
        elif isinstance(facts, ActionEdited):
            before = self._open.get(event.subject)
            if before is None:
                return "differs"  # it could not have waited for people
            self._open[event.subject] = before.after(facts)
            if not _ours(event):
                return "superseded"
            return audit_edit(self.policies[event.policy], before, facts, event.at)
        elif isinstance(facts, ActionGranted | GrantRevoked):
            before = self._open.get(event.subject)
            if before is not None and facts.level:
                self._open[event.subject] = msgspec.structs.replace(before, level=facts.level)
        elif isinstance(facts, ActionClosed | ActionCompleted):
            self._open.pop(event.subject, None)
        return ""


def _ours(event: Event) -> bool:
    """Was it judged by the rules that this program has?"""
    return event.rules == RULES_VERSION


def audit_one(events: Iterable[Event], seq: int, policies: Mapping[int, Policy]) -> str:
    """The verdict on the ruling at `seq`; `events` are those of its action, in order, `policies` by version."""
    auditor = Auditor(policies)
    return next((verdict for event in events if (verdict := auditor.see(event)) and event.seq == seq), "")


def audit_all(reads: LedgerReads, catalogue: Catalogue, org: int) -> tuple[dict[str, int], list[int]]:
    """(how many of each verdict, seqs that differ) over a whole ledger. Streams."""
    counts = dict.fromkeys(VERDICTS, 0)
    differing: list[int] = []
    auditor = Auditor()
    after = 0
    while rows := reads.read(org, after, _READ):
        for seq, data, _ in rows:
            after = seq
            verdict = auditor.see(catalogue.decode(data))
            if verdict:
                counts[verdict] += 1
            if verdict == "differs":
                differing.append(seq)
    return counts, differing

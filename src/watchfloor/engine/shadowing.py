"""Shadow policies compared with what was decided, from recorded evidence and off the hot path (spec 03 §3.1).

Theory of operation
-------------------
A comparison is a backtest that goes on: it begins at the event that set the shadow, keeps where it ended, and catches up
with the ledger when somebody looks, for a few seconds at most, on a thread beside the server. Nothing of it is recorded;
after a restart it begins anew. The counts are of everything since the beginning, the differences are the newest.
"""

from __future__ import annotations

import asyncio

import msgspec

from watchfloor.engine.backtesting import Pass, Plan, Progress, Source, differs
from watchfloor.policy.shadows import Shadow

SECONDS_MAX = 5  # for one look; who looks again goes on


class Comparison:
    """One shadow and how far it was compared."""

    def __init__(self, shadow: Shadow, source: Source) -> None:
        plan = Plan(
            candidate=shadow.document,
            after=shadow.since,
            until=shadow.since,
            digest=shadow.digest,
        )
        self.shadow = shadow
        self.one = Pass(source, plan, newest=True)
        self.lock = asyncio.Lock()

    async def caught_up(self, source: Source, head: int) -> str:
        """Go on to the head: complete, time (there is more), or limit (of rulings)."""
        async with self.lock:
            self.one.source = source
            return await asyncio.to_thread(self.one.run, head, Progress(), SECONDS_MAX)


class Comparisons(msgspec.Struct):
    """Those of one server, by organisation and name. A shadow that was set anew, or whose trust differs since, begins anew."""

    kept: dict[tuple[int, str], Comparison] = msgspec.field(default_factory=dict)

    def of(self, org: int, shadow: Shadow, source: Source) -> Comparison:
        found = self.kept.get((org, shadow.name))
        if (
            found is None
            or found.shadow.number != shadow.number
            or found.one.trust.plays is not differs(shadow.document, source.policy_of)
        ):
            found = self.kept[org, shadow.name] = Comparison(shadow, source)
        return found

    def forget(self, org: int, names: set[str]) -> None:
        """Keep those of these names only."""
        for key in [key for key in self.kept if key[0] == org and key[1] not in names]:
            del self.kept[key]

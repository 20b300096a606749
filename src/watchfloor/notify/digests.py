"""What ran without anybody's leave and is told afterwards: level 1, *notify*, in one message per owner (spec 3.1 *levels*).

Theory of operation
-------------------
A notice per action would be noise for people and a row per action on the fast path, so the actions are counted from the
views every few minutes: by owner, agent and type, from where the last count ended (`notify.db`) to what the views show.
One message per owner says how often what ran. What cannot be delivered is tried again at the next look, as often as other
notices are. After a loss of `notify.db` counting begins anew at the present.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from watchfloor.kernel.ids import public_id
from watchfloor.notify.notices import Notice

EVERY_S = 300.0
SPAN_MAX = 100_000  # seqs that one count looks at, so that a busy hour is no long query
NAMED_MAX = 12  # kinds of actions that a message names; the rest is a number
_RAN = (
    "SELECT agent, type, count(*) AS n FROM actions WHERE org = :org AND action > :after AND action <= :upto"
    " AND level = 1 AND verdict = 'permitted' GROUP BY agent, type ORDER BY n DESC, agent, type"
)
_log = logging.getLogger(__name__)


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way; `seq` is how far it counts."""

    notice: Notice
    seq: int


class Digests:
    """Of all organisations. `begun` and `ended` keep how far was counted; `tell` raises when somebody was not reached."""

    def __init__(
        self,
        *,
        orgs: Callable[[], Iterable[int]],
        rows: Callable[[str, dict[str, Any]], list[dict[str, Any]]],
        visible: Callable[[int], int],
        state: Callable[[int, str, int], Any],
        begun: Callable[[int, int], Awaitable[int]],
        ended: Callable[[int, int], Awaitable[None]],
        tell: Callable[[int, Notice, int], Awaitable[None]],
        every_s: float = EVERY_S,
    ) -> None:
        self._orgs = orgs
        self._rows = rows
        self._visible = visible
        self._state = state
        self._begun = begun
        self._ended = ended
        self._tell = tell
        self._every_s = every_s
        self._left: dict[int, list[Digest]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            for org in list(self._orgs()):
                try:
                    await self.look(org)
                except Exception:  # noqa: BLE001 - whatever it is, the next look is in a few minutes
                    _log.exception("counting what ran at level 1 failed in organisation %d", org)
            await asyncio.sleep(self._every_s)

    async def look(self, org: int) -> None:
        """Count what ran since the last look, and tell it."""
        head = self._visible(org)
        after = await self._begun(org, head)
        digests = self._left.pop(org, [])
        while after < head:
            upto = min(head, after + SPAN_MAX)
            found = await asyncio.to_thread(self._rows, _RAN, {"org": org, "after": after, "upto": upto})
            digests += [Digest(notice=notice, seq=upto) for notice in self._notices(org, found, upto)]
            after = upto
            await self._ended(org, after)
        for digest in digests:
            try:
                await self._tell(org, digest.notice, digest.seq)
            except Exception:  # noqa: BLE001 - said where it failed; the next look tries it again
                self._left.setdefault(org, []).append(digest)

    def _notices(self, org: int, found: list[dict[str, Any]], upto: int) -> list[Notice]:
        by_owner: dict[str, list[tuple[Any, int, str, int]]] = defaultdict(list)
        for row in found:
            agent = self._state(org, "agent", row["agent"])
            if agent is not None:
                by_owner[agent.owner].append((agent, row["agent"], row["type"], row["n"]))
        return [_notice(owner, ran, upto) for owner, ran in by_owner.items()]


def _notice(owner: str, ran: list[tuple[Any, int, str, int]], upto: int) -> Notice:
    total = sum(number for _, _, _, number in ran)
    named = [f"{agent.name}: {action_type} {number}" for agent, _, action_type, number in ran[:NAMED_MAX]]
    if len(ran) > NAMED_MAX:
        named.append(f"and {sum(number for _, _, _, number in ran[NAMED_MAX:])} of other kinds")
    agents = {subject: agent for agent, subject, _, _ in ran}
    (subject, agent), one = next(iter(agents.items())), len(agents) == 1
    return Notice(
        about=f"digest:{upto}",
        kind="notified",
        severity="info",
        title=f"{total} {'action' if total == 1 else 'actions'} ran at level 1, which you are told of",
        text="; ".join(named) + ".",
        path=f"/agents/{public_id('agent', subject, agent.nonce)}" if one else "/agents",
        tell=(f"owner:{owner}",),
    )

"""How people are told, put together: the notifier with its ways out and the links it sends (spec 3.2 *Notifications*)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchfloor.councils.rules import why_not
from watchfloor.engine.engine import Engine
from watchfloor.engine.views import ViewStore
from watchfloor.engine.vote_links import KEY_FILE, VoteLinks
from watchfloor.engine.voting import links_level_max, voter
from watchfloor.http.bodies.ledger import Component
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import SYSTEM
from watchfloor.notify.backups import Backups
from watchfloor.notify.channels import Channels
from watchfloor.notify.digests import Digests
from watchfloor.notify.notifier import Notifier
from watchfloor.registers.directory import Person
from watchfloor.runners.outbound import Outbound, Sent
from watchfloor.runners.reach import Reach, read_address
from watchfloor.telemetry.metrics import Sample

ANSWER_BYTES_MAX = 65_536  # of what a receiver answers


class Alerting:
    """The notifier of one data directory. Like the calls of workers it has a way out of its own."""

    def __init__(
        self,
        engine: Engine,
        views: ViewStore,
        directory: Path,
        allow: tuple[str, ...],
        base_url: Callable[[], str],
    ) -> None:
        self._engine = engine
        self.links = VoteLinks(directory / KEY_FILE)
        self.observe: Callable[[str, str, int], None] = lambda means, outcome, ms: None  # noqa: ARG005
        reach = Reach.of(allow)
        outbound = Outbound(reach)

        async def post(url: str, headers: dict[str, str], body: bytes, total_ms: int) -> tuple[int, str]:
            got = await outbound.send(
                Sent(
                    url=url,
                    method="POST",
                    headers=headers,
                    body=body,
                    total_ms=total_ms,
                    bytes_max=ANSWER_BYTES_MAX,
                )
            )
            return got.status, got.detail or ("" if got.outcome == "answered" else got.outcome)

        def permits(address: str, host: str) -> bool:
            read = read_address(address)
            return read is not None and reach.permits(read, host)

        self.notifier = Notifier(
            directory / "notify.db",
            channels=Channels(post, permits, engine.clock),
            state=engine.state,
            cell=engine.cell,
            ask=lambda org, command: engine.ask(org, command, SYSTEM),
            base_url=base_url,
            clock=engine.clock,
            vote_link=self._vote_link,
            reach_fault=outbound.fault,
            observe=lambda means, outcome, ms: self.observe(means, outcome, ms),
        )

        self.backups = Backups(
            orgs=lambda: engine.core.nodes,
            state=engine.state,
            cell=engine.cell,
            seen=lambda org, person: engine.credentials.people_seen.get((org, person), 0),
            ask=lambda org, command: engine.ask(org, command, SYSTEM),
            clock=engine.clock,
        )

        self.digests = Digests(
            orgs=lambda: engine.core.nodes,
            rows=views.rows,
            visible=views.seq,
            state=engine.state,
            begun=self.notifier.begun,
            ended=self.notifier.ended,
            tell=self.notifier.tell,
        )

    async def start(self) -> None:
        """Tell from now on. Raises DirectoryUnsafe, sqlite3.Error."""
        await self.notifier.start()
        self._engine.follow(self.backups)
        self.backups.start()
        self.digests.start()

    async def close(self) -> None:
        await self.digests.close()
        await self.backups.close()
        await self.notifier.close()

    def component(self) -> Component:
        """The notifier as /health has it."""
        status, detail, since_at = self.notifier.condition.told()
        return Component(name="notifier", status=status, detail=detail, since_at=since_at)

    def samples(self) -> list[Sample]:
        """What it counts by itself, for the metrics."""
        return [("notification_channels_failing", (), self.notifier.condition.failing())]

    def _vote_link(self, org: int, decision: int, person: Person) -> str:
        """The path by which a person votes on a decision without signing in; "" where the policy or the rules say no."""
        engine, now = self._engine, self._engine.clock()
        state = engine.state(org, "decision", decision)
        terms = engine.cell(org, "active_policy", "active").document.notices

        def read(name: str, key: Any) -> Any:
            return engine.cell(org, name, key)

        if state is None or state.status != "pending" or state.level > links_level_max(read, person.roles):
            return ""
        if why_not(state, person.id, voter(read, decision, person.id, now)):
            return ""
        expires_at = now + terms.links_ms * MILLISECOND
        return f"/tap/{self.links.make(org, decision, state.digest, person.subject, expires_at)}"

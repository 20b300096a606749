"""What `benchmarks.product_server` knows of containment: people with tokens, what a runaway did, a ledger that fails."""

from __future__ import annotations

import time
from typing import Any

from watchfloor.actions.messages import ActionStarted
from watchfloor.app import Server
from watchfloor.engine.credentials import Credential, mint
from watchfloor.fleet.messages import AgentQuarantined
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM, Event
from watchfloor.ledger.contract import StorageFull
from watchfloor.people.messages import AddPerson, IssueCredential
from watchfloor.situation.messages import AlertRaised


class Containing:
    """Counts from its first order on."""

    def __init__(self, server: Server, org: int) -> None:
        self._server = server
        self._org = org
        self._started: dict[int, int] = {}
        self._quarantined: dict[int, list[int]] = {}
        self._alerts: dict[int, int] = {}
        self._commit: Any = None
        server.engine.follow(self._follow)

    def _follow(self, org: int, events: list[Event]) -> None:
        del org
        for event in events:
            facts = event.facts
            if isinstance(facts, ActionStarted):
                self._started[facts.agent] = self._started.get(facts.agent, 0) + 1
            elif isinstance(facts, AgentQuarantined):
                self._quarantined.setdefault(event.subject, []).append(time.time_ns())
            elif isinstance(facts, AlertRaised) and facts.what == "quarantined":
                self._alerts[facts.thing] = self._alerts.get(facts.thing, 0) + 1

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """`person` with roles: its token; `tally` of an agent; `ledger` fails or works."""
        if "person" in order:
            return {"token": await self._person(order["person"], order["roles"])}
        if "tally" in order:
            agent = order["tally"]
            return {
                "started": self._started.get(agent, 0),
                "quarantined_ns": self._quarantined.get(agent, []),
                "alerts": self._alerts.get(agent, 0),
            }
        ledger = self._server.backbone.ledger
        if order["ledger"] == "fails":
            self._commit = ledger.commit
            ledger.commit = _full  # type: ignore[method-assign]
        else:
            ledger.commit = self._commit  # type: ignore[method-assign]
        return {}

    async def _person(self, handle: str, roles: list[str]) -> str:
        engine, now = self._server.engine, self._server.engine.clock()
        subject = (await engine.ask(self._org, AddPerson(handle=handle, roles=tuple(roles)), SYSTEM)).seq
        name, text, verifier = mint("token")
        row = Credential(
            id=name,
            org=self._org,
            kind="token",
            subject=subject,
            verifier=verifier,
            scopes=(),
            created_at=now,
            expires_at=now + DAY,
            revoked_at=0,
            label="bench",
        ).row()
        command = IssueCredential(
            subject=subject, credential=name, purpose="token", scopes=(), expires_at=now + DAY
        )
        await engine.ask(self._org, command, SYSTEM, credentials=[row])
        return text


async def _full(batch: Any) -> None:
    del batch
    raise StorageFull("no space left")

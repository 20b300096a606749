"""Watching for decisions whose people are away or have too much, and letting their backups take over (spec 3.2 *Routing*).

Theory of operation
-------------------
The policy names who stands in for whom and from when on; this looks, at every decision that is opened, escalated or taken
over and every few seconds besides, at who was seen last by this server and who has how many decisions waiting, and asks
for `TakeOver` with what it measured. Whether that is enough is the rule's to say (councils/standing_in). Before anybody
was seen the server's own start counts, so that a restart makes nobody absent. Without backups in the policy nothing is
looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from watchfloor.councils.decision import Decision
from watchfloor.councils.messages import DecisionEscalated, DecisionOpened, DecisionTakenOver, TakeOver
from watchfloor.councils.standing_in import OFFLINE, OVERLOADED, SPECIALIST, knows
from watchfloor.kernel.council_terms import BackupTerms
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.kernel.terms import Policy, holds
from watchfloor.notify.audience import audience
from watchfloor.registers.directory import Person

CHECK_S = 5.0  # between two looks when nothing happens; being away is measured in minutes
_ROUSING = (DecisionOpened, DecisionEscalated, DecisionTakenOver)
_log = logging.getLogger(__name__)


class Backups:
    """Looks at all organisations. `seen(org, person)`: when the person was last seen, µs, 0 never."""

    def __init__(
        self,
        *,
        orgs: Callable[[], Iterable[int]],
        state: Callable[[int, str, int], Any],
        cell: Callable[[int, str, Any], Any],
        seen: Callable[[int, int], int],
        ask: Callable[[int, Command], Awaitable[Any]],
        clock: Callable[[], int],
        check_s: float = CHECK_S,
    ) -> None:
        self._orgs = orgs
        self._state = state
        self._cell = cell
        self._seen = seen
        self._ask = ask
        self._clock = clock
        self._check_s = check_s
        self.since_at = clock()  # before it nobody was away
        self._roused = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __call__(self, org: int, events: list[Event]) -> None:  # noqa: ARG002 -- a follower's shape
        """Something happened that may need a backup."""
        if any(isinstance(event.facts, _ROUSING) for event in events):
            self._roused.set()

    def start(self) -> None:
        self.since_at = self._clock()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._roused.wait(), self._check_s)
            self._roused.clear()
            for org in list(self._orgs()):
                try:
                    await self.look(org)
                except Exception:  # noqa: BLE001 - whatever it is, the next look is in a few seconds
                    _log.exception("looking for backups failed in organisation %d", org)

    async def look(self, org: int) -> None:
        """Let backups take over what is theirs now."""
        active = self._cell(org, "active_policy", "active")
        if active is None or not active.document.routing.backups:
            return
        now = _Now(self, org, active.document, self._clock())
        for number in sorted(now.pending, reverse=True):  # the newest go first when somebody has too many
            for command in now.wishes(number):
                with contextlib.suppress(Refused):
                    await self._ask(org, command)


class _Now:
    """One look at one organisation."""

    def __init__(self, of: Backups, org: int, policy: Policy, at: int) -> None:
        self._of, self._org, self._policy, self._at = of, org, policy, at
        found = {
            number: self._state("decision", number) for number in self._cell("pending_decisions", "all") or ()
        }
        self.pending: dict[int, Decision] = {
            number: one for number, one in found.items() if one is not None and one.status == "pending"
        }
        self._meant: dict[str, tuple[Person, ...]] = {}
        self._waiting = Counter(person for one in self.pending.values() for person in self._told(one))

    def _state(self, kind: str, subject: int) -> Any:
        return self._of._state(self._org, kind, subject) if subject else None

    def _cell(self, name: str, key: Any) -> Any:
        return self._of._cell(self._org, name, key)

    def _people(self, target: str) -> tuple[Person, ...]:
        if target not in self._meant:
            self._meant[target] = audience((target,), self._cell, self._state, self._at)
        return self._meant[target]

    def _told(self, decision: Decision) -> set[str]:
        """Ids of those for whom it is waiting: told, without a say yet, and nobody took over from them."""
        told = {person.id for target in decision.tell for person in self._people(target)}
        passed = {
            person.id for of in decision.taken if of.startswith("person:") for person in self._people(of)
        }
        return told - passed - {vote.person for vote in decision.votes}

    def _idle_ms(self, person: Person) -> int:
        last = max(self._of._seen(self._org, person.subject), self._of.since_at)
        return max(0, self._at - last) // MILLISECOND

    def wishes(self, number: int) -> list[Command]:
        """Who takes over this decision now. What follows from one is looked at again when it is recorded."""
        decision = self.pending[number]
        action = self._state("action", decision.action)
        action_type = action.action_type if action is not None else ""
        cls = self._policy.types.get(action_type, "unknown")
        wishes: list[Command] = []
        gone: set[str] = set(decision.taken)
        for backup in self._policy.routing.backups:
            if backup.of in gone or not self._concerns(backup, decision):
                continue
            reason, measured = self._reason(backup, action_type, cls)
            if not reason:
                continue
            gone.add(backup.of)
            self._waiting.subtract(person.id for person in self._people(backup.of))
            by = self._by(backup, decision)
            command = TakeOver(
                subject=number, rung=decision.rung, of=backup.of, by=by, reason=reason, measured=measured
            )
            wishes.append(command)
        return wishes

    def _concerns(self, backup: BackupTerms, decision: Decision) -> bool:
        """Is it told to whom the backup stands in for, by that very target or as one of those it means?"""
        if backup.of in decision.tell:
            return True
        told = self._told(decision)
        return backup.of.startswith("person:") and any(one.id in told for one in self._people(backup.of))

    def _reason(self, backup: BackupTerms, action_type: str, cls: str) -> tuple[str, int]:
        """(why it takes over now, what was measured), or nothing."""
        if knows(backup, action_type, cls):
            return SPECIALIST, 0
        people = self._people(backup.of)
        idle = [self._idle_ms(person) for person in people]
        here = [
            person
            for person, idle_ms in zip(people, idle, strict=True)
            if not backup.offline_ms or idle_ms < backup.offline_ms
        ]
        if backup.offline_ms and not here:  # nobody at all, when all are disabled, is away as well
            return OFFLINE, min(idle, default=backup.offline_ms)
        if backup.waiting_max and here:
            least = min(self._waiting[person.id] for person in here)
            if least > backup.waiting_max:
                return OVERLOADED, least
        return "", 0

    def _by(self, backup: BackupTerms, decision: Decision) -> tuple[str, ...]:
        """The first of them with somebody there who may decide; all, when nobody is."""
        for target in backup.by:
            for person in self._people(target):
                away = backup.offline_ms and self._idle_ms(person) >= backup.offline_ms
                full = backup.waiting_max and self._waiting[person.id] > backup.waiting_max
                if not away and not full and _may(person, decision):
                    return (target,)
        return backup.by


def _may(person: Person, decision: Decision) -> bool:
    """Could this person decide, as far as it can be seen from here?"""
    if person.id == decision.owner or person.id in decision.parties:
        return False
    if decision.members:
        return any(member.person == person.id for member in decision.members)
    return holds(person.roles, decision.role)

"""The executor of TellPeople: persons, their channels, fallback, once each (spec 3.2, 06 *Notifications*; fault F10).

Theory of operation
-------------------
An event that people must hear of has one effect row (engine/effects.py), leased and repeated until everybody it is for was
reached. Whom it is for is worked out at each attempt, so that somebody who lost their roles meanwhile is told nothing. Each
person's delivery is a row of `notify.db`: what is delivered is not delivered again, whatever is repeated. The shared channels
of the organisation are recipients beside them (alerts.py).

A person's channels are tried in their order until one takes it; one that hangs, refuses or answers with an error costs its
time and the next one is tried at once. At critical risk all channels are used together. People are told side by side, so
that nobody waits for somebody else's channels. When ATTEMPTS_MAX attempts reached a person by no channel, that is recorded
in the ledger, and the escalation goes on by its own time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.kernel.notice_terms import SEVERITIES
from watchfloor.notify import store as rows
from watchfloor.notify.alerts import chains, routed
from watchfloor.notify.audience import audience
from watchfloor.notify.channels import Channels, Undelivered, new_secret, url_fault
from watchfloor.notify.condition import Condition
from watchfloor.notify.notices import Notice, notice_of
from watchfloor.notify.store import Channel, Delivery, Store
from watchfloor.people.messages import RecordSharedUndelivered, RecordUndelivered, TellOwner, TellPeople
from watchfloor.registers.directory import Person

ATTEMPTS_MAX = 5  # with the doubling rests between them about half a minute, and every channel at each
LEASE_MS = 120_000  # eight channels in turn, each up to its time limit, with room
CHANNELS_MAX = 8  # of one person
PRUNE_EVERY = 1_000  # notices between two looks at what may be forgotten

_T = TypeVar("_T")
VoteLinkOf = Callable[
    [int, int, Person], str
]  # path of the page on which the person votes by the link alone, or ""
Observe = Callable[[str, str, int], None]  # (kind of channel, outcome, ms)


async def _reachable(url: str) -> str:  # noqa: ARG001 -- a predicate of this shape
    return ""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A person, or a chain of shared channels (`names`). `id` as deliveries name it, `owner` whose channels are used."""

    id: str
    owner: str
    names: tuple[str, ...] = ()
    person: Person | None = None

    def among(self, channels: list[Channel]) -> list[Channel]:
        """Which of the owner's channels are meant, in the order in which they are tried."""
        if self.person is not None:
            return channels
        known = {channel.name: channel for channel in channels}
        return [known[name] for name in self.names if name in known]


class NotReached(Exception):
    """Somebody could not be reached yet; the effect comes back."""


def quiet(channel: Channel, at: int) -> bool:
    """Is this the channel's quiet time? Over midnight when it begins later than it ends."""
    if channel.quiet_from == channel.quiet_until:
        return False
    local = datetime.fromtimestamp(at // SECOND, UTC).astimezone(ZoneInfo(channel.time_zone))
    minute = local.hour * 60 + local.minute
    if channel.quiet_from < channel.quiet_until:
        return channel.quiet_from <= minute < channel.quiet_until
    return minute >= channel.quiet_from or minute < channel.quiet_until


def fitting(channels: list[Channel], severity: str, at: int) -> list[Channel]:
    """The channels that take this severity now. Immediate knows no quiet time."""
    rank = SEVERITIES.index(severity)
    told = [one for one in channels if rank >= SEVERITIES.index(one.severity_min)]
    return told if severity == "immediate" else [one for one in told if not quiet(one, at)]


class Notifier:
    """Tells people, and keeps their channels. Safe to share on one event loop."""

    channels_max = CHANNELS_MAX
    shared = rows.SHARED
    new_secret = staticmethod(new_secret)

    def __init__(
        self,
        path: Path,
        *,
        channels: Channels,
        state: Callable[[int, str, int], Any],
        cell: Callable[[int, str, Any], Any],
        ask: Callable[[int, Command], Awaitable[Any]],
        base_url: Callable[[], str],
        clock: Callable[[], int],
        vote_link: VoteLinkOf = lambda org, decision, person: "",  # noqa: ARG005
        reach_fault: Callable[[str], Awaitable[str]] = _reachable,
        observe: Observe = lambda kind, outcome, ms: None,  # noqa: ARG005
    ) -> None:
        self._store = Store(path)
        self._channels = channels
        self._state = state
        self._cell = cell
        self._ask = ask
        self._base_url = base_url
        self._vote_link = vote_link
        self._clock = clock
        self._reach_fault = reach_fault
        self._observe = observe
        self._thread = ThreadPoolExecutor(1, "notify-db")
        self._started = False
        self._told = 0
        self.condition = Condition(clock)

    # Life and looking -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the file. Raises DirectoryUnsafe, sqlite3.Error."""
        await self._off(self._store.open)
        self._started = True

    async def close(self) -> None:
        self._channels.close()
        if self._started:
            await self._off(self._store.close)
        self._thread.shutdown()

    async def _off(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def channels(self, org: int, person: str) -> list[Channel]:
        """A person's channels, as they are tried."""
        return await self._off(self._store.channels, org, person)

    async def set_channel(self, org: int, person: str, **fields: Any) -> None:
        """Keep a channel; one of the same name goes. `fields` as in Channel."""
        await self._off(self._store.set_channel, org, person, Channel(**fields))

    async def fault(self, means: str, url: str) -> str:
        """Why there cannot be such a channel, "" when there can."""
        fault = await asyncio.to_thread(url_fault, means, url)
        return fault or (await self._reach_fault(url) if means == "webhook" else "")

    async def remove_channel(self, org: int, person: str, name: str) -> bool:
        return await self._off(self._store.remove_channel, org, person, name)

    async def begun(self, org: int, head: int) -> int:
        """How far level 1 was counted (digests.py); the head where it never was."""
        return await self._off(self._store.begun, org, head)

    async def ended(self, org: int, seq: int) -> None:
        """It was counted so far."""
        await self._off(self._store.ended, org, seq)

    async def deliveries(self, org: int, person: str, limit: int) -> list[Delivery]:
        """What became of the newest notices, for one person or (empty) for everybody."""
        return await self._off(self._store.deliveries, org, person, limit)

    async def test(self, org: int, person: str, name: str) -> str:
        """Send a test message by one channel now; why it did not work, "" when it did."""
        for channel in await self.channels(org, person):
            if channel.name == name:
                notice = Notice(
                    about="test",
                    kind="test",
                    severity="info",
                    title="Test message of Watchfloor",
                    text="This channel works.",
                    path="/inbox",
                    tell=(),
                )
                _, error = await self._sent(
                    org, person, channel, notice, f"test:{org}:{person}:{self._clock()}"
                )
                return error
        return "there is no such channel"

    # Telling ----------------------------------------------------------------------------------------------------------

    async def __call__(self, org: int, event: Event, effect: TellPeople | TellOwner) -> None:  # noqa: ARG002 -- an executor's shape
        """Tell everybody who is not told yet. Raises NotReached."""

        def state(kind: str, subject: int) -> Any:
            return self._state(org, kind, subject) if subject else None

        notice = notice_of(event, state)
        if notice is not None:
            await self.tell(org, notice, event.seq)

    async def tell(self, org: int, notice: Notice, seq: int) -> None:
        """Tell everybody it is for who is not told yet; `seq` of the event it is about. Raises NotReached."""

        def state(kind: str, subject: int) -> Any:
            return self._state(org, kind, subject) if subject else None

        terms = self._cell(org, "active_policy", "active").document.notices
        notice = routed(notice, terms)
        people = audience(notice.tell, lambda name, key: self._cell(org, name, key), state, self._clock())
        shared = [channel.name for channel in await self.channels(org, rows.SHARED)]
        everybody = [
            *(Recipient(id=person.id, owner=person.id, person=person) for person in people),
            *(
                Recipient(id=f"{rows.SHARED}:{chain[0]}", owner=rows.SHARED, names=chain)
                for chain in chains(notice, terms, shared)
            ),
        ]
        told = await asyncio.gather(*(self._tell(org, seq, notice, one) for one in everybody))
        self._told += 1
        if self._told % PRUNE_EVERY == 0:
            await self._off(self._store.prune)
        left = told.count(False)
        if left:
            raise NotReached(f"{left} of {len(everybody)} could not be reached yet")

    async def _tell(self, org: int, seq: int, notice: Notice, who: Recipient) -> bool:
        """Has this delivery come to an end?"""
        now = self._clock()
        about = notice.about
        begun = await self._off(
            self._store.begin, org, about, who.id, seq, notice.severity, notice.title, now
        )
        if begun.state != rows.OPEN:
            return True
        every = who.among(await self.channels(org, who.owner))
        channels = fitting(every, notice.severity, now)
        if not channels:
            state = rows.QUIET if every else rows.NO_CHANNEL
            await self._off(self._store.attempted, org, about, who.id, state, "", "", now)
            return True
        key = sha256(f"{self._public(org)}\n{about}\n{who.id}".encode()).hexdigest()[:32]
        own = self._vote_link(org, notice.decision, who.person) if notice.decision and who.person else ""
        took, error = await self._tried(org, who, channels, notice, key, own)
        state = rows.DELIVERED if took else rows.OPEN
        attempts = await self._off(
            self._store.attempted, org, about, who.id, state, took, error, self._clock()
        )
        if took:
            return True
        if attempts < ATTEMPTS_MAX:
            return False
        await self._give_up(org, seq, notice, who, channels)
        return True

    def _public(self, org: int) -> str:
        """The organisation's public id, which makes keys differ between servers."""
        subject = int(self._cell(org, "names", "organisation") or 1)
        found = self._state(org, "organisation", subject)
        return public_id("organisation", subject, found.nonce) if found is not None else str(org)

    async def _tried(
        self, org: int, who: Recipient, channels: list[Channel], notice: Notice, key: str, own: str
    ) -> tuple[str, str]:
        """(channels that took it, why the others did not). `own`: the path of the person's own link."""
        if notice.all_hands:
            ended = await asyncio.gather(
                *(self._sent(org, who.owner, one, notice, key, own) for one in channels)
            )
            took = ", ".join(name for name, error in ended if not error)
            return took, "; ".join(f"{name}: {error}" for name, error in ended if error)
        errors: list[str] = []
        for channel in channels:
            name, error = await self._sent(org, who.owner, channel, notice, key, own)
            if not error:
                return name, "; ".join(errors)
            errors.append(f"{name}: {error}")
        return "", "; ".join(errors)

    async def _sent(
        self, org: int, owner: str, channel: Channel, notice: Notice, key: str, own: str = ""
    ) -> tuple[str, str]:
        """(name, why it did not work)."""
        path = own if own and channel.one_tap else notice.path
        began = asyncio.get_running_loop().time()
        error = ""
        try:
            await self._channels.send(channel, notice, f"{self._base_url().rstrip('/')}{path}", key)
        except Undelivered as undelivered:
            error = str(undelivered)
        spent_ms = int((asyncio.get_running_loop().time() - began) * 1_000)
        self._observe(channel.kind, "failed" if error else "delivered", spent_ms)
        self.condition.tried((org, owner, channel.name), worked=not error)
        return channel.name, error

    async def _give_up(
        self, org: int, seq: int, notice: Notice, who: Recipient, channels: list[Channel]
    ) -> None:
        """Say in the ledger that somebody was not reached. Recorded first: what is repeated is refused or no news."""
        command: Command
        if who.person is not None:
            command = RecordUndelivered(
                subject=who.person.subject, about=notice.about, event=seq, channels=len(channels)
            )
        else:
            command = RecordSharedUndelivered(
                subject=int(self._cell(org, "names", "organisation") or 1),
                about=notice.about,
                event=seq,
                names=tuple(channel.name for channel in channels),
            )
        try:
            await self._ask(org, command)
        except Refused as refused:
            if refused.retryable:
                raise
        self.condition.given_up()
        await self._off(self._store.fail, org, notice.about, who.id, self._clock())

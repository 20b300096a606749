"""Telling people by real receivers: fallback, once each, quiet times, who is told, what is given up (spec 06; fault F10)."""

from __future__ import annotations

import asyncio
import base64
import hmac
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.integration.notify.receivers import mail_server, receiving

from watchfloor.actions.messages import StopRecorded
from watchfloor.app import free_port
from watchfloor.kernel.instants import HOUR, SECOND
from watchfloor.kernel.messages import SYSTEM, Event
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.directory import DirectoryUnsafe
from watchfloor.notify.channels import Channels, new_secret, url_fault
from watchfloor.notify.notifier import ATTEMPTS_MAX, Notifier, NotReached, Recipient, fitting, quiet
from watchfloor.notify.store import Channel, Store
from watchfloor.people.messages import RecordUndelivered, TellPeople
from watchfloor.registers.directory import Person
from watchfloor.runners.outbound import Outbound, Sent
from watchfloor.runners.reach import Reach, read_address

ADA = Person("per_a", 11, "ada", ("supervisor",))
BEN = Person("per_b", 12, "ben", ("director",))
OPERATOR = Person("per_o", 13, "op", ("operator",))
GONE = Person("per_g", 14, "gone", ("supervisor",), enabled=False)
NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00Z
EFFECT = TellPeople(destination="people")


def stop(seq: int = 5) -> Event:
    facts = StopRecorded(effective_at=NOON, journal="j", nonce=1, reason="x", scope="organisation", target="")
    return Event(
        org="org_1", seq=seq, at=NOON, type=facts.TYPE, kind="stop", subject=seq, actor=SYSTEM, facts=facts
    )


class House:
    """A notifier over a few people, with what it asked to be recorded."""

    def __init__(self, folder: Path, allow: tuple[str, ...], timeout_s: float) -> None:
        self.people: tuple[Person, ...] = (ADA, BEN, OPERATOR, GONE)
        self.asked: list[Any] = []
        self.cells: dict[str, Any] = {"active_policy": SimpleNamespace(document=Policy())}
        self.now = NOON
        reach = Reach.of(allow)
        outbound = Outbound(reach)

        async def post(url: str, headers: dict[str, str], body: bytes, total_ms: int) -> tuple[int, str]:
            got = await outbound.send(
                Sent(url=url, method="POST", headers=headers, body=body, total_ms=total_ms)
            )
            return got.status, got.detail

        def permits(address: str, host: str) -> bool:
            read = read_address(address)
            return read is not None and reach.permits(read, host)

        async def ask(org: int, command: Any) -> None:
            self.asked.append(command)

        self.notifier = Notifier(
            folder / "notify.db",
            channels=Channels(post, permits, lambda: self.now, timeout_s),
            state=lambda org, kind, subject: None,
            cell=lambda org, name, key: self.cells.get(name) if name != "people" else self.people,
            ask=ask,
            base_url=lambda: "https://floor.example/",
            clock=lambda: self.now,
        )

    async def channel(self, person: Person, name: str, kind: str, url: str, **more: Any) -> None:
        await self.notifier.set_channel(1, person.id, name=name, kind=kind, url=url, **more)

    async def state(self, person: Person) -> tuple[str, str]:
        (found,) = await self.notifier.deliveries(1, person.id, 10)
        return found.state, found.channel


@pytest.fixture(scope="module", autouse=True)
def _plugins_are_read() -> None:
    """Reading all plugins takes a second, once; no attempt shall pay for it here."""
    assert url_fault("apprise", "ntfy://ntfy.sh/topic") == ""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    found = House(tmp_path, ("127.0.0.1/32",), 5.0)
    await found.notifier.start()
    yield found
    await found.notifier.close()


async def test_who_refuses_answers_500_or_hangs_is_passed_over_for_the_next_channel(house: House) -> None:
    with receiving("fails") as failing, receiving("hangs") as hanging, receiving() as last:
        await house.channel(ADA, "one", "webhook", f"http://127.0.0.1:{free_port()}/", position=1)
        await house.channel(ADA, "two", "webhook", f"http://127.0.0.1:{failing.port}/", position=2)
        await house.channel(ADA, "three", "webhook", f"http://127.0.0.1:{hanging.port}/", position=3)
        await house.channel(ADA, "four", "apprise", f"ntfy://127.0.0.1:{last.port}/topic", position=4)
        await house.notifier(1, stop(), EFFECT)
        assert len(last.got) == 1
        assert b"Stopped: organisation" in last.got[0].body + str(last.got[0].headers).encode()
        assert b"https://floor.example/stops" in last.got[0].body
    (found,) = await house.notifier.deliveries(1, ADA.id, 10)
    assert (found.state, found.channel, found.attempts) == ("delivered", "four", 1)
    assert (
        "one:" in found.error and "two: it answered 500" in found.error and "three: no answer" in found.error
    )


async def test_a_webhook_is_signed_as_standard_webhooks_and_says_the_same_id_at_every_attempt(
    house: House,
) -> None:
    secret = new_secret()
    with receiving("fails") as receiver:
        url = f"http://127.0.0.1:{receiver.port}/in"
        await house.channel(ADA, "hook", "webhook", url, secret=secret)
        with pytest.raises(NotReached):
            await house.notifier(1, stop(), EFFECT)
        receiver.mode = "takes"
        await house.notifier(1, stop(), EFFECT)
        first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    # As the receiver's side of Standard Webhooks checks it, by hand.
    told = f"{second.headers['webhook-id']}.{second.headers['webhook-timestamp']}.".encode() + second.body
    mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), told, "sha256")
    assert second.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    assert second.headers["content-type"] == "application/cloudevents+json"
    event = msgspec.json.decode(second.body)
    assert (event["specversion"], event["type"], event["id"]) == (
        "1.0",
        "watchfloor.notice.stopped",
        second.headers["webhook-id"],
    )
    assert (event["source"], event["time"]) == ("https://floor.example/", "2026-11-21T12:00:00Z")
    assert event["data"]["url"] == "https://floor.example/stops"


async def test_mail_reaches_a_mail_server(house: House) -> None:
    with mail_server() as (port, messages):
        url = f"mailto://127.0.0.1:{port}?from=floor@example.com&to=ada@example.com&mode=insecure"
        await house.channel(ADA, "mail", "apprise", url)
        await house.notifier(1, stop(), EFFECT)
    assert await house.state(ADA) == ("delivered", "mail")
    assert "Stopped: organisation" in messages[0]


async def test_the_same_notice_is_told_once_whatever_is_repeated(house: House) -> None:
    with receiving() as receiver:
        await house.channel(ADA, "hook", "webhook", f"http://127.0.0.1:{receiver.port}/")
        await house.notifier(1, stop(), EFFECT)
        await house.notifier(1, stop(), EFFECT)
        assert len(receiver.got) == 1


async def test_only_enabled_people_who_hold_the_role_are_told(house: House) -> None:
    with receiving() as receiver:
        for person in (ADA, BEN, OPERATOR, GONE):
            await house.channel(
                person, "hook", "webhook", f"http://127.0.0.1:{receiver.port}/{person.handle}"
            )
        house.people = (ADA, BEN, GONE)  # nobody is on call: operators would stand in, and there is none
        await house.notifier(1, stop(), EFFECT)
        assert sorted(got.path for got in receiver.got) == ["/ada", "/ben"]
        house.people = (ADA, BEN, OPERATOR, GONE)
        await house.notifier(1, stop(6), EFFECT)
        assert "/op" in {got.path for got in receiver.got}


async def test_who_is_reached_by_no_channel_is_named_in_the_ledger(house: House) -> None:
    await house.channel(ADA, "hook", "webhook", f"http://127.0.0.1:{free_port()}/")
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(NotReached):
            await house.notifier(1, stop(), EFFECT)
    assert house.asked == []
    await house.notifier(1, stop(), EFFECT)
    assert house.asked == [RecordUndelivered(subject=11, about="event:5", event=5, channels=1)]
    assert (await house.state(ADA))[0] == "failed"
    assert await house.state(BEN) == ("no_channel", "")


async def test_a_plugin_does_not_reach_into_the_house(tmp_path: Path) -> None:
    walled = House(tmp_path, (), 3.0)
    await walled.notifier.start()
    try:
        with receiving() as receiver:
            for name, kind, url in (
                ("push", "apprise", f"ntfy://127.0.0.1:{receiver.port}/topic"),
                ("named", "apprise", f"ntfy://localhost:{receiver.port}/topic"),
                ("hook", "webhook", f"http://127.0.0.1:{receiver.port}/"),
            ):
                await walled.channel(ADA, name, kind, url)
                error = await walled.notifier.test(1, ADA.id, name)
                assert "may not connect" in error, (name, error)
            assert receiver.got == []
        assert await walled.notifier.test(1, ADA.id, "other") == "there is no such channel"
    finally:
        await walled.notifier.close()


async def test_people_are_told_side_by_side(house: House) -> None:
    with receiving("hangs") as hanging, receiving() as quick:
        await house.channel(ADA, "slow", "webhook", f"http://127.0.0.1:{hanging.port}/")
        await house.channel(BEN, "hook", "webhook", f"http://127.0.0.1:{quick.port}/")
        telling = asyncio.create_task(house.notifier(1, stop(), EFFECT))
        for _ in range(3_000):
            if quick.got:
                break
            await asyncio.sleep(0.01)
        assert quick.got and not telling.done(), "nobody waits for somebody else's channel"
        with pytest.raises(NotReached):
            await telling


def channel(**fields: Any) -> Channel:
    return Channel(**({"name": "a", "kind": "console", "url": ""} | fields))


def test_quiet_times_hold_back_everything_but_what_is_immediate() -> None:
    night = channel(quiet_from=22 * 60, quiet_until=7 * 60, time_zone="Europe/Berlin")
    evening = NOON + 10 * HOUR  # 23:00 in Berlin
    assert quiet(night, evening) and not quiet(night, NOON)
    assert fitting([night], "warning", evening) == [] and fitting([night], "immediate", evening) == [night]
    assert fitting([night], "warning", NOON) == [night]
    assert fitting([night], "info", NOON) == [], "below what the channel takes"
    lunch = channel(quiet_from=11 * 60, quiet_until=13 * 60)
    assert quiet(lunch, NOON) and not quiet(lunch, NOON + 2 * HOUR)


async def test_in_the_quiet_time_a_notice_is_kept_as_quiet(house: House) -> None:
    from watchfloor.notify.notices import Notice

    await house.channel(ADA, "log", "console", "", quiet_from=60, quiet_until=23 * 60)
    notice = Notice(about="x", kind="decision", severity="warning", title="t", text="", path="/", tell=())
    assert await house.notifier._tell(1, 5, notice, Recipient(id=ADA.id, owner=ADA.id, person=ADA))
    assert await house.state(ADA) == ("quiet", "")


@pytest.mark.parametrize(
    ("kind", "url", "fits"),
    [
        ("console", "", True),
        ("console", "x://", False),
        ("webhook", "https://a.example/x", True),
        ("webhook", "ftp://a.example", False),
        ("apprise", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", True),
        ("apprise", "pagerduty://0123456789abcdef@0123456789abcdef", True),
        ("apprise", "ntfys://ntfy.sh/topic", True),
        ("apprise", "mailto://", False),
        ("apprise", "syslog://", False),
        ("apprise", "file:///etc/passwd", False),
    ],
)
def test_addresses_that_cannot_be_are_said_when_they_are_set(kind: str, url: str, fits: bool) -> None:
    assert (url_fault(kind, url) == "") is fits


def test_the_file_of_secrets_is_ours_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "notify.db")
    store.open()
    store.close()
    assert stat.S_IMODE((tmp_path / "notify.db").stat().st_mode) == 0o600
    (tmp_path / "notify.db").chmod(0o644)
    with pytest.raises(DirectoryUnsafe):
        Store(tmp_path / "notify.db").open()


async def test_at_critical_risk_all_channels_are_used_and_one_that_takes_it_is_enough(house: House) -> None:
    from watchfloor.notify.notices import Notice

    notice = Notice(
        about="x",
        kind="decision",
        severity="immediate",
        title="t",
        text="",
        path="/",
        tell=(),
        all_hands=True,
    )
    with receiving() as one, receiving() as two:
        await house.channel(ADA, "a", "webhook", f"http://127.0.0.1:{one.port}/")
        await house.channel(ADA, "b", "webhook", f"http://127.0.0.1:{free_port()}/")
        await house.channel(ADA, "c", "webhook", f"http://127.0.0.1:{two.port}/")
        assert await house.notifier._tell(1, 5, notice, Recipient(id=ADA.id, owner=ADA.id, person=ADA))
        assert (len(one.got), len(two.got)) == (1, 1)
    assert await house.state(ADA) == ("delivered", "a, c")


def test_deliveries_beyond_what_is_kept_are_forgotten_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchfloor.notify.store.DELIVERIES_KEPT", 2)
    store = Store(tmp_path / "notify.db")
    store.open()
    for seq in range(1, 6):
        store.begin(1, f"event:{seq}", "per_a", seq, "info", "t", seq)
        if seq > 1:
            store.attempted(1, f"event:{seq}", "per_a", "delivered", "a", "", seq)
    store.prune()
    kept = [found.seq for found in store.deliveries(1, "", 10)]
    store.close()
    assert kept == [5, 4, 3, 1], "what is open is never forgotten"

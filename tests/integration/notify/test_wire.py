"""Every kind of channel at a receiver on this machine, down to the bytes; alerts by policy and shared channels (spec 06; F10)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.integration.notify.receivers import mail_server, receiving
from tests.integration.notify.test_notifier import ADA, BEN, EFFECT, OPERATOR, House, stop

from watchfloor.app import free_port
from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.notice_terms import KINDS, AlertTerms, NoticeTerms
from watchfloor.kernel.terms import Policy
from watchfloor.notify.alerts import chains, routed
from watchfloor.notify.notices import ALERTED, Notice
from watchfloor.notify.notifier import ATTEMPTS_MAX, NotReached
from watchfloor.people.messages import RecordSharedUndelivered

SHARED = "shared"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    found = House(tmp_path, ("127.0.0.1/32",), 8.0)
    await found.notifier.start()
    yield found
    await found.notifier.close()


def policy(house: House, *alerts: AlertTerms) -> None:
    house.cells["active_policy"] = SimpleNamespace(document=Policy(notices=NoticeTerms(alerts=alerts)))


async def share(house: House, name: str, url: str, kind: str = "webhook", **more: Any) -> None:
    await house.notifier.set_channel(1, SHARED, name=name, kind=kind, url=url, **more)


async def shared_state(house: House) -> dict[str, tuple[str, str]]:
    every = await house.notifier.deliveries(1, "", 50)
    return {one.person: (one.state, one.channel) for one in every if one.person.startswith(SHARED)}


# Kinds ----------------------------------------------------------------------------------------------------------------


async def test_slack_is_posted_to_its_webhook(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    with receiving() as receiver:
        receiver.answer = b"ok"  # as Slack does
        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{receiver.port}/services")
        monkeypatch.setattr(NotifySlack, "request_rate_per_sec", 0)
        url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
        await house.channel(ADA, "room", "apprise", url)
        await house.notifier(1, stop(), EFFECT)
        (got,) = receiver.got
    assert got.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    body = msgspec.json.decode(got.body)
    assert body["channel"] == "#ops"
    (shown,) = body["attachments"]
    assert shown["title"] == "Stopped: organisation" and "https://floor.example/stops" in shown["text"]


async def test_pagerduty_gets_an_incident_that_is_the_same_at_every_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import pagerduty

    with receiving("fails") as receiver:
        place = f"http://127.0.0.1:{receiver.port}/v2/enqueue"
        monkeypatch.setattr(
            pagerduty, "PAGERDUTY_API_LOOKUP", dict.fromkeys(pagerduty.PAGERDUTY_API_LOOKUP, place)
        )
        await house.channel(ADA, "pager", "apprise", f"pagerduty://{'a' * 32}@{'b' * 32}")
        with pytest.raises(NotReached):
            await house.notifier(1, stop(), EFFECT)
        receiver.mode = "takes"
        await house.notifier(1, stop(), EFFECT)
        first, second = (msgspec.json.decode(got.body) for got in receiver.got)
    assert second["event_action"] == "trigger" and second["payload"]["severity"] in ("critical", "error")
    assert first["dedup_key"] == second["dedup_key"] != ""
    assert second["links"] == [{"href": "https://floor.example/stops"}]
    assert "Stopped: organisation" in str(second["payload"])


async def test_ntfy_mail_and_the_console_get_title_text_and_link(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving() as phone, mail_server() as (port, mails), caplog.at_level(logging.WARNING):
        url = f"mailto://127.0.0.1:{port}?from=floor@example.com&to=ada@example.com&mode=insecure"
        await house.channel(ADA, "mail", "apprise", url)
        await house.channel(BEN, "phone", "apprise", f"ntfy://127.0.0.1:{phone.port}/topic")
        await house.channel(OPERATOR, "log", "console", "")
        await house.notifier(1, stop(), EFFECT)
        (got,) = phone.got
    assert "To: ada@example.com" in mails[0] and "https://floor.example/stops" in mails[0]
    assert b"Stopped: organisation" in got.body and b"https://floor.example/stops" in got.body
    assert "Stopped: organisation [immediate]" in caplog.text


# Shared channels and alerts -------------------------------------------------------------------------------------------


async def test_a_shared_channel_that_no_alert_names_is_told_once_beside_the_people(house: House) -> None:
    with receiving() as room, receiving() as hook:
        await share(house, "room", f"http://127.0.0.1:{room.port}/")
        await house.channel(ADA, "hook", "webhook", f"http://127.0.0.1:{hook.port}/")
        await house.notifier(1, stop(), EFFECT)
        await house.notifier(1, stop(), EFFECT)
        assert (len(room.got), len(hook.got)) == (1, 1)
    assert await shared_state(house) == {"shared:room": ("delivered", "room")}


async def test_an_alert_says_who_is_told_and_by_which_shared_channels_in_turn(house: House) -> None:
    with receiving() as second, receiving() as hook:
        await share(house, "first", f"http://127.0.0.1:{free_port()}/")
        await share(house, "second", f"http://127.0.0.1:{second.port}/")
        for person in (ADA, BEN, OPERATOR):
            await house.channel(person, "hook", "webhook", f"http://127.0.0.1:{hook.port}/{person.handle}")
        alert = AlertTerms(
            kinds=("stopped",), tell=("role:director",), channels=("first", "second"), instead=True
        )
        policy(house, alert)
        await house.notifier(1, stop(), EFFECT)
        assert [got.path for got in hook.got] == ["/ben"], "instead of all others"
        assert len(second.got) == 1
    assert await shared_state(house) == {"shared:first": ("delivered", "second")}


async def test_what_no_shared_channel_takes_is_in_the_ledger_and_in_the_health_of_the_notifier(
    house: House,
) -> None:
    assert house.notifier.condition.told()[0] == "ok"
    await share(house, "room", f"http://127.0.0.1:{free_port()}/")
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(NotReached):
            await house.notifier(1, stop(), EFFECT)
    await house.notifier(1, stop(), EFFECT)
    assert house.asked == [RecordSharedUndelivered(subject=1, about="event:5", event=5, names=("room",))]
    status, detail, since_at = house.notifier.condition.told()
    assert (status, since_at, house.notifier.condition.failing()) == ("degraded", house.now, 1)
    assert "1 channels do not take messages, 1 notices reached nobody" in detail
    with receiving() as receiver:
        await share(house, "room", f"http://127.0.0.1:{receiver.port}/")
        assert await house.notifier.test(1, SHARED, "room") == ""
    assert house.notifier.condition.failing() == 0
    house.now += 2 * HOUR
    assert house.notifier.condition.told()[0] == "ok"


def notice(**fields: Any) -> Notice:
    usual: dict[str, Any] = {
        "about": "x",
        "kind": "breaker",
        "severity": "warning",
        "title": "t",
        "text": "",
        "path": "/",
        "tell": ("role:supervisor",),
    }
    return Notice(**(usual | fields))


def test_alerts_add_those_they_name_for_their_kinds_from_their_severity_on() -> None:
    director = AlertTerms(kinds=("breaker",), severity_min="warning", tell=("role:director",))
    everywhere = AlertTerms(severity_min="immediate", everywhere=True)
    terms = NoticeTerms(alerts=(director, everywhere))
    assert routed(notice(), terms).tell == ("role:supervisor", "role:director")
    assert routed(notice(severity="info"), terms) == notice(severity="info")
    assert routed(notice(kind="budget"), terms).tell == ("role:supervisor",)
    assert not routed(notice(), terms).all_hands and routed(notice(severity="immediate"), terms).all_hands


def test_a_shared_channel_that_is_named_is_told_what_is_said_of_it_alone() -> None:
    terms = NoticeTerms(alerts=(AlertTerms(kinds=("stopped",), channels=("pager", "gone", "room")),))
    there = ("log", "pager", "room")
    assert chains(notice(kind="stopped"), terms, there) == (("pager", "room"), ("log",))
    assert chains(notice(), terms, there) == (("log",),)
    assert chains(notice(), NoticeTerms(), there) == (("log",), ("pager",), ("room",))


def test_every_kind_of_alert_is_told_by_a_notice_of_its_own_or_by_another() -> None:
    from watchfloor.situation.kinds import ALERTS

    by_another = {
        "unsupervised",
        "stopped",
        "quarantined",
        "breaker_open",
        "decision_waiting",
        "forced",
        "anomaly",
        "budget",
    }
    assert set(ALERTS) == ALERTED | by_another
    assert set(KINDS) >= ALERTED

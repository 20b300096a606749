"""People's channels, test messages, deliveries (spec 06 *Notifications*). Secrets go in and never come out."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.http import zones
from watchfloor.http.asking import Call
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import notifications as wire
from watchfloor.http.owning import everyone
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.terms import holds
from watchfloor.people.messages import NoteChannel, NoteSharedChannel
from watchfloor.registers.directory import Person


def _notices(call: Call) -> Any:
    if call.services.notices is None:
        raise Problem(503, "unavailable", "this server tells nobody")
    return call.services.notices


def _wrong(field: str, code: str, detail: str) -> Problem:
    return Problem(
        422,
        "invalid_fields",
        f"{field}: {detail}",
        errors=(FieldError(field=field, code=code, detail=detail),),
    )


def _person(call: Call, text: str, roles: tuple[str, ...] = ("admin",)) -> Person:
    """The person meant: oneself, or another one for those who may. Raises Problem 403, 422."""
    wanted = text or call.principal.id
    for person in everyone(call):
        if wanted in (person.id, person.handle):
            if person.id != call.principal.id and not any(holds(call.principal.roles, one) for one in roles):
                raise Problem(403, "forbidden", "other people's channels are theirs and the admins'")
            return person
    raise _wrong("/person", "unknown_person", "id or handle of a person")


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _means(body: wire.SetChannelBody) -> str:
    return f"apprise {body.url.partition('://')[0]}" if body.means == "apprise" else body.means


def _private(body: wire.SetChannelBody) -> bool:
    """Does nobody but its person read what comes by it, as far as can be told? Rooms and incidents have many readers."""
    return body.means == "webhook" or body.url.partition("://")[0] in ("mailto", "mailtos", "ntfy", "ntfys")


class _Whose(msgspec.Struct, frozen=True):
    """Whose channel: the key of the notifier, and the subject that the ledger notes it for."""

    owner: str
    subject: int
    shared: bool

    def note(self, name: str, means: str, change: str) -> NoteChannel | NoteSharedChannel:
        command = NoteSharedChannel if self.shared else NoteChannel
        return command(subject=self.subject, name=name, means=means, change=change)


def _whose(call: Call, person: str, *, shared: bool) -> _Whose:
    """A person's, or the organisation's, which is its admins' to set. Raises Problem 403, 422."""
    if not shared:
        found = _person(call, person)
        return _Whose(found.id, found.subject, False)
    if not holds(call.principal.roles, "admin"):
        raise Problem(403, "forbidden", "channels of the organisation are its admins' to set")
    return _Whose(_notices(call).shared, int(call.read("names", "organisation") or 1), True)


async def set_notify_channel(call: Call) -> Reply:
    """Set how you are told, or (`shared`) how the organisation is. The ledger knows name and kind, never the address."""
    body: wire.SetChannelBody = call.body
    notices = _notices(call)
    whose = _whose(call, body.person, shared=body.shared)
    if zones.zone(body.time_zone) is None:
        raise _wrong("/time_zone", "unknown_time_zone", "an IANA name, such as Europe/Berlin")
    fault = await notices.fault(body.means, body.url)
    if fault:
        raise _wrong("/url", "invalid", fault)
    names = {channel.name for channel in await notices.channels(call.org, whose.owner)}
    if body.name not in names and len(names) >= notices.channels_max:
        raise Problem(409, "too_many", f"at most {notices.channels_max} channels")
    recorded = await call.ask(whose.note(body.name, _means(body), "set"))
    if recorded.replayed:
        return Reply(body=wire.ChannelSet(name=body.name, signing_secret=None, seq=recorded.seq))
    secret = notices.new_secret() if body.means == "webhook" else ""
    await notices.set_channel(
        call.org,
        whose.owner,
        name=body.name,
        kind=body.means,
        url=body.url,
        secret=secret,
        severity_min=body.severity_min,
        position=body.position,
        quiet_from=_minutes(body.quiet_from),
        quiet_until=_minutes(body.quiet_until),
        time_zone=body.time_zone,
        one_tap=not body.shared and (_private(body) if body.one_tap is None else body.one_tap),
    )
    return Reply(body=wire.ChannelSet(name=body.name, signing_secret=secret or None, seq=recorded.seq))


async def remove_notify_channel(call: Call) -> Reply:
    """You are not told by it any more."""
    body: wire.NameChannelBody = call.body
    notices = _notices(call)
    whose = _whose(call, body.person, shared=body.shared)
    for channel in await notices.channels(call.org, whose.owner):
        if channel.name == body.name:
            await notices.remove_channel(call.org, whose.owner, body.name)
            command = whose.note(body.name, channel.kind, "removed")
            return Reply(body=fields.Recorded(seq=(await call.ask(command)).seq))
    raise Problem(404, "unknown_channel", "there is no such channel")


async def test_notify_channel(call: Call) -> Reply:
    """Send a test message by one channel, now, and say what came of it."""
    body: wire.NameChannelBody = call.body
    whose = _whose(call, body.person, shared=body.shared)
    error = await _notices(call).test(call.org, whose.owner, body.name)
    return Reply(body=wire.ChannelTested(delivered=not error, error=error))


async def list_notify_channels(call: Call) -> Reply:
    """How you are told, in the order in which it is tried."""
    owner = _notices(call).shared if call.params.shared else _person(call, call.params.person).id
    items = tuple(
        wire.NotifyChannelItem(
            name=one.name,
            means=one.kind,
            shown=_shown(one.url),
            severity_min=one.severity_min,
            position=one.position,
            quiet_from=f"{one.quiet_from // 60:02d}:{one.quiet_from % 60:02d}",
            quiet_until=f"{one.quiet_until // 60:02d}:{one.quiet_until % 60:02d}",
            time_zone=one.time_zone,
            one_tap=one.one_tap,
        )
        for one in await _notices(call).channels(call.org, owner)
    )
    return Reply(body=wire.NotifyChannelList(items=items))


def _shown(url: str) -> str:
    """Scheme and nothing more: hosts, paths and queries of these addresses hold tokens."""
    return f"{url.partition('://')[0]}://…" if url else ""


async def list_deliveries(call: Call) -> Reply:
    """What became of the newest notices."""
    params: wire.DeliveriesParams = call.params
    person = ""
    if params.person == "everybody":
        if not any(holds(call.principal.roles, role) for role in ("admin", "auditor")):
            raise Problem(
                403, "forbidden", "other people's notices are theirs, the admins' and the auditors'"
            )
    else:
        person = _person(call, params.person, ("admin", "auditor")).id
    items = tuple(
        wire.DeliveryItem(
            person_id=one.person,
            event=one.seq,
            severity=one.severity,
            title=one.title,
            state=one.state,
            attempts=one.attempts,
            channel=one.channel,
            error=one.error,
            created_at=one.created_at,
            finished_at=one.finished_at,
        )
        for one in await _notices(call).deliveries(call.org, person, params.limit)
    )
    return Reply(body=wire.DeliveryList(items=items))

"""People's channels and what became of notices (spec 06 *Notifications*)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Count, Instant, Limit, Params, Seq

ChannelName = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*\Z")]
Means = Literal["webhook", "apprise", "console"]
Severity = Literal["info", "warning", "immediate"]
TimeOfDay = Annotated[str, Meta(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d\Z")]
Url = Annotated[
    str, Meta(max_length=2_048, description="may hold secrets; kept outside the ledger, never shown again")
]


class SetChannelBody(Body, frozen=True, kw_only=True):
    """How you are told, or, for an admin, how `person` (id or handle) is. Lower `position` is tried first.

    `means` webhook: a signed POST to `url`; apprise: `url` with slack, pagerduty, mailto, mailtos, ntfy or ntfys; console: the
    server's log. Nothing below `severity_min`, and nothing but immediate news in the quiet time (equal: there is none).
    `shared`: a channel of the organisation, set by admins; alerts of the policy name it, or it is told all from its severity on.
    `one_tap`: may a message hold a link by which whoever reads it votes as you? Unless you say, by mail, ntfy and webhook.
    """

    name: ChannelName
    means: Means
    url: Url = ""
    severity_min: Severity = "warning"
    position: Annotated[int, Meta(ge=0, le=100)] = 0
    one_tap: bool | None = None
    quiet_from: TimeOfDay = "00:00"
    quiet_until: TimeOfDay = "00:00"
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    person: Annotated[str, Meta(max_length=128)] = ""
    shared: bool = False


class ChannelSet(Answer, frozen=True, kw_only=True):
    """`signing_secret` of a webhook, shown once; each time it is set it is another one."""

    name: str
    signing_secret: str | None
    seq: Seq


class NameChannelBody(Body, frozen=True, kw_only=True):
    name: ChannelName
    person: Annotated[str, Meta(max_length=128)] = ""
    shared: bool = False


class OfPersonParams(Params, frozen=True, kw_only=True):
    """`person` (id or handle): another one's, for admins. `shared`: those of the organisation."""

    person: Annotated[str, Meta(max_length=128)] = ""
    shared: bool = False


class DeliveriesParams(Params, frozen=True, kw_only=True):
    """`person` (id or handle): another one's, `everybody` all, for admins and auditors."""

    person: Annotated[str, Meta(max_length=128)] = ""
    limit: Limit = 100


class NotifyChannelItem(Answer, frozen=True, kw_only=True):
    """`shown` is the scheme of the address; the rest may be secret."""

    name: str
    means: str
    shown: str
    severity_min: str
    position: Count
    quiet_from: str
    quiet_until: str
    time_zone: str
    one_tap: bool


class NotifyChannelList(Answer, frozen=True, kw_only=True):
    items: tuple[NotifyChannelItem, ...]


class ChannelTested(Answer, frozen=True, kw_only=True):
    """`error` says why it did not work."""

    delivered: bool
    error: str = ""


class DeliveryItem(Answer, frozen=True, kw_only=True):
    """`state`: open (tried again), delivered, quiet, no_channel, failed. `channel` took it; `event` it was about.

    `person_id` of a shared channel is `shared:<name>`.
    """

    person_id: str
    event: Seq
    severity: str
    title: str
    state: str
    attempts: Count
    channel: str
    error: str
    created_at: Instant
    finished_at: Instant


class DeliveryList(Answer, frozen=True, kw_only=True):
    items: tuple[DeliveryItem, ...]


_CHANNEL: dict[str, Any] = {
    "name": "phone",
    "means": "apprise",
    "shown": "ntfys://…",
    "severity_min": "warning",
    "position": 0,
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "time_zone": "Europe/Berlin",
    "one_tap": True,
}
_DELIVERY: dict[str, Any] = {
    "person_id": "per_4h2k9d0s7b1",
    "event": 1041,
    "severity": "immediate",
    "title": "Decision needed: db.migrate by calm-heron",
    "state": "delivered",
    "attempts": 1,
    "channel": "phone",
    "error": "",
    "created_at": 1_763_683_200_000_000,
    "finished_at": 1_763_683_200_400_000,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    SetChannelBody: {"name": "phone", "means": "apprise", "url": "ntfys://ntfy.sh/a-topic-nobody-guesses"},
    ChannelSet: {"name": "hook", "signing_secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==", "seq": 1042},
    NameChannelBody: {"name": "phone"},
    NotifyChannelItem: _CHANNEL,
    NotifyChannelList: {"items": [_CHANNEL]},
    ChannelTested: {"delivered": True, "error": ""},
    DeliveryItem: _DELIVERY,
    DeliveryList: {"items": [_DELIVERY]},
}

"""`watchfloor notify …`: how you are told, and what became of it."""

from __future__ import annotations

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, instant, show, table

app = App(name="notify", help="Set how you are told; send test messages; see deliveries.")
_CHANNELS = [
    ("name", "CHANNEL"),
    ("means", "BY"),
    ("shown", "ADDRESS"),
    ("severity_min", "FROM"),
    ("quiet", "QUIET"),
]
_DELIVERIES = [
    ("when", "WHEN"),
    ("person_id", "WHO"),
    ("title", "NOTICE"),
    ("severity", "SEVERITY"),
    ("state", "STATE"),
    ("channel", "BY"),
    ("attempts", "ATTEMPTS"),
    ("error", "ERROR"),
]


@app.command(name="list")
def list_(*, person: str = "", shared: bool = False, json: bool = False) -> None:
    """List your channels in the order in which they are tried; PERSON: another one's, for admins; SHARED: the organisation's."""
    query = {"shared": "true"} if shared else {"person": person}
    items = Client().get("/api/v1/notifications/channels", **query)["items"]
    rows = [
        {
            **one,
            "quiet": ""
            if one["quiet_from"] == one["quiet_until"]
            else f"{one['quiet_from']}-{one['quiet_until']} {one['time_zone']}",
        }
        for one in items
    ]
    show(items, json=json, text=table(rows, _CHANNELS, "No channels: nobody outside is told."))


@app.command(name="set")
def set_(
    name: str,
    url: str = "",
    *,
    severity: str = "warning",
    position: int = 0,
    quiet: str = "00:00-00:00",
    time_zone: str = "UTC",
    one_tap: bool | None = None,
    shared: bool = False,
    person: str = "",
    json: bool = False,
) -> None:
    """Be told by URL: https://… is a signed webhook; slack, pagerduty, mailto, ntfy as apprise writes them.

    Parameters
    ----------
    url
        Without it the server's log.
    severity
        info, warning or immediate: nothing below it.
    quiet
        Such as 22:00-07:00: only what is immediate comes through.
    one_tap
        May messages hold a link by which whoever reads them votes as you? By default by mail, ntfy and webhook.
    shared
        A channel of the organisation, for admins: told everything from its severity on, or what the policy's alerts say.
    """
    means = "console" if not url else "webhook" if url.startswith(("http://", "https://")) else "apprise"
    begin, _, end = quiet.partition("-")
    body = {
        "name": name,
        "means": means,
        "url": url,
        "severity_min": severity,
        "position": position,
        "quiet_from": begin,
        "quiet_until": end,
        "time_zone": time_zone,
        "one_tap": one_tap,
        "shared": shared,
        "person": person,
    }
    answer = Client().post("/api/v1/notifications/channels", body)
    secret = answer["signing_secret"]
    text = f"{name}: set" + (f"\nsigning secret, shown once: {secret}" if secret else "")
    show(answer, json=json, text=text)


@app.command
def remove(name: str, *, person: str = "", shared: bool = False, json: bool = False) -> None:
    """Remove a channel."""
    answer = Client().post(
        "/api/v1/notifications/channels/remove", {"name": name, "person": person, "shared": shared}
    )
    show(answer, json=json, text=f"{name}: removed")


@app.command(name="test")
def try_out(name: str, *, person: str = "", shared: bool = False, json: bool = False) -> None:
    """Send a test message by a channel."""
    answer = Client().post(
        "/api/v1/notifications/channels/test", {"name": name, "person": person, "shared": shared}
    )
    if not answer["delivered"]:
        raise Failure(f"{name}: {answer['error']}", 1)
    show(answer, json=json, text=f"{name}: delivered")


@app.command
def deliveries(*, person: str = "", limit: int = 50, json: bool = False) -> None:
    """See what became of the newest notices; PERSON `everybody` for admins and auditors."""
    items = Client().get("/api/v1/notifications/deliveries", person=person, limit=limit)["items"]
    rows = [{**one, "when": instant(one["created_at"])} for one in items]
    show(items, json=json, text=table(rows, _DELIVERIES, "No notices."))

"""One attempt by one channel: signed webhook, console, or a service that apprise knows (docs/notifications.md).

Theory of operation
-------------------
A webhook goes by the guarded way out (runners/outbound.py), as a CloudEvent signed as Standard Webhooks says. Everything else is a
plugin of apprise, which blocks and opens its own connections: it runs on threads of its own, without redirects, and an audit
hook judges every address such a thread connects to, after resolving, at the very `connect`. The hook cannot be taken away
again; on other threads it does nothing but look at one thread-local.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from watchfloor.kernel.instants import SECOND
from watchfloor.notify.notices import Notice
from watchfloor.notify.store import Channel

KINDS = ("webhook", "apprise", "console")
SCHEMES = (
    "slack",
    "pagerduty",
    "mailto",
    "mailtos",
    "ntfy",
    "ntfys",
)  # of apprise: those that are tried and tested
TIMEOUT_S = 8.0  # one attempt; then the next channel
PAGERDUTY = "Pager Duty"  # as apprise calls it
THREADS = 32  # a plugin that hangs holds one until its own timeouts end it
SECRET_PREFIX = "whsec_"  # noqa: S105 - of every secret, as Standard Webhooks writes them
_log = logging.getLogger("watchfloor.notices")
_guarded = threading.local()

Permits = Callable[[str, str], bool]  # (address, host of the channel) -> may we connect?
Post = Callable[
    [str, dict[str, str], bytes, int], Awaitable[tuple[int, str]]
]  # -> (status, detail); 0: no answer


class Undelivered(Exception):
    """The channel did not take it; the message says why, without secrets."""


def _on_audit(event: str, arguments: tuple[Any, ...]) -> None:
    permits = getattr(_guarded, "permits", None)
    if permits is not None and event == "socket.connect":
        address = arguments[1]
        if not isinstance(address, tuple) or not permits(str(address[0])):
            _guarded.refused = True
            raise PermissionError("the channel's host is at an address that this server may not connect to")


sys.addaudithook(_on_audit)


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of Standard Webhooks, version 1: HMAC-SHA256 over `<id>.<timestamp>.<body>`, base64."""
    encoded = secret.removeprefix(SECRET_PREFIX)
    key = b64decode(encoded) if encoded != secret else secret.encode()
    told = f"{message}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, told, 'sha256')).decode()}"


def new_secret() -> str:
    """A secret to sign with, as Standard Webhooks writes them."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()


def cloud_event(notice: Notice, link: str, key: str, source: str, at: int) -> bytes:
    """The body of a webhook: a CloudEvents 1.0 event in structured mode. `at` µs."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": key,
            "source": source,
            "type": f"watchfloor.notice.{notice.kind}",
            "subject": notice.about,
            "time": datetime.fromtimestamp(at // SECOND, UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {
                "about": notice.about,
                "kind": notice.kind,
                "severity": notice.severity,
                "title": notice.title,
                "text": notice.text,
                "url": link,
            },
        }
    )


def url_fault(kind: str, url: str) -> str:
    """Why a channel cannot have this url, "" when it can. Whether its host may be reached is judged at each connect."""
    if kind == "console":
        return "" if not url else "the console needs no url"
    if kind == "webhook":
        return "" if url.startswith(("https://", "http://")) else "takes http or https"
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        return f"takes one of {', '.join(SCHEMES)}"
    return "" if _plugin(url) is not None else f"is no {scheme}:// address that can be understood"


def _plugin(url: str) -> Any:
    import apprise  # heavy, and only needed by those who have such a channel

    return apprise.Apprise.instantiate(url, suppress_exceptions=True)


class Channels:
    """Sends by every kind of channel."""

    def __init__(
        self, post: Post, permits: Permits, clock: Callable[[], int], timeout_s: float = TIMEOUT_S
    ) -> None:
        self._post = post
        self._permits = permits
        self._clock = clock
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, "notify")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, channel: Channel, notice: Notice, link: str, key: str) -> None:
        """One attempt. Raises Undelivered."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if channel.kind == "webhook":
                    await self._webhook(channel, notice, link, key)
                elif channel.kind == "apprise":
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(self._threads, self._by_apprise, channel, notice, link, key)
                else:
                    _log.warning("%s [%s] %s %s", notice.title, notice.severity, notice.text, link)
        except TimeoutError as error:
            raise Undelivered(f"no answer within {self._timeout_s:g} s") from error

    async def _webhook(self, channel: Channel, notice: Notice, link: str, key: str) -> None:
        now = self._clock()
        body = cloud_event(notice, link, key, f"{urlsplit(link).scheme}://{urlsplit(link).netloc}/", now)
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": key,
            "webhook-timestamp": str(now // SECOND),
            "webhook-signature": signature(channel.secret, key, now // SECOND, body),
        }
        status, detail = await self._post(channel.url, headers, body, int(self._timeout_s * 1_000))
        if not 200 <= status < 300:
            raise Undelivered(detail or f"it answered {status}")

    def _by_apprise(self, channel: Channel, notice: Notice, link: str, key: str) -> None:
        plugin = _plugin(channel.url)
        if plugin is None:
            raise Undelivered("its address cannot be understood any more")
        plugin.redirects = False
        if (
            plugin.service_name == PAGERDUTY
        ):  # an attempt that is repeated is the same incident, and it links here
            plugin.dedup, plugin.click = key, link
        host = str(getattr(plugin, "smtp_host", "") or plugin.host or "")
        _guarded.permits = lambda address: self._permits(address, host)
        _guarded.refused = False
        kind = {"info": "info", "warning": "warning"}.get(notice.severity, "failure")
        try:
            import apprise

            sent = plugin.notify(
                body=f"{notice.text}\n{link}", title=notice.title, notify_type=apprise.NotifyType(kind)
            )
        except Exception as error:  # whatever a plugin raises is a failed attempt; its words may hold secrets
            raise Undelivered(f"the {plugin.service_name} plugin failed: {type(error).__name__}") from error
        finally:
            refused = _guarded.refused
            _guarded.permits = None
        if not sent:
            why = (
                "its host is at an address that this server may not connect to"
                if refused
                else "it was not taken"
            )
            raise Undelivered(f"{plugin.service_name}: {why}")

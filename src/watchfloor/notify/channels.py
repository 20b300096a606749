"""One attempt by one channel: signed webhook, console, or a service that apprise knows (docs/notifications.md).

Theory of operation
-------------------
A webhook goes by the guarded way out (runners/outbound.py), signed like the calls of HTTP workers. Everything else is a
plugin of apprise, which blocks and opens its own connections: it runs on threads of its own, without redirects, and an audit
hook judges every address such a thread connects to, after resolving, at the very `connect`. The hook cannot be taken away
again; on other threads it does nothing but look at one thread-local.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import msgspec

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
THREADS = 32  # a plugin that hangs holds one until its own timeouts end it
_RECIPE = "watchfloor-notice-v1"
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


def signature(secret: str, timestamp: int, key: str, digest: str) -> str:
    """64 hex digits of HMAC-SHA256 over the four lines that are signed; `digest` is that of the body, hex."""
    lines = "\n".join((_RECIPE, str(timestamp), key, digest))
    return hmac.new(secret.encode(), lines.encode(), sha256).hexdigest()


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
                    await loop.run_in_executor(self._threads, self._by_apprise, channel, notice, link)
                else:
                    _log.warning("%s [%s] %s %s", notice.title, notice.severity, notice.text, link)
        except TimeoutError as error:
            raise Undelivered(f"no answer within {self._timeout_s:g} s") from error

    async def _webhook(self, channel: Channel, notice: Notice, link: str, key: str) -> None:
        body = msgspec.json.encode(
            {
                "about": notice.about,
                "severity": notice.severity,
                "title": notice.title,
                "text": notice.text,
                "url": link,
            }
        )
        timestamp, digest = self._clock() // 1_000_000, sha256(body).hexdigest()
        headers = {
            "content-type": "application/json",
            "idempotency-key": key,
            "watchfloor-timestamp": str(timestamp),
            "watchfloor-body-digest": f"sha-256={digest}",
            "watchfloor-signature": f"v1={signature(channel.secret, timestamp, key, digest)}",
        }
        status, detail = await self._post(channel.url, headers, body, int(self._timeout_s * 1_000))
        if not 200 <= status < 300:
            raise Undelivered(detail or f"it answered {status}")

    def _by_apprise(self, channel: Channel, notice: Notice, link: str) -> None:
        plugin = _plugin(channel.url)
        if plugin is None:
            raise Undelivered("its address cannot be understood any more")
        plugin.redirects = False
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

"""What a route answers, before it becomes bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar.enums import MediaType
from litestar.response.base import ASGIResponse

_encode = msgspec.json.Encoder().encode
JSON = MediaType.JSON.value
HTML = "text/html"
TEXT = "text/plain"
EVENTS = "text/event-stream"
ARCHIVE = "application/zip"


class Reply(msgspec.Struct, kw_only=True):
    """An answer. `status` 0 is the operation's own; `stream` replaces `content` and `body`."""

    body: Any = None
    status: int = 0
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    content: bytes | None = None
    media_type: str = JSON
    stream: AsyncIterator[bytes] | None = None


def page(html: str, *, status: int = 0, headers: dict[str, str] | None = None) -> Reply:
    """A page for a browser."""
    return Reply(content=html.encode(), media_type=HTML, status=status, headers=headers or {})


def redirect(path: str, headers: dict[str, str] | None = None) -> Reply:
    """303 to one of our own paths: after a form, so that reloading does not send it again (fault I8)."""
    if not path.startswith("/") or path.startswith(("//", "/\\")):
        raise ValueError("redirects stay here")
    return Reply(status=303, content=b"", media_type=TEXT, headers={"location": path, **(headers or {})})


def leave_for(url: str, headers: dict[str, str]) -> Reply:
    """303 to somebody else's address: a provider of the settings, never what a request named."""
    return Reply(status=303, content=b"", media_type=TEXT, headers={"location": url, **headers})


def response(reply: Reply, status: int, headers: dict[str, str], *, head: bool = False) -> ASGIResponse:
    """The bytes of an answer that is no stream."""
    body = reply.content if reply.content is not None else _encode(reply.body)
    return ASGIResponse(
        body=body,
        status_code=reply.status or status,
        headers={**headers, **reply.headers},
        media_type=reply.media_type,
        is_head_response=head,
    )

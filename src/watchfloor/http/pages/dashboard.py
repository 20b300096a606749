"""Serving the application of the dashboard (spec 7): its one page with a fresh nonce, its files for ever.

The page holds nothing of anybody: whoever may not read gets the application and nothing to show in it, so it is open to
anyone, like the sign-in page it leads to. What it may read and do is decided by the REST routes, as for everybody.
"""

from __future__ import annotations

import re
import secrets

from watchfloor.http import replies, safeguards
from watchfloor.http.asking import Call
from watchfloor.http.pages import layout
from watchfloor.http.pages.assets import KEEP
from watchfloor.http.pages.built import NONCE, Build, File
from watchfloor.http.problems import not_found
from watchfloor.http.replies import Reply

HOME = "/floor/"
_FILE = re.compile(r"^/?([A-Za-z0-9_-]+\.(?:svg|png|ico|webmanifest|txt))\Z")
_GZIP = re.compile(r"(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


def build_of(call: Call) -> Build:
    """The build this server serves."""
    found: Build = call.services.built
    return found


def home(call: Call) -> str:
    """Where people begin: the application where it is built, else the inbox."""
    return HOME if build_of(call).exists else "/inbox"


async def show_floor(call: Call) -> Reply:
    """The application, whatever its address within it (any path below `/floor/`)."""
    rest = str(call.path.get("rest", ""))
    named = _FILE.match(rest)
    if named is not None:
        return _file(call, build_of(call).file("", named.group(1)), "no-cache")
    html = build_of(call).index()
    if not html:
        return _not_built(call)
    nonce = secrets.token_urlsafe(16)
    return replies.page(
        html.replace(NONCE, nonce),
        headers={"content-security-policy": safeguards.floor_policy(nonce), "cache-control": "no-cache"},
    )


async def get_floor_asset(call: Call) -> Reply:
    """A file of the build; its name changes with its content, so browsers keep it."""
    return _file(call, build_of(call).file("assets", call.path["asset"]), KEEP)


def _file(call: Call, found: File | None, cached: str) -> Reply:
    if found is None:
        raise not_found("file")
    headers = {"cache-control": cached, "vary": "accept-encoding"}
    if found.packed and _GZIP.search(call.headers.get("accept-encoding", "")):
        return Reply(
            content=found.packed,
            media_type=found.media_type,
            headers={**headers, "content-encoding": "gzip"},
        )
    return Reply(content=found.content, media_type=found.media_type, headers=headers)


def _not_built(call: Call) -> Reply:
    return layout.page(
        call,
        "Not built",
        layout.empty(
            "The dashboard is not built here",
            "This server was installed without it. The pages under /inbox need none of it.",
        ),
        narrow=True,
        status=404,
    )

"""Parameters of pages for browsers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from watchfloor.http.bodies.fields import Cursor, Params, Seq


class PageParams(Params, frozen=True, kw_only=True):
    """`seq` is what the page must at least show (after a form), `said` names a short message on top."""

    cursor: Cursor = ""
    seq: Seq = 0
    said: Annotated[str, Meta(max_length=32, pattern=r"^[a-z_]*\Z")] = ""


class SignInParams(Params, frozen=True, kw_only=True):
    """`next` is where to go after signing in: one of our own paths, anything else is ignored (fault I6)."""

    next: Annotated[str, Meta(max_length=400)] = ""

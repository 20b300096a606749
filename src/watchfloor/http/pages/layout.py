"""The frame of every page, and what a refusal looks like in it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from watchfloor.http import replies, safeguards
from watchfloor.http.asking import Call
from watchfloor.http.html import Child, Safe, tag
from watchfloor.http.identity import ANONYMOUS, Principal
from watchfloor.http.operations import Operation
from watchfloor.http.pages import assets
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply

_NAVIGATION = (("Inbox", "/inbox"), ("Stops", "/stops"), ("Agents", "/agents"), ("Tasks", "/tasks"))
SAID: Mapping[str, tuple[str, str]] = {
    "approved": ("good", "Your approval is recorded."),
    "denied": ("good", "Your denial is recorded."),
    "abstained": ("good", "Your abstention is recorded."),
    "late": (
        "warn",
        "It was over before your vote arrived. Your vote is recorded as late and changes nothing.",
    ),
    "already_voted": ("warn", "You have voted on this already; the first vote counts."),
    "edited": (
        "good",
        "Your parameters are in its place. People are asked anew; votes from before do not count.",
    ),
    "edited_approved": ("good", "Your parameters are in its place, and your approval of them is recorded."),
    "edited_harder": ("warn", "Edited, not approved: it is judged more severely now. Look at it again."),
    "edited_alone": ("warn", "Edited, not approved: this version is for others to decide."),
    "forced": ("good", "It is forced. The agent has its grant; another person reviews it."),
    "force_asked": ("warn", "Noted and told. At this level a second person has to force it too."),
    "force_asked_before": (
        "warn",
        "You want to force it already. Nothing runs until a second person does, too.",
    ),
    "reviewed": ("good", "Your review is recorded."),
    "stopped": ("good", "The stop is in force."),
    "stopped_later": (
        "warn",
        "The stop is in force. The ledger cannot be written just now and gets it later.",
    ),
    "lifted": ("good", "The stop is lifted."),
    "signed_out": ("good", "You are signed out."),
}


def page(
    call: Call | None,
    title: str,
    *children: Child,
    here: str = "",
    narrow: bool = False,
    script: bool = False,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    onward: str = "",
) -> Reply:
    """A whole page. `onward` is one of our own pages to go on to by itself. `here` is the navigation entry it belongs to; `script` adds the optional comfort."""
    who = call.principal if call is not None else ANONYMOUS
    nonce = secrets.token_urlsafe(16)
    said = (
        SAID.get(getattr(call.params, "said", ""), None)
        if call is not None and call.params is not None
        else None
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", http_equiv="refresh", content=f"0;url={onward}") if onward.startswith("/") else None,
        tag("title", f"{title} · Watchfloor"),
        tag("link", rel="stylesheet", href=assets.url("watchfloor.css")),
        tag("link", rel="icon", type="image/svg+xml", href=assets.url("favicon.svg")),
        tag("script", nonce=nonce, src=assets.url("watchfloor.js"), defer=True) if script else None,
    )
    main = tag(
        "main",
        tag("div", tag("p", said[1]), class_=f"note {said[0]}", role="status") if said else None,
        *children,
        id="main",
        class_="narrow" if narrow else None,
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#main", class_="skip"),
        _top(who, here, floor=call is not None and call.services.built.exists),
        main,
        tag("div", "Connection lost. What you see may be out of date.", id="lost", hidden=True, role="alert")
        if script
        else None,
    )
    html = f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"
    return replies.page(
        html,
        status=status,
        headers={"content-security-policy": safeguards.page_policy(nonce), **(headers or {})},
    )


def _top(who: Principal, here: str, *, floor: bool) -> Safe:
    brand = tag(
        "a",
        tag("img", src=assets.url("favicon.svg"), alt="", width=20, height=20),
        "Watchfloor",
        href="/inbox",
        class_="brand",
    )
    if who.kind != "person":
        return tag("header", tag("div", brand, class_="top-inner"), class_="top")
    links = [
        tag("a", name, href=path, aria_current="page" if path == here else None) for name, path in _NAVIGATION
    ]
    if floor:
        links.append(tag("a", "Floor", href="/floor/"))
    leave = tag(
        "form",
        token(who),
        tag("button", "Sign out", type="submit", class_="link"),
        method="post",
        action="/sign-out",
    )
    return tag(
        "header",
        tag(
            "div",
            brand,
            tag("nav", links, class_="nav", aria_label="Pages"),
            tag(
                "div",
                tag("span", who.name, title=", ".join(who.roles)),
                leave if who.cookie else None,
                class_="who",
            ),
            class_="top-inner",
        ),
        class_="top",
    )


def token(who: Principal) -> Safe | None:
    """The hidden field that makes a form one of ours; none for those who came with a token instead of a cookie."""
    if not who.secret:
        return None
    return tag("input", type="hidden", name="form_token", value=safeguards.form_token(who.secret))


def empty(strong: str, text: str, *more: Child) -> Safe:
    """What a page says when there is nothing to show."""
    return tag("div", tag("strong", strong), tag("p", text), *more, class_="empty")


_WORDS = {
    401: ("Please sign in", "This page is for people who are signed in."),
    403: ("Not allowed", "You are signed in, and this is not yours to do."),
    404: ("Not here", "There is no such thing, or it belongs to somebody else."),
    408: ("Too slow", "What you sent did not arrive in time. Nothing was recorded."),
    409: ("It does not fit any more", "The state has changed since you loaded the page."),
    413: ("Too long", "What you sent is longer than what is accepted."),
    429: ("Too many requests", "Please wait a moment and try again."),
    500: ("Something went wrong", "It is our fault. It is logged, and nothing you did was recorded half."),
    503: ("Not just now", "Nothing was lost. Please try again in a moment."),
}


def amiss(problem: Problem) -> Safe:
    """Why it was refused, and at which fields."""
    fields = [tag("li", f"{wrong.field.lstrip('/')}: {wrong.detail}") for wrong in problem.errors]
    return tag(
        "div",
        tag("p", problem.detail),
        tag("ul", fields) if fields else None,
        class_="note bad" if problem.status >= 500 else "note warn",
        role="alert",
    )


def refused(problem: Problem, trace_id: str, operation: Operation, path: Mapping[str, Any]) -> Reply:
    """A refusal as a page; whoever is not signed in is sent to sign in, and comes back here afterwards."""
    if problem.status == 401 and operation.who != "anyone":
        target = operation.path
        for name, value in path.items():
            target = target.replace(f"{{{name}}}", quote(str(value), safe=""))
        back = (
            f"?next={quote(target, safe='')}"
            if operation.method == "GET" and target not in ("/", "/inbox")
            else ""
        )
        return replies.redirect(f"/sign-in{back}")
    title, text = _WORDS.get(problem.status, ("That did not work", "The request cannot be carried out."))
    return page(
        None,
        title,
        tag("h1", title),
        tag("p", text, class_="lead"),
        amiss(problem),
        tag("p", tag("a", "Back to the inbox", href="/inbox", class_="button")),
        tag("p", f"{problem.code} · trace {trace_id}", class_="small quiet mono"),
        narrow=True,
        status=problem.status,
        headers=problem.all_headers(),
    )

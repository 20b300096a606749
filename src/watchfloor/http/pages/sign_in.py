"""Signing in and out on pages: a one-time link is looked at by GET and used by POST alone (link previews use GET)."""

from __future__ import annotations

import re

from watchfloor.http import replies, sessions
from watchfloor.http.asking import Call
from watchfloor.http.html import Child, Safe, tag
from watchfloor.http.pages import dashboard, layout
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply

_LINK = re.compile(r"(wf_lnk_[0-9a-z]{16}_[A-Za-z0-9_-]{43})")
_OWN_PAGE = re.compile(
    r"^/(?:inbox|stops|agents|tasks|actions)(?:/[A-Za-z0-9_.-]{1,64}){0,2}\Z"
    r"|^/floor(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}){0,6}/?(?:\?[A-Za-z0-9_.~%&=+:,-]{0,300})?\Z"
)


def own_page(path: str) -> str:
    """One of our own pages to go on to, else none (fault I6)."""
    return path if _OWN_PAGE.match(path) else ""


async def show_sign_in(call: Call) -> Reply:
    """How to sign in."""
    return _page(call, call.params.next)


def _page(call: Call, following: str, problem: Child = None, status: int = 200) -> Reply:
    form = tag(
        "form",
        tag("label", "One-time link", for_="link"),
        tag(
            "input",
            type="text",
            id="link",
            name="link",
            required=True,
            autocomplete="off",
            spellcheck="false",
            autofocus=True,
        ),
        tag("input", type="hidden", name="next", value=own_page(following)),
        tag("div", tag("button", "Sign in", type="submit", class_="primary"), class_="buttons"),
        method="post",
        action="/sign-in",
    )
    return layout.page(
        call,
        "Sign in",
        tag("h1", "Sign in"),
        tag(
            "p",
            "Open your one-time sign-in link, or paste it here. The server prints the first one when it starts; after that, an admin makes them.",
            class_="lead",
        ),
        tag("div", tag("p", problem), class_="note bad", role="alert") if problem else None,
        tag("section", form, class_="card"),
        narrow=True,
        status=status,
    )


async def submit_sign_in(call: Call) -> Reply:
    """A pasted link."""
    found = _LINK.search(call.form.get("link", ""))
    following = own_page(call.form.get("next", ""))
    if found is None:
        return _page(call, following, "This is not a sign-in link. It contains wf_lnk_ and a long code.", 422)
    return await _begin(call, found.group(1), following)


async def show_link(call: Call) -> Reply:
    """The page of a link: a button, because looking must not use it up."""
    text: str = call.path["link"]
    try:
        owner, _ = sessions.link_owner(call, text)
    except Problem as problem:
        return over(call, problem)
    form = tag(
        "form",
        tag(
            "div",
            tag("button", f"Sign in as {owner.name}", type="submit", class_="primary", autofocus=True),
            class_="buttons",
        ),
        method="post",
        action=f"/sign-in/{text}",
    )
    return layout.page(
        call,
        "Sign in",
        tag("h1", f"Welcome, {owner.name}"),
        tag("p", "This link works once, and begins a session of 12 hours in this browser.", class_="lead"),
        tag("section", form, class_="card"),
        narrow=True,
    )


def over(call: Call, problem: Problem) -> Reply:
    """A link that does not work any more."""
    text: Safe = tag("p", "Links work once and for 24 hours. Ask an admin for a new one.", class_="lead")
    return layout.page(
        call,
        "This link is over",
        tag("h1", "This link is over"),
        text,
        tag("div", tag("p", problem.detail), class_="note warn", role="alert"),
        tag("p", tag("a", "Sign in with another link", href="/sign-in", class_="button")),
        narrow=True,
        status=problem.status,
    )


async def use_link(call: Call) -> Reply:
    """Use the link up and begin a session."""
    return await _begin(call, call.path["link"], "")


async def _begin(call: Call, text: str, following: str) -> Reply:
    try:
        session = await sessions.begin(call, text)
    except Problem as problem:
        if problem.status != 401:
            raise
        return over(call, problem)
    return replies.redirect(
        following or dashboard.home(call), {"set-cookie": sessions.cookie(session, call.now, tls=call.tls)}
    )


async def leave(call: Call) -> Reply:
    """Sign out."""
    await sessions.end(call)
    return replies.redirect("/sign-in", {"set-cookie": sessions.no_cookie(tls=call.tls)})

"""Signing in and out on pages: a one-time link is looked at by GET and used by POST alone (link previews use GET)."""

from __future__ import annotations

import re
from urllib.parse import quote

from watchfloor.http import entering, replies, safeguards, sessions
from watchfloor.http.asking import Call
from watchfloor.http.html import Child, Safe, tag
from watchfloor.http.pages import dashboard, layout
from watchfloor.http.problems import Problem, not_found
from watchfloor.http.replies import Reply
from watchfloor.http.sessions import Session

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
    onward = tag("input", type="hidden", name="next", value=own_page(following))
    several = len(call.services.organisations()) > 1
    providers = [
        tag(
            "p",
            tag(
                "a",
                f"Sign in with {entry.name}",
                href=f"/sign-in/with/{entry.id}{_query(following)}",
                class_="button",
            ),
        )
        for entry in call.services.providers.every()
    ]
    by_password = tag(
        "form",
        *_field("handle", "Handle", autocomplete="username", autofocus=True),
        *_field("password", "Password", kind="password", autocomplete="current-password"),
        *(
            _field("organisation", "Organisation", required=False, autocomplete="organization")
            if several
            else ()
        ),
        *_field(
            "code", "Code, if you have set up a second factor", required=False, autocomplete="one-time-code"
        ),
        onward,
        tag("div", tag("button", "Sign in", type="submit", class_="primary"), class_="buttons"),
        method="post",
        action="/sign-in",
    )
    by_link = tag(
        "form",
        *_field("link", "One-time link", autocomplete="off"),
        onward,
        tag("div", tag("button", "Sign in with the link", type="submit"), class_="buttons"),
        method="post",
        action="/sign-in",
    )
    return layout.page(
        call,
        "Sign in",
        tag("h1", "Sign in"),
        tag("div", tag("p", problem), class_="note bad", role="alert") if problem else None,
        tag("section", providers, class_="card") if providers else None,
        tag("section", by_password, class_="card"),
        tag(
            "section",
            tag(
                "p",
                "Or paste a one-time link. The server prints the first one when it starts; admins make others.",
                class_="lead",
            ),
            by_link,
            class_="card",
        ),
        narrow=True,
        status=status,
    )


def _query(following: str) -> str:
    page = own_page(following)
    return f"?next={quote(page, safe='')}" if page else ""


def _field(
    name: str,
    label: str,
    *,
    kind: str = "text",
    required: bool = True,
    autofocus: bool = False,
    autocomplete: str,
) -> tuple[Safe, Safe]:
    """A labelled field."""
    return (
        tag("label", label, for_=name),
        tag(
            "input",
            type=kind,
            id=name,
            name=name,
            required=required,
            autocomplete=autocomplete,
            spellcheck="false",
            autofocus=autofocus,
        ),
    )


async def submit_sign_in(call: Call) -> Reply:
    """A password with its handle, or a pasted link."""
    following = own_page(call.form.get("next", ""))
    if "handle" in call.form:
        return await _with_password(call, following)
    found = _LINK.search(call.form.get("link", ""))
    if found is None:
        return _page(call, following, "This is not a sign-in link. It contains wf_lnk_ and a long code.", 422)
    return await _begin(call, found.group(1), following)


async def _with_password(call: Call, following: str) -> Reply:
    form = call.form
    fields = [form.get(name, "")[:256] for name in ("organisation", "handle", "password", "code")]
    try:
        session = await entering.by_password(call, fields[0].strip(), fields[1].strip(), fields[2], fields[3])
    except Problem as problem:
        if problem.status not in (401, 403, 429):
            raise
        return _page(call, following, _SAID.get(problem.code, problem.detail), problem.status)
    return _in(call, session, following)


_SAID = {"code_needed": "Give the code of your authenticator as well."}


def _in(call: Call, session: Session, following: str) -> Reply:
    return replies.redirect(
        following or dashboard.home(call), {"set-cookie": sessions.cookie(session, call.now, tls=call.tls)}
    )


async def show_link(call: Call) -> Reply:
    """The page of a link: a button, because looking must not use it up."""
    text: str = call.path["link"]
    try:
        owner, _ = sessions.link_owner(call, text)
    except Problem as problem:
        return over(call, problem)
    needs_code = entering.needs_code(call, owner)
    form = tag(
        "form",
        *(_field("code", "Code of your authenticator", autocomplete="one-time-code") if needs_code else ()),
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
        session = await entering.by_link(call, text, call.form.get("code", "")[:64])
    except Problem as problem:
        if problem.code in ("code_needed", "code_wrong"):
            link = tag("a", "Open the link again", href=f"/sign-in/{text}", class_="button")
            return _sorry(call, problem, link)
        if problem.status != 401:
            raise
        return over(call, problem)
    return _in(call, session, following)


def _sorry(call: Call, problem: Problem, *more: Child) -> Reply:
    """Not signed in, and why."""
    return layout.page(
        call,
        "Not signed in",
        tag("h1", "Not signed in"),
        tag("div", tag("p", _SAID.get(problem.code, problem.detail)), class_="note bad", role="alert"),
        tag("p", *more) if more else tag("p", tag("a", "Sign in", href="/sign-in", class_="button")),
        narrow=True,
        status=problem.status,
        headers=problem.all_headers(),
    )


async def go_to_provider(call: Call) -> Reply:
    """Leave for an identity provider."""
    provider = call.services.providers.get(call.path["provider"])
    if provider is None:
        raise not_found("identity provider")
    own = safeguards.own_origin(call.services.config.public_url, call.headers.get("host", ""), tls=call.tls)
    try:
        url, browser = await call.services.providers.leave(
            provider, f"{own}/sign-in/back", own_page(call.params.next)
        )
    except Problem as problem:
        return _sorry(call, problem)
    return replies.leave_for(url, {"set-cookie": safeguards.way_cookie(browser, 600, tls=call.tls)})


async def come_back(call: Call) -> Reply:
    """Back from an identity provider.

    The session's cookie is for our own pages only, and this request began elsewhere: so the answer is a page that goes on
    by itself, which is a step of our own.
    """
    query: dict[str, str] = call.params
    cookie = safeguards.read_way(call.headers.get("cookie", ""), tls=call.tls)
    try:
        if "error" in query or "code" not in query:
            raise Problem(401, "identity_refused", "the provider did not sign you in")
        provider, identity, following = await call.services.providers.arrive(
            query.get("state", ""), query["code"], query.get("iss", ""), cookie
        )
        session = await entering.by_identity(call, provider, identity)
    except Problem as problem:
        if problem.status not in (401, 403, 429, 503):
            raise
        return _sorry(call, problem)
    onward = following or dashboard.home(call)
    return layout.page(
        call,
        "Signed in",
        tag("h1", "Signed in"),
        tag("p", tag("a", "Go on", href=onward, class_="button")),
        narrow=True,
        onward=onward,
        headers={"set-cookie": sessions.cookie(session, call.now, tls=call.tls)},
    )


async def leave(call: Call) -> Reply:
    """Sign out."""
    await sessions.end(call)
    return replies.redirect("/sign-in", {"set-cookie": sessions.no_cookie(tls=call.tls)})

"""The page behind the link of a notice: one person, one decision, two buttons (spec 3.2 *Notifications*; faults I3, S3).

Looking changes nothing, since whatever previews links looks at them. A vote is a form with the digest that was shown. Who
the person is and whether they may vote is read anew each time; the link itself says only whose it is (engine/vote_links).
There is no script here, no navigation, and once the decision is over nothing of what was asked.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.life import content_of
from watchfloor.engine import voting
from watchfloor.http import html, identity, replies, telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies import decisions as wire
from watchfloor.http.html import Child, Safe, tag
from watchfloor.http.pages import inbox, layout, parameters, parts
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import decisions
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Refused

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_SAID = {"approve": "approved", "deny": "denied", "abstain": "abstained"}
_ENDED = {
    "approved": ("good", "It is approved", "The agent has its single-use grant."),
    "denied": ("bad", "It is denied", "The agent was told, nothing runs."),
    "expired": ("warn", "It has expired", "Nobody decided in time, so nothing runs."),
    "cancelled": ("warn", "It was withdrawn", "Nobody has to decide any more."),
}


def enter(call: Call) -> tuple[str, Any]:
    """(public id, state) of the link's decision; the call is its person's from here on. Raises Problem 404, 410."""
    links = call.services.links
    link = links.read(call.path["link"]) if links is not None else None
    if link is None:
        raise Problem(404, "link_over", "this is no link of this server, or it is not complete")
    who = identity.of_vote_link(call.services.engine, link)
    state = call.services.engine.state(link.org, "decision", link.decision)
    if who is None or state is None or call.now >= link.expires_at or not link.is_about(state.digest):
        raise Problem(410, "link_over", "it has expired, or it was meant for somebody who may not use it now")
    call.principal = who
    call.services.engine.credentials.people_seen[(link.org, link.person)] = call.now
    return public_id("decision", link.decision, state.nonce), state


def _page(call: Call, *children: Child, status: int = 200) -> Reply:
    """No title of what is asked: previews of links show it to a whole room."""
    return layout.page(
        None,
        "A decision",
        _said(call),
        *children,
        status=status,
        headers={"content-security-policy": POLICY, "x-robots-tag": "noindex, nofollow, noarchive"},
    )


def _said(call: Call) -> Child:
    said = layout.SAID.get(getattr(call.params, "said", ""), None)
    return tag("div", tag("p", said[1]), class_=f"note {said[0]}", role="status") if said else None


async def show_tap(call: Call) -> Reply:
    """What would run, why people are asked, and the buttons; or what became of it."""
    try:
        name, state = enter(call)
    except Problem as problem:
        return over(call, problem)
    if state.status != "pending":
        return _page(call, _ended(call, state))
    _, detail = await decisions.detail(call, name)
    return _page(call, *_open(call, detail, state))


def over(call: Call, problem: Problem) -> Reply:
    """A link that does not work, or not any more."""
    return _page(
        call,
        tag("h1", "This link is over"),
        tag("p", problem.detail[:1].upper() + problem.detail[1:] + ".", class_="lead"),
        tag("p", "Nothing was recorded. What waits for you is in the inbox.", class_="quiet"),
        tag("p", tag("a", "Sign in", href="/sign-in", class_="button")),
        status=problem.status,
    )


def _ended(call: Call, state: Any) -> Safe:
    kind, word, text = _ENDED[state.status]
    own = next((vote for vote in state.votes if vote.person == call.principal.id), None)
    mine = ""
    if own is not None:
        mine = f" You {_SAID[own.vote]}{', too late to count' if own.late else ''}."
    return tag(
        "div",
        tag("h1", word),
        tag("div", tag("p", f"{text}{mine}"), class_=f"note {kind}", role="status"),
        tag("p", "Decided ", parts.moment(state.decided_at), ". Sign in to see everything.", class_="quiet"),
        tag("p", tag("a", "Sign in", href="/sign-in", class_="button")),
    )


def _open(call: Call, detail: wire.DecisionDetail, state: Any) -> list[Child]:
    item = detail.decision
    agent = call.state("agent", state.agent) if state.agent else None
    return [
        tag("h1", tag("bdi", f"{item.type}{f' with {item.tool}' if item.tool else ''}")),
        tag(
            "p",
            parts.risk_badge(item.risk, parts.band_of(item.risk)),
            parts.level_badge(item.level),
            parts.badge(f"{item.urgency} urgency"),
            class_="badges",
        ),
        tag("p", "Asked by ", tag("bdi", agent.name if agent is not None else "the platform itself"), "."),
        tag("p", "Time left: ", parts.clock(item.deadline_at, call.now), "."),
        tag(
            "section",
            tag(
                "header",
                tag("h2", "What will run"),
                tag("a", "as plain text", href=f"/tap/{call.path['link']}/parameters", class_="small"),
            ),
            parameters.render(detail.params),
            tag("p", "Bound to the digest ", tag("code", item.digest, class_="digest"), class_="small quiet"),
            class_="card",
        ),
        inbox.agents_words(detail.words),
        tag("section", tag("h2", "Why people are asked"), parts.trace(detail.trace), class_="card"),
        tag("section", tag("h2", "Risk"), parts.waterfall(detail.risk), class_="card"),
        inbox.votes_so_far(call, detail),
        _vote(call, detail),
    ]


def _vote(call: Call, detail: wire.DecisionDetail) -> Safe:
    """The form, or why there is none."""
    item = detail.decision
    who = tag("p", "You vote as ", tag("strong", tag("bdi", call.principal.name)), ".")
    if item.level > voting.links_level_max(call.read, call.principal.roles):
        to_inbox = tag("a", "Sign in", href=f"/sign-in?next=/inbox/{item.decision_id}", class_="button")
        words = tag("p", f"At level {item.level} a vote of yours takes signing in.")
        return tag("section", who, words, tag("p", to_inbox), class_="card decide")
    if not detail.may_vote:
        return tag("section", who, tag("p", detail.obstacle), class_="card decide")
    needs = (
        telling.people(item.needed, item.role) if not item.committee else f"its committee {item.committee}"
    )
    buttons = [
        tag("button", text, type="submit", name="vote", value=value, class_=value)
        for text, value in (("Approve", "approve"), ("Deny", "deny"))
    ]
    return tag(
        "section",
        tag("h2", "Your vote", id="vote"),
        who,
        tag("p", f"It takes {needs}; {item.approvals} so far.", class_="quiet small"),
        tag(
            "form",
            tag("input", type="hidden", name="digest", value=item.digest),
            tag(
                "label", "Comment ", tag("span", "(optional; others read it)", class_="quiet"), for_="comment"
            ),
            tag("textarea", id="comment", name="comment", maxlength=parts.COMMENT_CHARS_MAX, rows=2),
            tag("div", buttons, class_="buttons"),
            method="post",
            action=f"/tap/{call.path['link']}",
        ),
        tag(
            "p",
            tag("a", "Sign in", href="/sign-in"),
            " to give it other parameters, or to see everything.",
            class_="quiet small",
        ),
        class_="card decide",
    )


async def vote_by_tap(call: Call) -> Reply:
    """Vote. What is repeated (a second window, a double click, the back button) changes nothing."""
    place = f"/tap/{call.path['link']}"
    try:
        name, _ = enter(call)
    except Problem as problem:
        return over(call, problem)
    say, digest = call.form.get("vote", ""), call.form.get("digest", "")
    if say not in _SAID or not digest:
        raise Problem(422, "invalid_fields", "press one of the buttons of the page")
    comment = call.form.get("comment", "")[: parts.COMMENT_CHARS_MAX].strip()
    try:
        recorded = await decisions.vote(call, name, say, digest, comment)
    except Refused as refused:
        if refused.code == "already_voted":
            return replies.redirect(f"{place}?said=already_voted")
        if refused.code == "digest_mismatch":
            raise Problem(409, refused.code, "the page showed another action: open the link again") from None
        raise
    return replies.redirect(f"{place}?said={'late' if recorded.late else _SAID[say]}")


async def show_tap_parameters(call: Call) -> Reply:
    """The canonical parameters as plain text, while the decision is open."""
    try:
        _, state = enter(call)
    except Problem as problem:
        return over(call, problem)
    content = content_of(state.action, call.state("action", state.action))
    private = (await call.privates([content])).get(content)
    if state.status != "pending" or private is None:
        return over(call, Problem(410, "link_over", "the decision is over"))
    raw = msgspec.json.format(msgspec.json.encode(private["action"], order="sorted"), indent=2).decode()
    return Reply(content=html.plain(raw).encode(), media_type=replies.TEXT)

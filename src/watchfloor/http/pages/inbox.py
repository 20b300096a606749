"""The inbox and the decision page: what would run, why people are asked, and the two buttons (spec 3.2 *Inbox*)."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.life import content_of
from watchfloor.councils.decision import OWN_SIGN_IN
from watchfloor.http import html, lists, replies, telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies import decisions as wire
from watchfloor.http.html import Child, Safe, foreign, tag
from watchfloor.http.pages import dashboard, endings, layout, parameters, parts
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import agents, decisions
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Refused

INBOX_MAX = 50
WORDS_CHARS_MAX = 4_000
_SAID = {"approve": "approved", "deny": "denied", "abstain": "abstained"}


async def show_home(call: Call) -> Reply:
    """The application is home where it is built, else the inbox."""
    return replies.redirect(dashboard.home(call))


async def show_inbox(call: Call) -> Reply:
    """Pending decisions by time left."""
    await shown(call)
    rows, following = await decisions.inbox(call, limit=INBOX_MAX)
    contents = {row["action"]: content_of(row["action"], call.state("action", row["action"])) for row in rows}
    privates = await call.privates(contents.values())
    items = [
        _item(call, decisions.item(call, row), row, privates.get(contents[row["action"]], {})) for row in rows
    ]
    count = f"{len(items)}{'+' if following else ''}"
    body: Child
    if items:
        body = tag("ul", [tag("li", item) for item in items], class_="list")
    else:
        body = layout.empty(
            "Nothing to decide",
            "When an agent needs somebody's agreement, it appears here. Leave this page open, or come back.",
        )
    more = (
        tag("p", tag("a", "Later deadlines", href=f"/inbox?cursor={following}", class_="button"))
        if following
        else None
    )
    lead = "Nothing is waiting for people." if not items else f"{count} waiting, the least time left first."
    return layout.page(
        call,
        "Inbox",
        tag("h1", "Inbox"),
        tag("p", lead, class_="lead"),
        body,
        more,
        here="/inbox",
        script=True,
    )


async def shown(call: Call) -> None:
    """Wait for the views to show what a form before this page has changed; go on without when they lag."""
    if call.params.seq:
        try:
            await call.services.views.wait(
                call.org, min(call.params.seq, call.services.engine.head(call.org))
            )
        except Exception:  # noqa: BLE001 - the page says what it has; the next reload has more
            return


def _item(call: Call, item: wire.DecisionItem, row: dict[str, Any], private: dict[str, Any]) -> Safe:
    agent = call.state("agent", row["agent"])
    params = private.get("action", {}).get("params", {}) if private else {}
    hint = next(
        (str(params[name]) for name in ("path", "url", "host", "file", "target") if name in params), ""
    )
    soon = item.deadline_at - call.now < parts.SOON_S * SECOND
    mine = agent is not None and agent.owner == call.principal.id
    return tag(
        "a",
        tag("span", tag("bdi", item.type), f" with {item.tool}" if item.tool else None, class_="title"),
        tag("span", parts.clock(item.deadline_at, call.now), class_="left soon" if soon else "left"),
        tag(
            "span",
            tag("bdi", agent.name if agent is not None else item.agent_id or "the platform itself"),
            " · " if hint else None,
            tag("code", html.capped(hint, 80)[0]) if hint else None,
            class_="sub",
        ),
        tag(
            "span",
            parts.risk_badge(item.risk, parts.band_of(item.risk)),
            " ",
            parts.level_badge(item.level),
            " ",
            parts.badge(f"{item.approvals} of {item.needed} approvals") if item.needed > 1 else None,
            parts.badge("your own agent") if mine else None,
            class_="sub badges",
        ),
        href=f"/inbox/{item.decision_id}",
        class_="item",
    )


async def show_decision(call: Call) -> Reply:
    """One decision."""
    await shown(call)
    return await _decision(call)


async def _decision(call: Call, conflict: Child = None, status: int = 200) -> Reply:
    row, detail = await decisions.detail(call, call.path["decision"])
    item = detail.decision
    pending = item.status == "pending"
    title = f"{item.type}{f' with {item.tool}' if item.tool else ''}"
    return layout.page(
        call,
        title,
        conflict,
        _head(call, item, title, pending=pending),
        endings.told(call, detail) if not pending else None,
        tag(
            "section",
            tag(
                "header",
                tag("h2", "What will run" if item.status in ("pending", "approved") else "What was asked"),
                tag("a", "as plain text", href=f"/inbox/{item.decision_id}/parameters", class_="small"),
            ),
            parameters.render(detail.params),
            tag("p", f"Up to {detail.attempts} times, should it fail.", class_="quiet small")
            if detail.attempts > 1
            else None,
            tag(
                "p",
                "Approving binds to this and nothing else, digest ",
                tag("code", item.digest, class_="digest"),
                class_="small quiet",
            ),
            class_="card",
        ),
        _edited(detail),
        agents_words(detail.words),
        tag("section", tag("h2", "Why people are asked"), parts.trace(detail.trace), class_="card"),
        tag(
            "div",
            tag("section", tag("h2", "Risk"), parts.waterfall(detail.risk), class_="card"),
            await _agent(call, row),
            class_="grid",
        ),
        _also(detail),
        _tribunal(call, detail),
        votes_so_far(call, detail),
        _form(call, detail) if pending else None,
        _break_glass(detail) if detail.may_force else None,
        tag("section", tag("h2", "The story so far"), parts.story(detail.timeline), class_="card"),
        here="/inbox",
        script=True,
        status=status,
    )


def _head(call: Call, item: wire.DecisionItem, title: str, *, pending: bool) -> Safe:
    return tag(
        "div",
        tag("h1", tag("bdi", title)),
        tag(
            "p",
            parts.risk_badge(item.risk, parts.band_of(item.risk)),
            parts.level_badge(item.level),
            parts.badge(f"{item.urgency} urgency"),
            parts.status_badge(item.status),
            class_="badges",
        ),
        tag(
            "p",
            "Time left: ",
            parts.clock(item.deadline_at, call.now),
            tag("span", f" · needs {telling.people(item.needed, item.role)} · ", class_="quiet"),
            tag("a", "go to the vote", href="#vote"),
        )
        if pending
        else tag("p", "Decided ", parts.moment(item.decided_at), ".", class_="lead"),
    )


def _also(detail: wire.DecisionDetail) -> Child:
    """What a stricter policy asks for besides, so that a vote that is not enough is no surprise."""
    if not detail.also:
        return None
    lines = [
        tag(
            "li",
            f"version {one.policy_version}: {one.needed} of the committee {one.committee}"
            if one.committee
            else f"version {one.policy_version}: {telling.people(one.needed, one.role)}",
        )
        for one in detail.also
    ]
    return tag(
        "section",
        tag("h2", "The policy has changed since"),
        tag("p", "An approval must satisfy the policy of the request and each of these.", class_="small"),
        tag("ul", lines),
        class_="card",
    )


def _edited(detail: wire.DecisionDetail) -> Child:
    """A person gave these parameters."""
    if detail.edit is None:
        return None
    return tag(
        "div",
        tag(
            "p",
            tag("strong", f"The parameters were edited by {detail.edit.name or detail.edit.by}. "),
            "Votes from before do not count.",
            tag("span", foreign(detail.edit.reason, WORDS_CHARS_MAX), class_="quiet")
            if detail.edit.reason
            else None,
        ),
        class_="note warn",
        role="status",
    )


def _tribunal(call: Call, detail: wire.DecisionDetail) -> Child:
    """What validator agents say of it; the people decide."""
    if not detail.judgements:
        return None
    item = detail.decision
    if item.recommendation:
        said = f"The tribunal recommends to {item.recommendation} ({item.consensus})."
    else:
        said = "No recommendation: " + (item.consensus.replace("_", " ") or "it has not ruled") + "."
    lines = [
        tag(
            "li",
            tag("strong", tag("bdi", telling.name_of(call, one.agent_id) or one.agent_id)),
            f" {_SAID[one.vote]}, {one.confidence_milli / 10:g} % sure, trust {one.score}",
            " (late, not counted)" if one.late else None,
            tag("div", foreign(one.reasoning, WORDS_CHARS_MAX), class_="quiet") if one.reasoning else None,
        )
        for one in detail.judgements
        if one.vote
    ]
    silent = sum(1 for one in detail.judgements if not one.vote)
    return tag(
        "section",
        tag("h2", "What validator agents say"),
        tag("p", said),
        tag("ul", lines) if lines else None,
        tag("p", f"{silent} said nothing.", class_="quiet") if silent else None,
        class_="card",
    )


def agents_words(words: str | None) -> Safe | None:
    """What the agent said for itself, apart and marked."""
    if words is None:
        return tag("section", tag("p", "What the agent said was erased.", class_="quiet"), class_="card")
    if not words.strip():
        return None
    return tag(
        "section",
        tag("p", "In the agent's own words: not checked by anybody", class_="label"),
        tag("p", foreign(words, WORDS_CHARS_MAX), class_="said"),
        class_="words",
        aria_label="The agent's own words",
    )


async def _agent(call: Call, row: dict[str, Any]) -> Safe | None:
    if not row["agent"]:
        return None  # the platform itself: a change of the policy
    found = await lists.row(call, "agents", agent=row["agent"])
    if found is None:
        return tag(
            "section", tag("h2", "The agent"), tag("p", "Not shown yet.", class_="quiet"), class_="card"
        )
    item = agents.item(call, found)
    return tag(
        "section",
        tag("h2", "The agent"),
        tag(
            "p",
            tag("a", tag("bdi", item.name), href=f"/agents/{item.agent_id}"),
            " ",
            parts.status_badge(item.state),
        ),
        parts.trust_meter(item.score, item.tier),
        parts.facts(
            (
                ("Type", item.type),
                ("Owner", telling.name_of(call, item.owner) or item.owner),
                ("Can", ", ".join(item.capabilities)),
                ("Registered", parts.ago(item.registered_at, call.now)),
            )
        ),
        class_="card",
    )


def votes_so_far(call: Call, detail: wire.DecisionDetail) -> Safe | None:
    """Everybody's say, the refused and the late included."""
    if not detail.votes:
        return None
    lines = [
        tag(
            "li",
            tag("strong", tag("bdi", vote.name or vote.person)),
            f" {_SAID.get(vote.vote, 'tried to vote')}",
            " (late, not counted)" if vote.late else None,
            f" (refused: {parts.words(vote.refused)})" if vote.refused else None,
            tag("span", f" · {parts.ago(vote.at, call.now)}", class_="quiet"),
            tag("div", foreign(vote.comment, WORDS_CHARS_MAX), class_="quiet") if vote.comment else None,
        )
        for vote in detail.votes
    ]
    return tag("section", tag("h2", "Votes"), tag("ul", lines), class_="card")


def _form(call: Call, detail: wire.DecisionDetail) -> Safe:
    if not detail.may_vote:
        return tag(
            "section",
            tag("h2", "Your vote", id="vote"),
            tag("p", detail.obstacle, class_="quiet"),
            tag(
                "p",
                tag(
                    "a",
                    "Sign in with your password",
                    href=f"/sign-in?next=/inbox/{detail.decision.decision_id}",
                    class_="button",
                ),
            )
            if detail.obstacle_code == OWN_SIGN_IN
            else None,
            class_="card decide",
        )
    item = detail.decision
    return tag(
        "section",
        tag("h2", "Your vote", id="vote"),
        tag(
            "form",
            layout.token(call.principal),
            tag("input", type="hidden", name="digest", value=item.digest),
            tag(
                "label", "Comment ", tag("span", "(optional; others read it)", class_="quiet"), for_="comment"
            ),
            tag("textarea", id="comment", name="comment", maxlength=parts.COMMENT_CHARS_MAX, rows=3),
            tag(
                "div",
                tag(
                    "button",
                    "Approve",
                    type="submit",
                    name="vote",
                    value="approve",
                    class_="approve",
                    data_needs_server=True,
                ),
                tag(
                    "button",
                    "Deny",
                    type="submit",
                    name="vote",
                    value="deny",
                    class_="deny",
                    data_needs_server=True,
                ),
                tag("button", "Abstain", type="submit", name="vote", value="abstain", data_needs_server=True),
                class_="buttons",
            ),
            method="post",
            action=f"/inbox/{item.decision_id}",
        ),
        tag("p", tag("a", "Give it other parameters", href=f"/inbox/{item.decision_id}/edit"))
        if isinstance(detail.params, dict)
        else None,
        class_="card decide",
    )


def _break_glass(detail: wire.DecisionDetail) -> Safe:
    """The way past the people, for those who may."""
    asked = ", ".join(detail.force_asked)
    return tag(
        "section",
        tag("h2", "It cannot wait?"),
        tag("p", tag("bdi", asked), " wants to force it past the people; it takes a second person.")
        if asked
        else tag("p", "You may force it past the people, and answer for it.", class_="quiet"),
        tag("p", tag("a", "Force it …", href=f"/inbox/{detail.decision.decision_id}/force", class_="button")),
        class_="card",
    )


async def vote_by_form(call: Call) -> Reply:
    """A vote by form; afterwards the decision with what came of it."""
    say = call.form.get("vote", "")
    if say not in _SAID:
        raise Problem(422, "invalid_fields", "vote: approve, deny or abstain")
    comment = call.form.get("comment", "")[: parts.COMMENT_CHARS_MAX].strip()
    place = f"/inbox/{call.path['decision']}"
    try:
        recorded = await decisions.vote(
            call, call.path["decision"], say, call.form.get("digest", ""), comment
        )
    except Refused as refused:
        if refused.code == "already_voted":
            return replies.redirect(f"{place}?said=already_voted")
        if refused.code == "digest_mismatch":
            return await conflict(
                call,
                "This decision is about another action than the one you saw. Read it again before you vote.",
            )
        raise
    if recorded.late:
        ended = call.state("decision", call.resolve("decision", call.path["decision"])[0]).status
        return await conflict(
            call,
            f"It was over before your vote arrived: {ended}. Your vote is recorded as late and changes nothing.",
            recorded.seq,
        )
    return replies.redirect(f"{place}?said={_SAID[say]}&seq={recorded.seq}")


async def conflict(call: Call, text: str, seq: int = 0) -> Reply:
    """Somebody else was faster, or something changed: said plainly, with the present state below."""
    from watchfloor.http.bodies.pages import PageParams

    call.params = PageParams(seq=seq)
    await shown(call)
    note = tag(
        "div", tag("p", tag("strong", "Somebody was faster. "), text), class_="note warn", role="alert"
    )
    return await _decision(call, note, 409)


async def show_parameters(call: Call) -> Reply:
    """The canonical parameters as plain text, whole, with odd characters made visible."""
    _, state = call.resolve("decision", call.path["decision"])
    content = content_of(state.action, call.state("action", state.action))
    private = (await call.privates([content])).get(content)
    if private is None:
        raise Problem(404, "erased", "the parameters were erased and cannot be inspected")
    raw = msgspec.json.format(msgspec.json.encode(private["action"], order="sorted"), indent=2).decode()
    return Reply(content=html.plain(raw).encode(), media_type=replies.TEXT)

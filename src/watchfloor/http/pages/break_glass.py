"""Break-glass without script: forcing it past the people, and what another person thinks of that (spec 3.2 *Break-glass*).

The page that one comes to shows what would run and asks for the reason; only its form changes anything. Who may, whether
two are needed and what is over is the rules' word (councils/forcing.py); this only says it so that it can be understood.
"""

from __future__ import annotations

from typing import Any

from watchfloor.http import problems, reading, replies
from watchfloor.http.asking import Call
from watchfloor.http.bodies import decisions as wire
from watchfloor.http.html import Child, Safe, tag, verbatim
from watchfloor.http.pages import endings, inbox, layout, parameters, parts
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import decisions
from watchfloor.kernel.limits import REASON_CHARS_MAX
from watchfloor.kernel.messages import Refused

TWO_LEVEL = 4


async def show_force(call: Call) -> Reply:
    """What would run, what forcing it means, and the form."""
    _, detail = await decisions.detail(call, call.path["decision"])
    return _asked_to_force(call, detail)


def _asked_to_force(call: Call, detail: wire.DecisionDetail, problem: Problem | None = None) -> Reply:
    item = detail.decision
    what: Child = _force_form(call, item) if detail.may_force else _not_yours(call, detail)
    return layout.page(
        call,
        "Force it",
        tag("h1", "Force it past the people?"),
        tag(
            "p",
            tag("bdi", item.type),
            f" with {item.tool}" if item.tool else None,
            " of ",
            tag("bdi", item.agent_name or "the platform itself"),
            " then runs although nobody else has agreed.",
            class_="lead",
        ),
        layout.amiss(problem) if problem is not None else None,
        tag(
            "div",
            tag(
                "p",
                "All directors and admins hear of it at once, and somebody else has to review it. "
                "Stops, breakers and the envelope hold it all the same.",
            ),
            tag("p", _second_person(detail)) if item.level >= TWO_LEVEL else None,
            class_="note bad",
        ),
        tag(
            "section",
            tag("h2", "What will run"),
            parameters.render(detail.params),
            tag("p", "Bound to the digest ", tag("code", item.digest, class_="digest"), class_="small quiet"),
            class_="card",
        ),
        inbox.agents_words(detail.words),
        tag("section", tag("h2", "Why people are asked"), parts.trace(detail.trace), class_="card"),
        what,
        here="/inbox",
        status=problem.status if problem is not None else 200 if detail.may_force else 403,
    )


def _second_person(detail: wire.DecisionDetail) -> Child:
    if detail.force_asked:
        return (tag("bdi", ", ".join(detail.force_asked)), " wants to force it; it takes a second person.")
    return "At this level it takes two: nothing runs until a second person forces it too."


def _not_yours(call: Call, detail: wire.DecisionDetail) -> Safe:
    """Why there is no form."""
    if detail.decision.status != "pending":
        why = "It is over: only what waits for people can be forced."
    elif call.principal.id in call.resolve("decision", detail.decision.decision_id)[1].force_asked:
        why = "You want to force it already. It takes a second person."
    else:
        why = detail.obstacle or "This is not yours to force."
    return tag("section", tag("p", why), tag("p", parts.back(detail.decision)), class_="card decide")


def _force_form(call: Call, item: wire.DecisionItem) -> Safe:
    return tag(
        "form",
        layout.token(call.principal),
        tag("input", type="hidden", name="digest", value=item.digest),
        tag(
            "label",
            "Why it cannot wait ",
            tag("span", "(recorded for ever; name no secrets)", class_="quiet"),
            for_="reason",
        ),
        tag(
            "textarea",
            verbatim(call.form.get("reason", "")),
            id="reason",
            name="reason",
            maxlength=REASON_CHARS_MAX,
            rows=3,
            required=True,
        ),
        tag(
            "label",
            tag("input", type="checkbox", name="sure", value="yes", required=True),
            " I have read what will run, and I answer for it",
            class_="check",
        ),
        tag(
            "div",
            tag("button", "Force it", type="submit", class_="deny"),
            parts.back(item),
            class_="buttons",
        ),
        method="post",
        action=f"/inbox/{item.decision_id}/force",
        class_="card decide",
    )


async def force_by_form(call: Call) -> Reply:
    """Force it, or want to as the first of two. Pressing it again changes nothing."""
    place = f"/inbox/{call.path['decision']}"
    try:
        fields = {"digest": call.form.get("digest", ""), "reason": call.form.get("reason", "").strip()}
        body = reading.convert(fields, wire.ForceBody)
        if call.form.get("sure") != "yes":
            unsure = FieldError(field="sure", code="missing", detail="say that you have read it")
            raise Problem(422, "invalid_fields", "say that you have read what will run", errors=(unsure,))
        done = await decisions.force(call, call.path["decision"], body)
    except (Problem, Refused) as error:
        problem = problems.from_exception(error)
        assert problem is not None
        if problem.code in ("digest_mismatch", "decision_over"):
            text = "It is over, or about another action than the one you saw. You forced nothing."
            return await inbox.conflict(call, text)
        if problem.code == "needs_another_person":
            return replies.redirect(f"{place}?said=force_asked_before")
        if problem.status == 422:
            _, detail = await decisions.detail(call, call.path["decision"])
            return _asked_to_force(call, detail, problem)
        raise
    return replies.redirect(f"{place}?said={done.status}&seq={done.seq}")


# Afterwards -----------------------------------------------------------------------------------------------------------


async def show_review(call: Call) -> Reply:
    """What was forced, by whom and why, and the form."""
    _, detail = await decisions.detail(call, call.path["decision"])
    return _asked_to_review(call, detail)


def _asked_to_review(call: Call, detail: wire.DecisionDetail, problem: Problem | None = None) -> Reply:
    item = detail.decision
    return layout.page(
        call,
        "Was it right to force it?",
        tag("h1", "Was it right to force it?"),
        tag(
            "p",
            tag("bdi", item.type),
            " of ",
            tag("bdi", item.agent_name or "the platform itself"),
            class_="lead",
        ),
        layout.amiss(problem) if problem is not None else None,
        endings.forced(call, detail, way=False) if item.forced_by else None,
        tag("section", tag("h2", "What was asked"), parameters.render(detail.params), class_="card"),
        inbox.agents_words(detail.words),
        _review_form(call, item)
        if detail.may_review
        else tag(
            "section", tag("p", _no_review(call, item)), tag("p", parts.back(item)), class_="card decide"
        ),
        here="/inbox",
        status=problem.status if problem is not None else 200 if detail.may_review else 403,
    )


def _no_review(call: Call, item: wire.DecisionItem) -> str:
    if not item.forced_by:
        return "Nobody forced this decision."
    if call.principal.id in item.forced_by:
        return "Whoever forced it does not review it."
    if item.review in ("justified", "unjustified"):
        return "It was reviewed already."
    return "This is not yours to review."


def _review_form(call: Call, item: wire.DecisionItem) -> Safe:
    return tag(
        "form",
        layout.token(call.principal),
        tag("label", "Comment ", tag("span", "(others read it)", class_="quiet"), for_="comment"),
        tag(
            "textarea",
            verbatim(call.form.get("comment", "")),
            id="comment",
            name="comment",
            maxlength=parts.COMMENT_CHARS_MAX,
            rows=3,
        ),
        tag(
            "div",
            tag("button", "It was right", type="submit", name="verdict", value="justified", class_="approve"),
            tag("button", "Object", type="submit", name="verdict", value="unjustified", class_="deny"),
            parts.back(item),
            class_="buttons",
        ),
        method="post",
        action=f"/inbox/{item.decision_id}/review",
        class_="card decide",
    )


async def review_by_form(call: Call) -> Reply:
    """Record the review. Pressing it again changes nothing."""
    place = f"/inbox/{call.path['decision']}"
    fields: dict[str, Any] = {
        "verdict": call.form.get("verdict", ""),
        "comment": call.form.get("comment", "").strip(),
    }
    try:
        seq = await decisions.review(call, call.path["decision"], reading.convert(fields, wire.ReviewBody))
    except (Problem, Refused) as error:
        problem = problems.from_exception(error)
        assert problem is not None
        if problem.code in ("already_reviewed", "not_forced"):
            return await inbox.conflict(call, problem.detail[:1].upper() + problem.detail[1:] + ".")
        if problem.status == 422:
            _, detail = await decisions.detail(call, call.path["decision"])
            return _asked_to_review(call, detail, problem)
        raise
    return replies.redirect(f"{place}?said=reviewed&seq={seq}")

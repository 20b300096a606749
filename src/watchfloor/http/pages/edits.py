"""Edit-and-approve without script: other parameters, what they change, then whose word it is (spec 3.2 *Grant*).

Two steps, and only the second changes anything: the first form asks what would be different, the page it leads to shows
that and has the buttons. What is sent there is what was shown, named with the digest that was read before it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.http import html, problems, reading, replies
from watchfloor.http.asking import Call
from watchfloor.http.bodies import decisions as wire
from watchfloor.http.html import Child, Safe, tag
from watchfloor.http.pages import inbox, layout, parameters, parts
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import decisions
from watchfloor.kernel.limits import JSON_DEPTH_MAX
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.strict import strict

EDIT_BYTES_MAX = 16 * 1024  # of parameters in a form: percent-encoded they stay below what a form may hold
CHANGES_MAX = 200


def editable(detail: wire.DecisionDetail) -> bool:
    """May the asking person give it other parameters here?"""
    return (
        detail.may_vote
        and isinstance(detail.params, dict)
        and len(written(detail.params).encode()) <= EDIT_BYTES_MAX
    )


def written(params: Any) -> str:
    """Parameters as text that can be edited: what cannot be seen is spelled out, and reading it gives the same again."""
    plain = msgspec.json.format(msgspec.json.encode(params, order="sorted"), indent=2).decode()
    return html.spelled(plain)


async def show_edit(call: Call) -> Reply:
    """All parameters as text."""
    _, detail = await decisions.detail(call, call.path["decision"])
    return _first(call, detail, written(detail.params))


def _first(call: Call, detail: wire.DecisionDetail, text: str, problem: Problem | None = None) -> Reply:
    """The first step, again when something was wrong with it."""
    item = detail.decision
    if not editable(detail):
        why = detail.obstacle or "These parameters cannot be edited here. The floor may take them."
        return _nothing(call, item, why)
    return layout.page(
        call,
        "Other parameters",
        tag("h1", "Give it other parameters"),
        tag("p", tag("bdi", item.type), f" with {item.tool}" if item.tool else None, class_="lead"),
        layout.amiss(problem) if problem is not None else None,
        tag(
            "form",
            layout.token(call.principal),
            tag("input", type="hidden", name="digest", value=item.digest),
            tag(
                "label",
                "Parameters ",
                tag("span", "(all of them, as they shall be, as JSON)", class_="quiet"),
                for_="params",
            ),
            tag(
                "textarea",
                html.verbatim(text),
                id="params",
                name="params",
                rows=min(24, max(6, text.count("\n") + 2)),
                spellcheck="false",
                autocapitalize="off",
                autocomplete="off",
                class_="code",
                aria_invalid="true" if problem is not None else None,
            ),
            tag(
                "p",
                "Nothing is changed yet: the next page shows what would be different.",
                class_="quiet small",
            ),
            tag(
                "div",
                tag("button", "See what changes", type="submit", class_="primary"),
                parts.back(item),
                class_="buttons",
            ),
            method="post",
            action=f"/inbox/{item.decision_id}/edit",
            class_="card",
        ),
        here="/inbox",
        status=problem.status if problem is not None else 200,
    )


async def edit_by_form(call: Call) -> Reply:
    """Without `confirmed` the page that shows what would be different; with it, the edit, and the approval if wished."""
    text, digest = call.form.get("params", ""), call.form.get("digest", "")
    _, detail = await decisions.detail(call, call.path["decision"])
    if detail.decision.digest != digest:
        return await inbox.conflict(
            call, "It is about other parameters now than those you edited. Read it again."
        )
    try:
        params = _read(text)
    except (Problem, Refused) as error:
        problem = problems.from_exception(error)
        assert problem is not None
        return _first(call, detail, text, _at_params(problem))
    if not call.form.get("confirmed"):
        return _second(call, detail, params)
    return await _carried_out(call, detail, params)


def _read(text: str) -> dict[str, Any]:
    """The parameters of a text. Raises Problem, Refused."""
    plain = strict(text.encode(), bytes_max=EDIT_BYTES_MAX, depth_max=JSON_DEPTH_MAX)
    if not isinstance(plain, dict):
        raise Problem(422, "invalid_fields", "they have to be an object: { … }")
    return plain


def _at_params(problem: Problem) -> Problem:
    """The same refusal with its place in the form."""
    errors = tuple(
        FieldError(field=f"params{one.field.removeprefix('/params')}", code=one.code, detail=one.detail)
        for one in problem.errors
    ) or (FieldError(field="params", code=problem.code, detail=problem.detail),)
    return Problem(problem.status, problem.code, problem.detail, errors=errors)


def _second(
    call: Call, detail: wire.DecisionDetail, params: dict[str, Any], problem: Problem | None = None
) -> Reply:
    """What would be different, and the buttons."""
    item = detail.decision
    near = _may_approve_too(call, item.level)
    changes = differences(detail.params, params)
    if not changes:
        nothing = Problem(422, "nothing_changed", "these are the parameters it has already")
        return _first(call, detail, written(params), _at_params(nothing))
    return layout.page(
        call,
        "Confirm other parameters",
        tag("h1", "Put these in place of the agent's?"),
        tag(
            "p",
            "The gate judges them like a request, and an edit never lowers what is asked for. Votes from before do not count.",
            class_="lead",
        ),
        layout.amiss(problem) if problem is not None else None,
        tag("section", tag("h2", "What changes"), _table(changes), class_="card"),
        tag("section", tag("h2", "What would run"), parameters.render(params), class_="card"),
        tag(
            "form",
            layout.token(call.principal),
            tag("input", type="hidden", name="digest", value=item.digest),
            tag("input", type="hidden", name="params", value=written(params)),
            tag("input", type="hidden", name="confirmed", value="yes"),
            tag("label", "Why ", tag("span", "(others read it)", class_="quiet"), for_="reason"),
            tag(
                "textarea",
                html.verbatim(call.form.get("reason", "")),
                id="reason",
                name="reason",
                maxlength=parts.COMMENT_CHARS_MAX,
                rows=3,
            ),
            None
            if near
            else tag("p", f"At level {item.level} others decide on what you edited.", class_="quiet small"),
            tag(
                "div",
                tag(
                    "button",
                    "Edit and approve",
                    type="submit",
                    name="then",
                    value="approve",
                    class_="approve",
                )
                if near
                else None,
                tag("button", "Edit", type="submit", name="then", value="ask"),
                parts.back(item),
                class_="buttons",
            ),
            method="post",
            action=f"/inbox/{item.decision_id}/edit",
            class_="card decide",
        ),
        here="/inbox",
        status=problem.status if problem is not None else 200,
    )


def _may_approve_too(call: Call, level: int) -> bool:
    """Up to the level of the policy whoever edited it decides on it all the same."""
    active = call.read("active_policy", "active")
    return active is not None and level <= active.document.routing.editor_level_max


def differences(before: Any, after: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """(place, was, becomes) of everything that differs, objects by their members; `...` where there is none."""
    if before == after and type(before) is type(after):
        return []
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [(place, before, after)]
    found: list[tuple[str, Any, Any]] = []
    for name in sorted({*before, *after}):
        inside = f"{place}.{name}" if place else name
        found += differences(before.get(name, ...), after.get(name, ...), inside)
    return found


def _table(changes: list[tuple[str, Any, Any]]) -> Safe:
    rows = [
        tag(
            "div",
            tag("dt", tag("bdi", place)),
            tag("dd", tag("del", _side(was)), tag("ins", _side(becomes))),
        )
        for place, was, becomes in changes[:CHANGES_MAX]
    ]
    left = len(changes) - CHANGES_MAX
    return tag(
        "div",
        tag("dl", rows, class_="params changes"),
        tag("p", f"… and {left} more; all of it is below.", class_="more") if left > 0 else None,
    )


def _side(value: Any) -> Child:
    return tag("span", "not there", class_="quiet") if value is ... else parameters.tree(value)


async def _carried_out(call: Call, detail: wire.DecisionDetail, params: dict[str, Any]) -> Reply:
    """The edit; then the approval of what came of it, if it is wished, judged no more severely, and theirs to give."""
    item = detail.decision
    reason = call.form.get("reason", "").strip()
    fields = {"digest": item.digest, "params": params, "reason": reason}
    try:
        done = await decisions.edit(call, item.decision_id, reading.convert(fields, wire.EditBody))
    except (Problem, Refused) as error:
        problem = problems.from_exception(error)
        assert problem is not None
        if problem.code in ("digest_mismatch", "decision_over"):
            return await inbox.conflict(
                call, "It was decided or edited before your edit arrived. Nothing of yours was recorded."
            )
        if problem.code in ("edit_denied", "invalid_fields") or problem.status == 422:
            return _second(call, detail, params, problem)
        raise
    said = "edited"
    if call.form.get("then") == "approve":
        said = await _approved(call, item, done, reason)
    where = done.decision_id or item.decision_id
    return replies.redirect(f"/inbox/{where}?said={said}&seq={call.services.engine.head(call.org)}")


async def _approved(call: Call, before: wire.DecisionItem, done: wire.EditRecorded, reason: str) -> str:
    """What to say after trying to approve it too. The edit stands whatever comes of it."""
    if done.level > before.level or parts.band_of(done.risk) != parts.band_of(before.risk):
        return "edited_harder"
    if not done.decision_id:
        return "edited"
    subject, state = call.resolve("decision", done.decision_id)
    if decisions.obstacle_of(call, subject, state):
        return "edited_alone"
    try:
        await decisions.vote(call, done.decision_id, "approve", done.digest, reason)
    except (Problem, Refused):
        return "edited_alone"  # somebody was faster, or it is for others: the page shows which
    return "edited_approved"


def _nothing(call: Call, item: wire.DecisionItem, why: str) -> Reply:
    return layout.page(
        call,
        "Other parameters",
        tag("h1", "Give it other parameters"),
        tag("div", tag("p", why), class_="note warn", role="alert"),
        tag("p", parts.back(item)),
        here="/inbox",
        narrow=True,
        status=403,
    )

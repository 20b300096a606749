"""What the platform and a person found of a task's work, for people (spec 2.4 *Verification*, *Review*)."""

from __future__ import annotations

from typing import Any

from watchfloor.http import telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies.tasks import TaskReview
from watchfloor.http.html import Child, Safe, foreign, tag
from watchfloor.http.pages import parameters, parts

_STREAM_CHARS = 8_000  # of one stream on a page; all that was kept is in the API


def section(criteria: tuple[Any, ...], checks: Any, why: str) -> Safe | None:
    """Criteria and checks as a card, None for a task without criteria."""
    if not criteria and not checks:
        return None
    told: list[Child] = [_check(check) for check in checks or ()]
    return tag(
        "section",
        tag("h2", "Criteria"),
        parameters.tree(list(criteria)) if criteria else tag("p", "The criteria were erased."),
        tag("h3", "What the platform found") if told or why else None,
        tag("p", parts.words(why)) if why else None,
        *told,
        class_="card",
    )


def rating(call: Call, review: TaskReview | None) -> Safe | None:
    """How a person rated the task, None when nobody has."""
    if review is None:
        return None
    who = telling.name_of(call, review.reviewer_id) or review.reviewer_id
    return tag(
        "section",
        tag("h2", "Review"),
        tag("p", parts.words(review.verdict), " by ", tag("bdi", who), " ", parts.moment(review.reviewed_at)),
        tag("p", foreign(review.reason, 1_024)) if review.reason else tag("p", "The reason was erased."),
        class_="card",
    )


def _check(check: Any) -> Child:
    """One check: did it hold, how it ended, what was printed."""
    if not isinstance(check, dict):
        return parameters.tree(check)
    about = " ".join(map(str, check.get("argv", ()))) or str(check.get("about", ""))
    held = check.get("held", check.get("outcome") == "exited" and check.get("exit_code") == 0) is True
    took = f"{check.get('outcome', '')} after {check.get('duration_ms', 0)} ms"
    code = check.get("exit_code", -1)
    ended = f"{took}, exit code {code}" if check.get("kind") in ("command", "tests") else took
    return tag(
        "div",
        tag(
            "p",
            parts.status_badge("succeeded" if held else "failed"),
            " ",
            tag("b", parts.words(str(check.get("kind", "")))),
            " ",
            tag("code", foreign(about, 400)),
        ),
        tag("p", foreign(ended, 200)),
        tag("p", foreign(str(check["detail"]), 2_000)) if check.get("detail") else None,
        *(
            tag("details", tag("summary", name), tag("pre", foreign(str(check[name]), _STREAM_CHARS)))
            for name in ("stdout", "stderr")
            if check.get(name)
        ),
    )

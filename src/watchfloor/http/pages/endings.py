"""How a decision ended, and what was forced: the note on top of its page (spec 3.2)."""

from __future__ import annotations

from watchfloor.http import telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies import decisions as wire
from watchfloor.http.html import Safe, foreign, tag
from watchfloor.http.pages import parts

SENTENCE_CHARS_MAX = 1_000
_FORCING = ("decision.force_asked/1", "decision.forced/1")
_ENDED = {
    "approved": ("good", "Approved", "The agent has its single-use grant."),
    "denied": ("bad", "Denied", "The agent was told, nothing runs."),
    "expired": ("warn", "Expired", "Nobody decided in time, so nothing runs."),
    "cancelled": ("warn", "Cancelled", "The action was withdrawn before anybody decided."),
}


def told(call: Call, detail: wire.DecisionDetail) -> Safe:
    """The ending of a decision that is over."""
    if detail.decision.forced_by:
        return forced(call, detail, way=detail.may_review)
    item = detail.decision
    kind, word, text = _ENDED.get(item.status, ("warn", item.status, ""))
    counted = [vote.name or vote.person for vote in detail.votes if not vote.late and not vote.refused]
    by = (
        f" by {', '.join(counted)}"
        if counted and item.reason == "voted"
        else f" ({parts.words(item.reason)})"
        if item.reason and item.reason != "voted"
        else ""
    )
    return tag("div", tag("p", tag("strong", f"{word}{by}. "), text), class_=f"note {kind}", role="status")


def forced(call: Call, detail: wire.DecisionDetail, *, way: bool) -> Safe:
    """Who forced it and why, and what somebody else thinks of it; `way`: with the way to say so."""
    item = detail.decision
    names = ", ".join(telling.name_of(call, who) or who for who in item.forced_by)
    review = {
        "": ("Another person reviews it by ", parts.moment(item.review_by_at), "."),
        "overdue": ("Nobody has reviewed it in time. It can be reviewed still.",),
    }.get(item.review, (f"Reviewed as {item.review}.",))
    why = [
        tag("p", foreign(one.sentence, SENTENCE_CHARS_MAX)) for one in detail.timeline if one.type in _FORCING
    ]
    to_review = tag("a", "Review it", href=f"/inbox/{item.decision_id}/review", class_="button")
    return tag(
        "div",
        tag("p", tag("strong", f"Forced past the people by {names}. "), *review),
        why,
        tag("p", to_review) if way else None,
        class_="note warn",
        role="status",
    )

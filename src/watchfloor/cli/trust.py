"""`watchfloor trust …`: how far an agent is trusted, why, and what would change it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, instant, show, table

app = App(name="trust", help="See how far an agent is trusted, why, and what would lift it; adjust it.")
_HISTORY = [
    ("when", "WHEN"),
    ("what", "WHAT"),
    ("points", "POINTS"),
    ("score", "SCORE"),
    ("tier", "TIER"),
    ("reason", "REASON"),
    ("seq", "SEQ"),
]


def _instant(text: str) -> int | None:
    """An instant such as 2026-11-01T12:00 (UTC unless it says otherwise) in µs. Raises Failure."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"--at {text!r} is no instant", 2) from error
    parsed = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp()) * 1_000_000


@app.command(name="show")
def show_(agent: str, *, at: str = "", json: bool = False) -> None:
    """Score and tier, now or at an instant, with what made them and what would lift the agent.

    Parameters
    ----------
    at
        An instant in the past, such as 2026-11-01T12:00 (UTC).
    """
    client = Client()
    now = client.get(client.agent_path(agent, "trust"), at=_instant(at))
    lines = [f"{agent}: {now['score']} ({now['tier']}) at {instant(now['at'])}", f"  base {now['base']}"]
    if now["falls_at"]:
        lines.append(f"  too low for this tier, which is kept until {instant(now['falls_at'])}")
    for reason in now["reasons"]:
        day, gone = instant(reason["day_at"])[:10], instant(reason["gone_at"])[:10]
        points = reason["points_milli"] / 1000
        lines.append(f"  {points:+.1f}  {reason['what']} x {reason['events']} on {day}, gone on {gone}")
    if now["next_tier"]:
        lines.append(f"{now['missing']} points to {now['next_tier']}. One of these would do:")
        for way in now["lifts"]:
            days = f", at least {way['days_min']} days" if way["days_min"] > 1 else ""
            lines.append(f"  {way['events']} x {way['what']}{days}")
    show(now, json=json, text="\n".join(lines))


@app.command
def history(agent: str, *, limit: Limit = 50, json: bool = False) -> None:
    """What moved an agent's trust, newest first."""
    client = Client()
    items = client.pages(client.agent_path(agent, "trust", "history"), limit)
    show(items, json=json, text=table([_row(item) for item in items], _HISTORY, "Nothing has moved it."))


def _row(item: dict[str, Any]) -> dict[str, Any]:
    same = item["tier"] == item["tier_before"]
    return {
        **item,
        "when": instant(item["at"]),
        "points": f"{item['points']:+d}" if item["counted"] else "beyond the cap",
        "score": f"{item['score_before']} -> {item['score']}",
        "tier": item["tier"] if same else f"{item['tier_before']} -> {item['tier']}",
    }


@app.command
def adjust(agent: str, points: int, *, reason: str, json: bool = False) -> None:
    """Move an agent's trust by POINTS, with a reason people will read. Not of an agent of your own."""
    client = Client()
    answer = client.post(client.agent_path(agent, "trust", "adjust"), {"points": points, "reason": reason})
    show(answer, json=json, text=f"{agent}: moved by {points:+d}")

"""`watchfloor alerts …`: what people should know of now, and what they make of it."""

from __future__ import annotations

from typing import Any, Literal

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Limit, instant, show, table

app = App(name="alerts", help="See what people should know of now; acknowledge and resolve it.")
COLUMNS = [
    ("alert_id", "ALERT"),
    ("severity", "SEVERITY"),
    ("raised", "SINCE"),
    ("title", "WHAT"),
    ("state", "STATUS"),
]


def row(item: dict[str, Any]) -> dict[str, Any]:
    """An alert as a line of a table."""
    return {
        **item,
        "raised": instant(item["worsened_at"] or item["raised_at"]),
        "state": item["how"] or item["status"],
    }


@app.command(name="list")
def list_(
    *,
    status: Literal["", "active", "open", "acknowledged", "resolved"] = "active",
    severity: Literal["", "info", "warning", "critical"] = "",
    what: str = "",
    agent: str = "",
    limit: Limit = 100,
    json: bool = False,
) -> None:
    """List alerts that are not over (--status "" for all), newest first."""
    items = Client().pages("/api/v1/alerts", limit, status=status, severity=severity, what=what, agent=agent)
    show(items, json=json, text=table([row(item) for item in items], COLUMNS, "No alerts."))


@app.command(name="show")
def show_(alert: str, *, json: bool = False) -> None:
    """One alert, with what it is about."""
    item = Client().get(f"/api/v1/alerts/{alert}")
    lines = [
        f"{item['alert_id']}: {item['title']} ({item['severity']}). {item['meaning']}",
        f"About:    {item['thing_id'] or '-'}",
        f"Shown by: event {item['source']}",
        f"Raised:   {instant(item['raised_at'])}",
    ]
    if item["worsened_at"]:
        lines.append(f"Worse:    {instant(item['worsened_at'])}")
    if item["acknowledged_at"]:
        lines.append(f"Seen:     {instant(item['acknowledged_at'])} by {item['acknowledged_by']}")
    if item["resolved_at"]:
        lines.append(f"Over:     {instant(item['resolved_at'])}, {item['how']} {item['reason']}".rstrip())
    elif not item["by_hand"]:
        lines.append("It is over when what it is about is.")
    show(item, json=json, text="\n".join(lines))


@app.command
def acknowledge(alert: str, *, json: bool = False) -> None:
    """Say that you have seen it and are looking."""
    answer = Client().post(f"/api/v1/alerts/{alert}/acknowledge", {})
    show(answer, json=json, text=f"{alert}: acknowledged")


@app.command
def resolve(alert: str, *, reason: str, json: bool = False) -> None:
    """Close what does not end by itself, and say why."""
    answer = Client().post(f"/api/v1/alerts/{alert}/resolve", {"reason": reason})
    show(answer, json=json, text=f"{alert}: resolved")

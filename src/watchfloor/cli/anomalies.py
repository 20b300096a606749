"""`watchfloor anomalies …`: what the detectors found, and what people make of it."""

from __future__ import annotations

from typing import Any, Literal

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Limit, instant, show, table

app = App(name="anomalies", help="See what agents do out of the ordinary; acknowledge and resolve it.")
_COLUMNS = [
    ("anomaly_id", "ANOMALY"),
    ("found", "FOUND"),
    ("what", "WHAT"),
    ("agents", "AGENTS"),
    ("figures", "MEASURED"),
    ("status", "STATUS"),
]


def _row(item: dict[str, Any]) -> dict[str, Any]:
    about = f" ({item['about']})" if item["about"] else ""
    return {
        **item,
        "found": instant(item["found_at"]),
        "what": item["what"] + about,
        "figures": f"{item['measured']} {item['unit']}, bound {item['threshold']}",
        "status": item["outcome"] or item["status"],
    }


@app.command(name="list")
def list_(
    *,
    status: Literal["", "open", "acknowledged", "resolved"] = "",
    what: str = "",
    agent: str = "",
    limit: Limit = 100,
    json: bool = False,
) -> None:
    """List anomalies, newest first."""
    items = Client().pages("/api/v1/anomalies", limit, status=status, what=what, agent=agent)
    show(items, json=json, text=table([_row(item) for item in items], _COLUMNS, "No anomalies."))


@app.command(name="show")
def show_(anomaly: str, *, json: bool = False) -> None:
    """One anomaly with the seqs of the events that show it (`watchfloor ledger audit SEQ` judges one again)."""
    item = Client().get(f"/api/v1/anomalies/{anomaly}")
    row = _row(item)
    lines = [
        f"{item['anomaly_id']}: {row['what']}. {item['meaning']}",
        f"Agents:   {', '.join(item['agents'])}",
        f"Measured: {row['figures']}",
        f"Evidence: {', '.join(map(str, item['evidence']))}",
        f"Found:    {row['found']}",
    ]
    if item["acknowledged_at"]:
        lines.append(f"Seen:     {instant(item['acknowledged_at'])} by {item['acknowledged_by']}")
    if item["resolved_at"]:
        lines.append(
            f"Resolved: {instant(item['resolved_at'])} by {item['resolved_by']}, {item['outcome']}: {item['reason']}"
        )
    show(item, json=json, text="\n".join(lines))


@app.command
def acknowledge(anomaly: str, *, json: bool = False) -> None:
    """Say that you have seen it and are looking."""
    answer = Client().post(f"/api/v1/anomalies/{anomaly}/acknowledge", {})
    show(answer, json=json, text=f"{anomaly}: acknowledged")


@app.command
def resolve(
    anomaly: str, outcome: Literal["confirmed", "false_alarm"], *, reason: str, json: bool = False
) -> None:
    """Close it: confirmed or false_alarm, and why."""
    answer = Client().post(f"/api/v1/anomalies/{anomaly}/resolve", {"outcome": outcome, "reason": reason})
    show(answer, json=json, text=f"{anomaly}: resolved as {outcome}")

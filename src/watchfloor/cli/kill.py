"""`watchfloor kill …`: the kill switch, thrown and lifted (spec 3.3)."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Limit, instant, show, table

app = App(name="kill", help="Stop agents, actions, tools or everything; lift stops, at once or in stages.")
_COLUMNS = [
    ("stop_id", "STOP"),
    ("of", "OF"),
    ("reason", "REASON"),
    ("state", "STATE"),
    ("eased", "LIFTED FOR"),
]


@app.command
def throw(scope: str, target: str = "", *, reason: str, json: bool = False) -> None:
    """Stop something. It is in force when this returns, also while the ledger cannot be written.

    Parameters
    ----------
    scope
        organisation, agent, lineage (an agent and all it spawned), agent_type, action_type, tool, or workflow (a task
        and all that was handed on below it).
    target
        Which: an agent's id, code or name, a task's id, or another name; nothing for the organisation.
    reason
        Why, for those who lift it.
    """
    answer = Client().post("/api/v1/stops", {"scope": scope, "target": target, "reason": reason})
    show(answer, json=json, text=answer["stop_id"] or "in force; the ledger gets it later")


@app.command(name="list")
def list_(*, state: str = "in_force", limit: Limit = 100, json: bool = False) -> None:
    """List stops. STATE: in_force or lifted."""
    items = Client().pages("/api/v1/stops", limit, state=state)
    show(items, json=json, text=table([_row(item) for item in items], _COLUMNS, "Nothing is stopped."))


def _row(item: dict[str, Any]) -> dict[str, Any]:
    at = item["lifted_at"] or item["effective_at"]
    state = f"{'lifted' if item['lifted_at'] else 'in force since'} {instant(at)}"
    eased = ", ".join(f"{stage['scope']} {stage['target']}" for stage in item["eased"])
    return {**item, "of": f"{item['scope']} {item['target']}".rstrip(), "state": state, "eased": eased}


@app.command
def ease(stop: str, scope: str, target: str, *, reason: str, json: bool = False) -> None:
    """Lift a stop for one name, all else stays stopped: a stage. Takes somebody else than who threw it."""
    body = {"scope": scope, "target": target, "reason": reason}
    answer = Client().post(f"/api/v1/stops/{stop}/ease", body)
    show(answer, json=json, text=f"{stop}: lifted for {scope} {target}")


@app.command
def lift(stop: str, *, reason: str, json: bool = False) -> None:
    """Lift a stop. Takes somebody else than who threw it."""
    answer = Client().post(f"/api/v1/stops/{stop}/lift", {"reason": reason})
    show(answer, json=json, text=f"{stop}: lifted")

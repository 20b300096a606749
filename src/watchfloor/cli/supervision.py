"""`watchfloor supervision …`: which agents supervise others, and who takes over from them."""

from __future__ import annotations

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Limit, show, table

app = App(name="supervision", help="Let agents supervise others; see and pass on who does.")


@app.command(name="list")
def list_(*, state: str = "", limit: Limit = 100, json: bool = False) -> None:
    """List domains. STATE: held, doubted, people (nobody is there), ended, or empty for all."""
    items = Client().pages("/api/v1/supervision", limit, state=state or None)
    columns = [
        ("supervision_id", "SUPERVISION"),
        ("domain", "DOMAIN"),
        ("state", "STATE"),
        ("holder_id", "HELD BY"),
        ("generation", "GENERATION"),
        ("reason", "REASON"),
    ]
    show(items, json=json, text=table(items, columns, "No agent supervises others."))


@app.command
def arrange(
    domain: str,
    *,
    primary: str,
    member: list[str],
    backup: list[str] | None = None,
    patience_ms: int = 5_000,
    tasks_max: int = 0,
    json: bool = False,
) -> None:
    """Let PRIMARY supervise the members of DOMAIN, and the backups after it, in order: ids, codes or names."""
    body = {
        "domain": domain,
        "primary_id": primary,
        "backup_ids": backup or [],
        "member_ids": member,
        "patience_ms": patience_ms,
        "tasks_max": tasks_max,
    }
    answer = Client().post("/api/v1/supervision", body)
    holder = answer["holder_id"] or "people: none of these agents is there"
    show(answer, json=json, text=f"{answer['supervision_id']}: held by {holder}")


def pass_(supervision: str, *, to: str = "", reason: str = "", json: bool = False) -> None:
    """Pass SUPERVISION and its holder's open work on: to an agent, or to the first of the others that is there."""
    answer = Client().post(f"/api/v1/supervision/{supervision}/pass", {"agent_id": to, "reason": reason})
    show(answer, json=json, text=f"{supervision} is passed on")


app.command(pass_, name="pass")


@app.command
def end(supervision: str, *, reason: str = "", json: bool = False) -> None:
    """End SUPERVISION: nobody supervises its domain any more."""
    answer = Client().post(f"/api/v1/supervision/{supervision}/end", {"reason": reason})
    show(answer, json=json, text=f"{supervision} is over")

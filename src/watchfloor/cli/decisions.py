"""`watchfloor decisions …`: what waits for people."""

from __future__ import annotations

import sys
from typing import Any, Literal

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, block, instant, show, table, visible
from watchfloor.cli.task import story

app = App(name="decisions", help="See what waits for people; approve or deny it.")


@app.command(name="list")
def list_(*, status: str = "pending", limit: Limit = 100, json: bool = False) -> None:
    """List decisions by time left. STATUS: pending, approved, denied, expired, cancelled, or empty for all."""
    items = Client().pages("/api/v1/decisions", limit, status=status)
    rows = [{**item, "until": instant(item["deadline_at"])} for item in items]
    columns = [
        ("decision_id", "DECISION"),
        ("status", "STATUS"),
        ("level", "LEVEL"),
        ("risk", "RISK"),
        ("type", "ACTION"),
        ("agent_id", "AGENT"),
        ("until", "DEADLINE (UTC)"),
    ]
    show(items, json=json, text=table(rows, columns, "Nothing waits for you."))


def show_(decision: str, *, json: bool = False) -> None:
    """Show what would run, why people are asked, and the agent's own words."""
    found = Client().get(f"/api/v1/decisions/{decision}")
    show(found, json=json, text=described(found))


app.command(show_, name="show")


def described(found: dict[str, Any]) -> str:
    """A decision for people: canonical parameters as the server renders them; the agent's words apart."""
    decision = found["decision"]
    lines = [
        (
            f"{decision['type']} by {decision['agent_id']} · level {decision['level']} · risk {decision['risk']}"
            f" · needs {decision['needed']} {decision['role']} · {decision['status']}"
        ),
        "",
        "WHAT WOULD RUN (canonical parameters)",
    ]
    params = found["params"] or {}
    lines += [f"  {visible(name)}: {visible(value)}" for name, value in params.items() if name != "diff"]
    if "diff" in params:
        lines += ["", "DIFF", block(str(params["diff"]))]
    lines += ["", "WHY PEOPLE ARE ASKED"]
    lines += [
        f"  {visible(line.get('sentence') or line.get('text') or line['rule'])}"
        for line in found["trace"]
        if line["answer"] != "pass"
    ]
    lines += ["", "RISK", *(f"  {f['points']:+4d}  {visible(f['name'])}" for f in found["risk"]["factors"])]
    if found["also"]:
        lines += ["", "ASKED FOR BESIDES, BY POLICIES APPLIED SINCE"]
        lines += [
            f"  version {one['policy_version']}: {one['needed']} {one['committee'] or one['role']}"
            for one in found["also"]
        ]
    if found["words"]:
        lines += ["", "THE AGENT'S OWN WORDS (not checked by anybody)", "  " + visible(found["words"])]
    lines += ["", f"digest {decision['digest']}", "", story(found["timeline"])]
    return "\n".join(lines)


def _vote(decision: str, vote: str, comment: str, yes: bool, json: bool) -> None:
    client = Client()
    found = client.get(f"/api/v1/decisions/{decision}")
    if not yes:
        sys.stderr.write(described(found) + f"\n\n{vote} this? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Failure("nothing was decided")
    body = {"vote": vote, "digest": found["decision"]["digest"], "comment": comment}
    answer = client.post(f"/api/v1/decisions/{decision}/vote", body)
    show(answer, json=json, text=f"{decision}: {answer['status']}")


@app.command
def approve(decision: str, *, comment: str = "", yes: bool = False, json: bool = False) -> None:
    """Approve exactly what is shown: your vote names its digest. Asks before it votes unless --yes."""
    _vote(decision, "approve", comment, yes, json)


@app.command
def deny(decision: str, *, comment: str = "", yes: bool = False, json: bool = False) -> None:
    """Deny it."""
    _vote(decision, "deny", comment, yes, json)


@app.command
def force(decision: str, reason: str, *, yes: bool = False, json: bool = False) -> None:
    """Break-glass: force it past the people, with a reason that is never erased. Two persons at level 4.

    Everybody is told at once, and another person has to review it.
    """
    client = Client()
    found = client.get(f"/api/v1/decisions/{decision}")
    if not yes:
        sys.stderr.write(described(found) + "\n\nforce this past the people? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Failure("nothing was forced")
    body = {"digest": found["decision"]["digest"], "reason": reason}
    answer = client.post(f"/api/v1/decisions/{decision}/force", body)
    text = (
        "forced; another person reviews it"
        if answer["status"] == "forced"
        else "a second person has to force it too"
    )
    show(answer, json=json, text=f"{decision}: {text}")


@app.command
def review(
    decision: str, verdict: Literal["justified", "unjustified"], *, comment: str = "", json: bool = False
) -> None:
    """Say whether it was right to force it, as somebody who did not."""
    answer = Client().post(f"/api/v1/decisions/{decision}/review", {"verdict": verdict, "comment": comment})
    show(answer, json=json, text=f"{decision}: reviewed as {verdict}")

"""`watchfloor decisions …`: what waits for people."""

from __future__ import annotations

import sys
import time
from pathlib import Path
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


@app.command
def inbox(*, whose: Literal["me", "role", "all"] = "me", limit: Limit = 100, json: bool = False) -> None:
    """What waits for you (your role, or anybody): least time left first, then the higher risk."""
    items = Client().pages("/api/v1/inbox", limit, whose=whose)
    rows = [
        {**item["decision"], "agent": item["agent_name"], "until": instant(item["decision"]["deadline_at"])}
        for item in items
    ]
    columns = [
        ("decision_id", "DECISION"),
        ("level", "LEVEL"),
        ("risk", "RISK"),
        ("type", "ACTION"),
        ("agent", "AGENT"),
        ("recommendation", "TRIBUNAL"),
        ("until", "DEADLINE (UTC)"),
    ]
    show(items, json=json, text=table(rows, columns, "Nothing waits for you."))


@app.command
def summary(*, json: bool = False) -> None:
    """What waits in one look: by risk, by level, and what belongs together."""
    found = Client().get("/api/v1/inbox/summary")
    bands = ", ".join(f"{count} {band}" for band, count in found["bands"].items() if count)
    head = f"{found['waiting']} waiting, {found['mine']} for you{f' ({bands})' if bands else ''}"
    rows = [{**group, "until": instant(group["deadline_at"])} for group in found["groups"]]
    columns = [
        ("count", "WAITING"),
        ("agent_name", "AGENT"),
        ("type", "ACTION"),
        ("band", "RISK"),
        ("level", "LEVEL"),
        ("until", "SOONEST (UTC)"),
    ]
    show(found, json=json, text=head + "\n" + table(rows, columns, ""))


@app.command
def similar(decision: str, *, json: bool = False) -> None:
    """Similar decisions that are over, and what approving or denying this one would do to the agent's trust."""
    client = Client()
    found = client.get(f"/api/v1/decisions/{decision}/similar")["items"]
    would = client.get(f"/api/v1/decisions/{decision}/impact")
    rows = [{**item, "when": instant(item["decided_at"])} for item in found]
    columns = [
        ("decision_id", "DECISION"),
        ("same", "SAME"),
        ("type", "ACTION"),
        ("status", "ENDED"),
        ("outcome", "ACTION IS"),
        ("when", "WHEN (UTC)"),
    ]
    lines = [table(rows, columns, "Nothing like it was decided before."), "", f"TRUST {would['score']} now"]
    lines += [
        f"  {', '.join(part for part in (one['vote'], one['outcome']) if part)}: {one['change']:+d} to {one['score']} ({one['tier']})"
        for one in would["items"]
    ]
    show({"similar": found, "impact": would}, json=json, text="\n".join(lines))


@app.command
def votes(
    vote: Literal["approve", "deny", "abstain"],
    decisions: list[str],
    *,
    comment: str = "",
    yes: bool = False,
    json: bool = False,
) -> None:
    """One vote on several decisions, with one confirmation after all of them were shown. Each stands for itself."""
    client = Client()
    found = [client.get(f"/api/v1/decisions/{one}")["decision"] for one in decisions]
    if not yes:
        for one in found:
            sys.stderr.write(
                f"{one['decision_id']}  {one['type']} by {one['agent_id']}, level {one['level']}, risk {one['risk']}\n"
            )
        sys.stderr.write(f"{vote} these {len(found)}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Failure("nothing was decided")
    body = {
        "votes": [
            {"decision_id": one["decision_id"], "vote": vote, "digest": one["digest"]} for one in found
        ],
        "comment": comment,
    }
    answer = client.post("/api/v1/inbox/votes", body)
    lines = [
        f"{one['decision_id']}: {one['status'] if not one['code'] else one['code'] + ' ' + one['detail']}"
        for one in answer["items"]
    ]
    show(answer, json=json, text="\n".join(lines))


def show_(decision: str, *, json: bool = False) -> None:
    """Show what would run, why people are asked, and the agent's own words."""
    client = Client()
    found = client.get(f"/api/v1/decisions/{decision}")
    _seen(client, found)
    show(found, json=json, text=described(found))


app.command(show_, name="show")


def _seen(client: Client, found: dict[str, Any]) -> None:
    """Their review begins. Whoever may only read reviews nothing."""
    if found["may_vote"]:
        client.post(f"/api/v1/decisions/{found['decision']['decision_id']}/seen", {})


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
    if found.get("attempts", 1) > 1:
        lines.append(f"  up to {found['attempts']} times, should it fail")
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
    if found["edit"]:
        lines += ["", f"EDITED by {visible(found['edit']['name'])}: {visible(found['edit']['reason'] or '')}"]
    if found["judgements"]:
        said = decision["recommendation"] and f"recommends to {decision['recommendation']}"
        lines += [
            "",
            f"TRIBUNAL OF AGENTS: {said or 'no recommendation'} ({decision['consensus'] or 'open'})",
        ]
        lines += [
            f"  {one['agent_id']}: {one['vote'] or 'nothing yet'}, {one['confidence_milli']} of 1000 sure"
            f"{' (late)' if one['late'] else ''}  {visible(one['reasoning'] or '')}"
            for one in found["judgements"]
        ]
    if found["words"]:
        lines += ["", "THE AGENT'S OWN WORDS (not checked by anybody)", "  " + visible(found["words"])]
    lines += ["", f"digest {decision['digest']}", "", story(found["timeline"])]
    return "\n".join(lines)


def _vote(decision: str, vote: str, comment: str, yes: bool, json: bool) -> None:
    client = Client()
    found = client.get(f"/api/v1/decisions/{decision}")
    if not yes:
        _seen(client, found)
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
def edit(decision: str, params: str, *, reason: str = "", yes: bool = False, json: bool = False) -> None:
    """Give it other parameters (JSON, or @FILE) and have it judged again; then approve the new decision.

    Votes cast so far are void. The agent gets these parameters with its grant.
    """
    import json as text_of_json

    client = Client()
    found = client.get(f"/api/v1/decisions/{decision}")
    try:
        said = Path(params[1:]).read_text(encoding="utf-8") if params.startswith("@") else params
        wanted = text_of_json.loads(said)
    except (OSError, ValueError) as error:
        raise Failure(f"the parameters are not readable: {error}") from error
    if not yes:
        sys.stderr.write(described(found) + "\n\nNEW PARAMETERS\n")
        sys.stderr.writelines(
            f"  {visible(name)}: {visible(value)}\n" for name, value in dict(wanted).items()
        )
        sys.stderr.write("edit it like this? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Failure("nothing was edited")
    body = {"digest": found["decision"]["digest"], "params": wanted, "reason": reason}
    answer = client.post(f"/api/v1/decisions/{decision}/edit", body)
    text = (
        f"edited: level {answer['level']}; decide with: watchfloor decisions approve {answer['decision_id']}"
    )
    show(answer, json=json, text=text)


@app.command
def bypass(
    reason: str,
    *,
    hours: int = 1,
    agent: str = "",
    type: str = "",  # noqa: A002 - the word of the protocol
    json: bool = False,
) -> None:
    """For some hours (at most 12) nobody is asked about level 2, of one agent or all, of one type or all. Directors only."""
    expires_at = int((time.time() + hours * 3_600) * 1_000_000)
    body = {"reason": reason, "type": type, "expires_at": expires_at}
    if agent:
        body["agent_id"] = agent
    answer = Client().post("/api/v1/bypasses", body)
    text = f"{answer['bypass_id']} until {instant(expires_at)}; end it: watchfloor decisions end-bypass {answer['bypass_id']}"
    show(answer, json=json, text=text)


@app.command
def end_bypass(bypass: str, *, json: bool = False) -> None:
    """Take a bypass back: people are asked again."""
    answer = Client().post(f"/api/v1/bypasses/{bypass}/end", {})
    show(answer, json=json, text=f"{bypass} is over")


@app.command
def bypasses(*, limit: Limit = 20, json: bool = False) -> None:
    """Bypasses, newest first, with who answers for them."""
    items = Client().pages("/api/v1/bypasses", limit)
    rows = [
        {**item, "until": instant(item["expires_at"]), "now": "yes" if item["in_force"] else ""}
        for item in items
    ]
    columns = [
        ("bypass_id", "BYPASS"),
        ("now", "IN FORCE"),
        ("type", "ACTION"),
        ("agent_id", "AGENT"),
        ("person", "BY"),
        ("until", "UNTIL (UTC)"),
        ("reason", "WHY"),
    ]
    show(items, json=json, text=table(rows, columns, "There never was one."))


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

"""`watchfloor policy …`: the one document that says how actions are judged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, instant, show, table, visible
from watchfloor.cli.shadows import app as shadow_app
from watchfloor.cli.shadows import difference_lines

app = App(name="policy", help="Show, check, compare and apply policies.")
app.command(shadow_app)


@app.command(name="show")
def show_(*, version: int = 0, json: bool = False) -> None:
    """Show the policy in force, or an earlier VERSION, as YAML."""
    from watchfloor.policy.document import dump

    found = Client().get(f"/api/v1/policy/versions/{version}" if version else "/api/v1/policy")
    show(found, json=json, text=dump(_policy(found["document"])))


def _policy(document: Any) -> Any:
    from watchfloor.kernel.terms import Policy

    return msgspec.convert(document, Policy)


def _load(file: Path) -> Any:
    from watchfloor.policy.document import load
    from watchfloor.policy.faults import PolicyInvalid

    try:
        return load(file.read_text())
    except OSError as error:
        raise Failure(str(error), 2) from error
    except PolicyInvalid as error:
        raise Failure(f"{file}: {error}", 2) from error


@app.command
def check(file: Path, *, json: bool = False) -> None:
    """Check a policy file without a server; every fault with its path and line."""
    policy = _load(file)
    show(
        {"valid": True, "name": policy.name}, json=json, text=f"{file}: a valid policy named {policy.name!r}"
    )


@app.command
def default() -> None:
    """Print the default policy as YAML, to begin from."""
    from watchfloor.kernel.terms import Policy
    from watchfloor.policy.document import dump

    sys.stdout.write(dump(Policy()))


@app.command
def schema() -> None:
    """Print the JSON Schema of the policy document, for editors that check while you type."""
    from watchfloor.kernel.terms import Policy

    found = msgspec.json.encode(msgspec.json.schema(Policy))
    sys.stdout.write(f"{msgspec.json.format(found, indent=2).decode()}\n")


@app.command(name="packs")
def packs_(name: str = "", *, json: bool = False) -> None:
    """List the packs for healthcare, finance and aviation, or print the one named NAME as YAML to begin from."""
    from watchfloor.engine.packs import pack, packs

    if name:
        found = pack(name)
        if found is None:
            raise Failure(f"there is no pack named {name!r}", 2)
        show({"name": found.name, "document": found.document}, json=json, text=found.text.rstrip())
        return
    rows = [{"name": one.name, "meaning": one.meaning} for one in packs()]
    show(rows, json=json, text=table(rows, [("name", "PACK"), ("meaning", "SAYS")], "No packs."))


@app.command
def diff(file: Path | None = None, *, older: int = 0, newer: int = 0, json: bool = False) -> None:
    """What would change if FILE were applied, and what of it loosens; without FILE, between two versions."""
    from watchfloor.policy.difference import differences

    client = Client()
    if file is None:
        found = client.get("/api/v1/policy/diff", older=older or "", newer=newer or "")
        rows = found["differences"]
    else:
        found = client.get("/api/v1/policy")
        rows = [msgspec.to_builtins(d) for d in differences(_policy(found["document"]), _load(file))]
    lines = [
        f"{'LOOSENS ' if row.get('loosens') else '        '}{visible(row['path'])}: {visible(row.get('before'))} → {visible(row.get('after'))}"
        for row in rows
    ]
    show(rows, json=json, text="\n".join(lines) or "No difference.")


@app.command
def apply(file: Path, *, reason: str = "", json: bool = False) -> None:
    """Propose FILE as the next version: in force at once when it loosens nothing, else when somebody else agrees."""
    document = msgspec.to_builtins(_load(file))
    client = Client()
    tag = client.etag("/api/v1/policy")
    path = "/api/v1/policy" + (f"?{urlencode({'reason': reason})}" if reason else "")
    answer = client.put(path, document, {"If-Match": tag})
    show(answer, json=json, text=_became(answer))


@app.command
def revert(*, to: int = 0, reason: str = "", json: bool = False) -> None:
    """Propose the contents of version TO again; without it, of the version before the one in force."""
    answer = Client().post("/api/v1/policy/revert", {"to": to, "reason": reason})
    show(answer, json=json, text=_became(answer))


def _became(answer: Any) -> str:
    if answer["state"] == "applied":
        why = {
            "tightening": " (it loosens nothing)",
            "alone": " (LOOSENED WITHOUT ANYBODY ELSE: nobody else is there who could decide)",
        }
        return f"version {answer['version']} is in force{why.get(answer['basis'], '')}"
    if answer["decision_id"]:
        return f"proposal {answer['proposal']} loosens {answer['loosens']} field(s): decided on in {answer['decision_id']}"
    return f"proposal {answer['proposal']} was denied: see `watchfloor policy proposals`"


@app.command
def backtest(
    file: Path | None = None,
    *,
    version: int = 0,
    last: int = 0,
    days: int = 0,
    only: tuple[str, ...] = (),
    excluding: tuple[str, ...] = (),
    json: bool = False,
) -> None:
    """Judge recorded decisions again under FILE or an earlier VERSION: what would have gone otherwise, and why."""
    body: dict[str, Any] = {"last": last, "days": days, "only": only, "excluding": excluding}
    body |= {"document": msgspec.to_builtins(_load(file))} if file is not None else {"version": version}
    report = Client().post("/api/v1/policy/backtest", body)
    counted = f"{report['same']} the same, {report['stricter']} stricter, {report['looser']} LOOSER"
    lines = [
        f"{report['decisions']} decisions judged again in {report['took_ms']} ms ({report['ended']}): {counted}."
    ]
    lines += difference_lines(report["differences"])
    show(report, json=json, text="\n".join([*lines, *report["notes"]]))


@app.command(name="backtest-progress")
def backtest_progress(*, json: bool = False) -> None:
    """How far the backtest under way is."""
    _said(Client().get("/api/v1/policy/backtest"), json=json)


@app.command(name="backtest-cancel")
def backtest_cancel(*, json: bool = False) -> None:
    """End the backtest under way; whoever began it gets what was found so far."""
    _said(Client().post("/api/v1/policy/backtest/cancel", {}), json=json)


def _said(found: Any, *, json: bool) -> None:
    text = "No backtest is under way."
    if found["running"]:
        over = ", ending" if found["cancelled"] else ""
        text = f"{found['permille'] / 10:.1f} %: {found['decisions']} decisions, seq {found['seq']} of {found['until_seq']}{over}"
    show(found, json=json, text=text)


@app.command
def observed(*, days: int = 30, json: bool = False) -> None:
    """What ran only because the mode was `observe`, who would have decided, and thresholds that fit what was recorded."""
    found = Client().get("/api/v1/policy/observed", days=days)
    lines = [
        f"{found['observed']} of {found['decisions']} actions would have been held; {found['unheld']} of level 3 and more ran UNHELD."
    ]
    for one in found["groups"]:
        who = one["committee"] or one["role"]
        people = ", ".join(visible(name) for name in one["people"]) or "NOBODY"
        mark = " UNHELD" if one["unheld"] else ""
        ends = f"{one['completed']} completed, {one['failed']} failed"
        lines.append(
            f"  {one['count']} x {visible(one['type'])} at level {one['level']}{mark} ({ends}): {one['needed']} of {who} ({people})"
        )
    for one in found["proposals"]:
        way = "LOOSENS: " if one["loosens"] else ""
        lines.append(
            f"Proposed {one['path']}: {one['now']} → {one['proposed']} ({way}{one['because']}; held {one['held_now']} → {one['held_then']})"
        )
    show(found, json=json, text="\n".join(lines))


@app.command
def preview(file: Path | None = None, *, version: int = 0, json: bool = False) -> None:
    """Who would change tier and who would decide, if FILE or an earlier VERSION were in force."""
    body = {"document": msgspec.to_builtins(_load(file))} if file is not None else {"version": version}
    found = Client().post("/api/v1/policy/preview", body)
    lines = [f"{found['scores_changed']} of {found['agents']} agents would have another score."]
    lines += [
        f"  {visible(one['name'])}: {one['score']} → {one['score_after']}, {one['tier']} → {one['tier_after']}"
        for one in found["moves"]
    ]
    for one in found["then"]:
        who = ", ".join(visible(name) for name in one["people"]) or "NOBODY"
        short = f"; {one['missing']} MORE NEEDED" if one["missing"] else ""
        lines.append(
            f"Level {one['level']}: {one['needed']} of {one['committee'] or one['role']} ({who}{short})"
        )
    show(found, json=json, text="\n".join(lines))


@app.command
def proposals(*, json: bool = False) -> None:
    """Changes that needed somebody else's agreement, newest first."""
    items = Client().pages("/api/v1/policy/proposals", 200)
    rows = [{**item, "when": instant(item["proposed_at"])} for item in items]
    columns = [("number", "NUMBER"), ("state", "STATE"), ("when", "PROPOSED (UTC)"), ("proposed_by", "BY")]
    columns += [("loosens", "LOOSENS"), ("decision_id", "DECISION"), ("reason", "REASON")]
    show(items, json=json, text=table(rows, columns, "No proposals."))


@app.command
def export(*, version: int = 0, to: Path | None = None) -> None:
    """Write the policy in force, or VERSION, as a YAML file that can be applied again."""
    from watchfloor.policy.document import dump

    found = Client().get(f"/api/v1/policy/versions/{version}" if version else "/api/v1/policy")
    text = dump(_policy(found["document"]))
    if to is None:
        sys.stdout.write(text)
        return
    to.write_text(text)


@app.command
def versions(*, json: bool = False) -> None:
    """Every version, newest first, and why it is in force."""
    items = Client().pages("/api/v1/policy/versions", 200)
    rows = [{**item, "when": instant(item["applied_at"])} for item in items]
    columns = [("version", "VERSION"), ("when", "APPLIED (UTC)"), ("digest", "DIGEST"), ("applied_by", "BY")]
    columns += [("basis", "BASIS"), ("reason", "REASON")]
    show(items, json=json, text=table(rows, columns, "No policy yet."))

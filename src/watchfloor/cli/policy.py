"""`watchfloor policy …`: the one document that says how actions are judged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, instant, show, table, visible

app = App(name="policy", help="Show, check, compare and apply policies.")


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
def diff(file: Path, *, json: bool = False) -> None:
    """What would change if FILE were applied, and what of it loosens."""
    from watchfloor.policy.difference import differences

    found = Client().get("/api/v1/policy")
    rows = [msgspec.to_builtins(d) for d in differences(_policy(found["document"]), _load(file))]
    lines = [
        f"{'LOOSENS ' if row.get('loosens') else '        '}{visible(row['path'])}: {visible(row.get('before'))} → {visible(row.get('after'))}"
        for row in rows
    ]
    show(rows, json=json, text="\n".join(lines) or "No difference.")


@app.command
def apply(file: Path, *, reason: str = "", json: bool = False) -> None:
    """Apply FILE as the next version; refused when somebody else changed the policy meanwhile."""
    document = msgspec.to_builtins(_load(file))
    client = Client()
    tag = client.etag("/api/v1/policy")
    path = "/api/v1/policy" + (f"?reason={reason}" if reason else "")
    answer = client.put(path, document, {"If-Match": tag})
    show(answer, json=json, text=f"version {answer['version']} is in force")


@app.command
def versions(*, json: bool = False) -> None:
    """Every version, newest first."""
    items = Client().pages("/api/v1/policy/versions", 200)
    rows = [{**item, "when": instant(item["applied_at"])} for item in items]
    columns = [("version", "VERSION"), ("when", "APPLIED (UTC)"), ("digest", "DIGEST"), ("by", "BY")]
    show(items, json=json, text=table(rows, columns, "No policy yet."))

"""`watchfloor policy shadow …`: candidates that are compared with what is decided, and decide nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, instant, show, table, visible

app = App(name="shadow", help="Compare candidate policies with what is decided, before they are applied.")


def difference_lines(items: list[dict[str, Any]]) -> list[str]:
    """Decisions that would have gone otherwise, and why."""
    lines = []
    for one in items:
        before, after = (f"{o['verdict']} at level {o['level']}" for o in (one["recorded"], one["candidate"]))
        mark = "        " if one["stricter"] else "LOOSER  "
        lines.append(f"{mark}{one['action_id']} {visible(one['type'])}: {before} → {after}")
        lines += [f"            {visible(sentence)}" for sentence in one["why"]]
    return lines


def _document(file: Path) -> Any:
    from watchfloor.policy.document import load
    from watchfloor.policy.faults import PolicyInvalid

    try:
        return msgspec.to_builtins(load(file.read_text()))
    except OSError as error:
        raise Failure(str(error), 2) from error
    except PolicyInvalid as error:
        raise Failure(f"{file}: {error}", 2) from error


@app.command(name="set")
def set_(
    name: str, file: Path | None = None, *, version: int = 0, reason: str = "", json: bool = False
) -> None:
    """Keep FILE, or an earlier VERSION, under NAME and compare it with what is decided from now on."""
    body: dict[str, Any] = {"name": name, "reason": reason}
    body |= {"document": _document(file)} if file is not None else {"version": version}
    answer = Client().post("/api/v1/policy/shadows", body)
    show(answer, json=json, text=f"{name} is compared with every decision from seq {answer['seq']} on")


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """List candidates that are or were kept."""
    items = Client().pages("/api/v1/policy/shadows", 200)
    rows = [
        {
            **item,
            "when": instant(item["set_at"]),
            "until": instant(item["ended_at"]) if item["ended_at"] else "",
        }
        for item in items
    ]
    columns = [("name", "SHADOW"), ("when", "SET (UTC)"), ("until", "ENDED (UTC)"), ("reason", "REASON")]
    show(items, json=json, text=table(rows, columns, "No shadow policies."))


@app.command(name="show")
def show_(name: str, *, json: bool = False) -> None:
    """What the candidate NAME would have said since it was set."""
    found = Client().get(f"/api/v1/policy/shadows/{name}")
    more = f"; {found['behind']} seqs to go, ask again" if found["behind"] else ""
    counted = f"{found['same']} the same, {found['stricter']} stricter, {found['looser']} LOOSER"
    lines = [f"{found['decisions']} decisions since seq {found['since_seq']}: {counted}{more}."]
    lines += [
        f"  {one['count']} x {one['recorded']} → {one['candidate']}{'' if one['stricter'] else ' LOOSER'}"
        for one in found["kinds"]
    ]
    show(found, json=json, text="\n".join(lines))


@app.command
def differences(name: str, *, limit: Limit = 50, json: bool = False) -> None:
    """List decisions that would have gone otherwise under the candidate NAME, newest first."""
    items = Client().pages(f"/api/v1/policy/shadows/{name}/differences", limit)
    show(items, json=json, text="\n".join(difference_lines(items)) or "No difference.")


@app.command
def remove(name: str, *, reason: str = "", json: bool = False) -> None:
    """Keep the candidate NAME no longer."""
    answer = Client().post(f"/api/v1/policy/shadows/{name}/remove", {"reason": reason})
    show(answer, json=json, text=f"{name} is compared no longer")

"""`watchfloor agent version …`: propose, compare and take back what an agent is told and may use; cards, certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from watchfloor.cli.agent import write_secret
from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, instant, show, table

app = App(name="version", help="Versions of an agent: prompt and tool permissions, decided on by people.")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read: {error}", 2) from error


def _told(answer: dict[str, Any], json: bool) -> None:
    said = f"version {answer['number']}"
    if answer.get("verdict"):
        said += f": {answer['verdict']} at level {answer['level']}"
    if answer.get("decision_id"):
        said += f"; watchfloor decisions approve {answer['decision_id']}"
    show(answer, json=json, text=said)


@app.command(name="list")
def list_(agent: str, *, limit: Limit = 50, json: bool = False) -> None:
    """Versions of an agent with what came of the work under each, newest first."""
    client = Client()
    items = client.pages(client.agent_path(agent, "versions"), limit)
    rows = [
        {
            **item,
            "since": instant(item["activated_at"]),
            "ok": "" if item["success_milli"] is None else f"{item['success_milli'] / 10:.1f} %",
        }
        for item in items
    ]
    columns = [
        ("number", "VERSION"),
        ("state", "STATE"),
        ("label", "LABEL"),
        ("since", "IN FORCE SINCE"),
        ("tasks", "TASKS"),
        ("ok", "SUCCESS"),
        ("reason", "REASON"),
    ]
    show(items, json=json, text=table(rows, columns, "No versions."))


@app.command
def propose(
    agent: str,
    *,
    reason: str,
    prompt: Path | None = None,
    tool: list[str] | None = None,
    descriptions: Path | None = None,
    label: str = "",
    json: bool = False,
) -> None:
    """Propose a version and ask whether it may be put in force. What is not named stays as it is.

    Parameters
    ----------
    prompt
        File with the prompt.
    tool
        A tool it may use; repeat it for several.
    descriptions
        JSON file with the tools as the agent describes them to its model.
    """
    body: dict[str, Any] = {"reason": reason, "label": label}
    if prompt is not None:
        body["prompt"] = _text(prompt)
    if tool is not None:
        body["tools"] = tool
    if descriptions is not None:
        body["descriptions"] = msgspec.json.decode(_text(descriptions))
    client = Client()
    _told(client.post(client.agent_path(agent, "versions"), body), json)


@app.command
def activate(agent: str, number: int, *, reason: str = "", json: bool = False) -> None:
    """Ask whether a proposed version may be put in force."""
    client = Client()
    _told(client.post(client.agent_path(agent, "versions", number, "activate"), {"reason": reason}), json)


@app.command
def rollback(agent: str, *, reason: str, to: int = 0, json: bool = False) -> None:
    """Go back to the version before this one, or to another that was in force."""
    client = Client()
    _told(client.post(client.agent_path(agent, "versions", "rollback"), {"reason": reason, "to": to}), json)


@app.command
def diff(agent: str, *, older: int = 0, newer: int = 0, json: bool = False) -> None:
    """What is different between two versions; without numbers the one in force and the one before."""
    client = Client()
    found = client.get(client.agent_path(agent, "versions", "diff"), older=older, newer=newer)
    lines = [f"version {found['older']} → {found['newer']}"]
    lines += [f"+ tool {tool}" for tool in found["tools_added"]]
    lines += [f"- tool {tool}" for tool in found["tools_removed"]]
    show(found, json=json, text="\n".join([*lines, found["prompt"]]))


def import_(
    *,
    card: Path | None = None,
    url: str = "",
    jwk: Path | None = None,
    owner: str = "",
    as_worker: bool = False,
    key_file: Path = Path("agent.key"),
    secret_file: Path = Path("signing.secret"),
    json: bool = False,
) -> None:
    """Register an agent from its A2A card, a file or an address.

    Parameters
    ----------
    as_worker
        Post tasks to the card's url, signed with what is written to --secret-file.
    jwk
        JSON file with the public key one of the card's signatures must be by.
    """
    body: dict[str, Any] = {"url": url, "owner": owner, "as_worker": as_worker}
    if card is not None:
        body["document"] = msgspec.json.decode(_text(card))
    if jwk is not None:
        body["jwk"] = msgspec.json.decode(_text(jwk))
    answer = Client().post("/api/v1/agents/import", body)
    if answer.get("api_key"):
        write_secret(key_file, answer["api_key"])
    if answer.get("signing_secret"):
        write_secret(secret_file, answer["signing_secret"])
    said = f"{answer['agent_id']} ({answer['name']}): {answer['note']}"
    show({**answer, "api_key": None, "signing_secret": None}, json=json, text=said)


def pin_certificates(agent: str, *pins: str, json: bool = False) -> None:
    """Which client certificates the agent must show: sha256:<hex> or san:dns|uri|email:<name>; none: no certificate."""
    client = Client()
    answer = client.put(client.agent_path(agent, "certificates"), {"pins": list(pins)}, {})
    show(answer, json=json, text=f"{agent}: {len(pins)} pinned")


def issue_key(
    agent: str,
    *,
    key_file: Path,
    days: int = 30,
    jwt: bool = False,
    scope: tuple[str, ...] = (),
    json: bool = False,
) -> None:
    """A further key; --jwt: a signed one that others can check; --scope file.read or repository.*: for those types alone."""
    body = {"expires_in_days": days, "form": "jwt" if jwt else "key", "scopes": list(scope)}
    client = Client()
    answer = client.post(client.agent_path(agent, "keys"), body)
    write_secret(key_file, answer["api_key"])
    show({**answer, "api_key": None}, json=json, text=f"{answer['key_id']} is in {key_file}")


def rotate_token_key(*, json: bool = False) -> None:
    """Sign agents' JWTs with a new key from now on; earlier ones stay in force until they end. For admins."""
    answer = Client().post("/api/v1/token-keys/rotate")
    show(answer, json=json, text=f"{answer['kid']} signs from now on")

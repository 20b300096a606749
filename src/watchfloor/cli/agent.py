"""`watchfloor agent …`: register, list, keys, containment."""

from __future__ import annotations

import os
from pathlib import Path

from cyclopts import App

from watchfloor.cli.client import Client, Profile
from watchfloor.cli.output import Failure, Limit, instant, show, table

app = App(name="agent", help="Register, list and stop agents; manage their keys.")


@app.command(name="list")
def list_(*, limit: Limit = 100, json: bool = False) -> None:
    """List agents, newest first."""
    items = Client().pages("/api/v1/agents", limit)
    columns = [
        ("name", "NAME"),
        ("agent_id", "ID"),
        ("structured_id", "CODE"),
        ("state", "STATE"),
        ("tier", "TIER"),
        ("score", "SCORE"),
        ("capabilities", "CAPABILITIES"),
    ]
    show(
        items,
        json=json,
        text=table(items, columns, "No agents yet. Register one: watchfloor agent register NAME"),
    )


def show_(agent: str, *, json: bool = False) -> None:
    """Show one agent with its keys. AGENT is an id or a display code."""
    found = Client().get(f"/api/v1/agents/{agent}")
    lines = [f"{key:>14}: {value}" for key, value in found["agent"].items()]
    keys = table(
        [
            {**key, "until": instant(key["expires_at"]), "gone": instant(key["revoked_at"])}
            for key in found["keys"]
        ],
        [("key_id", "KEY"), ("until", "EXPIRES"), ("gone", "REVOKED")],
        "No keys.",
    )
    show(found, json=json, text="\n".join(lines) + "\n\n" + keys)


app.command(show_, name="show")


@app.command
def register(
    name: str,
    *,
    capability: list[str],
    type: str = "worker",  # noqa: A002 -- the option's name is the protocol's word
    owner: str = "",
    key_file: Path = Path("agent.key"),
    json: bool = False,
) -> None:
    """Register an agent and write its key to a file that only you can read.

    Parameters
    ----------
    capability
        What it can do; give it once for each capability.
    type
        worker, planner, validator, researcher, communicator, orchestrator, executor, or your own.
    owner
        Handle or id of the person it belongs to; you, when nobody is named.
    key_file
        Where the key goes. It is shown nowhere else.
    """
    answer = Client().post(
        "/api/v1/agents/register",
        {"name": name, "type": type, "capabilities": capability, "owner": owner},
    )
    key = answer.get("api_key")
    if key:
        write_secret(key_file, key)
    said = f"{answer['agent_id']} ({answer['structured_id']})\n"
    said += (
        f"Its key is in {key_file}."
        if key
        else "It is registered already; its key is not shown again: rotate it."
    )
    said += "".join(f"\nNote: {notice['detail']}" for notice in answer.get("warnings", ()))
    show({**answer, "api_key": None, "key_file": str(key_file) if key else None}, json=json, text=said)


@app.command(name="enrolment-token")
def enrolment_token(
    *,
    uses: int = 1,
    hours: int = 24,
    type: list[str] | None = None,  # noqa: A002 -- the option's name is the protocol's word
    capability: list[str] | None = None,
    owner: str = "",
    token_file: Path = Path("enrolment.token"),
    json: bool = False,
) -> None:
    """Make a token with which agents register themselves; it goes to a file that only you can read.

    Parameters
    ----------
    uses
        How many agents it is for.
    hours
        How long it lives.
    type
        Only agents of this type; repeat it for several.
    capability
        Only agents with these capabilities or fewer; repeat it for several.
    owner
        Handle or id of the person the agents belong to; you, when nobody is named.
    """
    body = {
        "uses": uses,
        "expires_in_hours": hours,
        "types": type or [],
        "capabilities": capability or [],
        "owner": owner,
    }
    answer = Client().post("/api/v1/enrolment-tokens", body)
    write_secret(token_file, answer["token"])
    said = f"{answer['enrolment_id']}: its token is in {token_file}, for {uses} registrations."
    said += "".join(f"\nNote: {notice['detail']}" for notice in answer.get("warnings", ()))
    show({**answer, "token": None, "token_file": str(token_file)}, json=json, text=said)


@app.command(name="enrolment-tokens")
def enrolment_tokens(*, limit: Limit = 100, json: bool = False) -> None:
    """List enrolment tokens, newest first."""
    items = Client().pages("/api/v1/enrolment-tokens", limit)
    rows = [{**item, "until": instant(item["expires_at"])} for item in items]
    columns = [
        ("enrolment_id", "ID"),
        ("state", "STATE"),
        ("used", "USED"),
        ("uses", "USES"),
        ("until", "UNTIL"),
    ]
    show(items, json=json, text=table(rows, columns, "No enrolment tokens yet."))


@app.command(name="revoke-enrolment-token")
def revoke_enrolment_token(enrolment: str, *, reason: str = "revoked", json: bool = False) -> None:
    """End an enrolment token; agents that it let in stay."""
    answer = Client().post(f"/api/v1/enrolment-tokens/{enrolment}/revoke", {"reason": reason})
    show(answer, json=json, text=f"{enrolment}: revoked")


@app.command
def enrol(
    name: str,
    *,
    url: str,
    token_file: Path,
    capability: list[str],
    type: str = "worker",  # noqa: A002 -- the option's name is the protocol's word
    key_file: Path = Path("agent.key"),
    json: bool = False,
) -> None:
    """Register this agent with an enrolment token; its key goes to a file that only you can read.

    Parameters
    ----------
    url
        The server's address.
    token_file
        Where the token is. It is never given on the command line.
    """
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"no token can be read from {token_file}: {error}", 2) from error
    client = Client(Profile(url.rstrip("/"), token))
    body = {"name": name, "type": type, "capabilities": capability}
    answer = client.post("/api/v1/agents/register", body)
    if not answer.get("api_key"):
        raise Failure(f"{answer['agent_id']} is enrolled already; its key is not shown again: rotate it")
    write_secret(key_file, answer["api_key"])
    said = f"{answer['agent_id']} ({answer['structured_id']})\nIts key is in {key_file}."
    show({**answer, "api_key": None, "key_file": str(key_file)}, json=json, text=said)


def write_secret(path: Path, secret: str) -> None:
    """A new file with mode 0600; an existing one is not overwritten."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Failure(f"{path} exists: name another with --key-file") from error
    with os.fdopen(number, "w") as file:
        file.write(secret + "\n")


def _reason(verb: str, agent: str, reason: str, json: bool) -> None:
    answer = Client().post(f"/api/v1/agents/{agent}/{verb}", {"reason": reason})
    show(answer, json=json, text=f"{agent}: done (seq {answer.get('seq', '')})")


@app.command
def quarantine(agent: str, *, reason: str, json: bool = False) -> None:
    """Stop an agent: it gets no work and no grant until it is released."""
    _reason("quarantine", agent, reason, json)


@app.command
def release(agent: str, *, reason: str = "released", json: bool = False) -> None:
    """End a quarantine."""
    _reason("release", agent, reason, json)


@app.command
def retire(agent: str, *, reason: str = "retired", json: bool = False) -> None:
    """Retire an agent for good."""
    _reason("retire", agent, reason, json)


@app.command(name="rotate-key")
def rotate_key(agent: str, key: str, *, key_file: Path, overlap_hours: int = 24, json: bool = False) -> None:
    """Issue a new key; the old one works for OVERLAP_HOURS more."""
    answer = Client().post(
        f"/api/v1/agents/{agent}/keys/{key}/rotate", {"overlap_ms": overlap_hours * 3_600_000}
    )
    write_secret(key_file, answer["api_key"])
    show({**answer, "api_key": None}, json=json, text=f"{answer['key_id']} is in {key_file}")


@app.command(name="revoke-key")
def revoke_key(agent: str, key: str, *, reason: str = "revoked", json: bool = False) -> None:
    """Revoke a key; open sockets that use it close within 2 s."""
    answer = Client().post(f"/api/v1/agents/{agent}/keys/{key}/revoke", {"reason": reason})
    show(answer, json=json, text=f"{key}: revoked")

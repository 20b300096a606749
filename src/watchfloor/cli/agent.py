"""`watchfloor agent …`: register, list, keys, containment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from watchfloor.cli.client import Client, Profile
from watchfloor.cli.output import Failure, Limit, instant, show, table

app = App(name="agent", help="Register, list and stop agents; manage their keys.")
app.command("watchfloor.cli.versions:app", name="version", help="Propose, compare and take back versions.")
app.command("watchfloor.cli.versions:import_", name="import", help="Register an agent from its A2A card.")
app.command(
    "watchfloor.cli.versions:pin_certificates",
    name="pin-certificates",
    help="Say which client certificates it must show.",
)
app.command(
    "watchfloor.cli.versions:rotate_token_key",
    name="rotate-token-key",
    help="Sign agents' JWTs with a new key from now on.",
)
app.command(
    "watchfloor.cli.versions:issue_key", name="issue-key", help="Issue a further key, opaque or signed."
)


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
    """Show one agent with its keys. AGENT, here and everywhere: its id, structured code or name."""
    client = Client()
    found = client.get(client.agent_path(agent))
    said = {**found["agent"], **(found["usage"] or {})}
    said |= {name: instant(value) for name, value in said.items() if name.endswith("_at")}
    lines = [f"{key:>14}: {value}" for key, value in said.items()]
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
def limits(agent: str, *, json: bool = False) -> None:
    """Show what limits an agent now, and how much of each is used up."""
    found = Client().get(f"/api/v1/agents/{agent}/limits")
    rows = [{**one, "what": f"{one['kind']} {one['name']}".strip()} for one in found["items"]]
    rows += [
        {**one, "what": f"budget {one['scope']} {one['measure']} {one['period']}", "used": one["spent"]}
        for one in found["budgets"]
    ]
    breaker = found["breaker"]
    rows.append({"what": "breaker", "used": breaker["failures"], "limit": breaker["failures_max"]})
    text = table(rows, [("what", "WHAT"), ("used", "USED"), ("limit", "LIMIT")], "No limits.")
    until = breaker["open_until_at"]
    shut = f"\nThe breaker is open until {instant(until)}." if until else ""
    stopped = f"\nStopped by {', '.join(found['stops'])}." if found["stops"] else ""
    show(found, json=json, text=f"{text}{shut}{stopped}")


@app.command
def add(
    name: str = "",
    *,
    exec_: Annotated[str, Parameter(name="--exec")] = "",
    exec_json: str = "",
    url: str = "",
    capability: list[str] | None = None,
    type: str = "worker",  # noqa: A002 -- the option's name is the protocol's word
    dir: Path | None = None,  # noqa: A002
    cwd: str = "",
    concurrency: int = 1,
    time_limit: int = 0,
    git: str = "",
    base: str = "",
    author: str = "",
    submit: str = "",
    rotate: bool = False,
    start: bool = True,
    test: bool = True,
    test_seconds: int = 120,
    insecure: bool = False,
    json: bool = False,
) -> None:
    """Register an agent, write its key and settings, start its sidecar, and try it with a task.

    Done again it changes nothing that is in place, and tries the agent once more.

    Parameters
    ----------
    name
        What it is called; without one it gets a memorable name.
    exec_
        The command that does its tasks (see `watchfloor sidecar --help`). Without one the agent is tried with a built-in
        command and left for the SDK.
    exec_json
        The same as a JSON list of words.
    url
        Of an HTTP worker: it is called there, no sidecar is started (see docs/workers.md).
    capability
        What it can do; give it once for each capability (default: its name).
    type
        worker, planner, validator, researcher, communicator, orchestrator, executor, or your own.
    dir
        The agent's folder (default: watchfloor-agents/NAME).
    cwd
        Where the command runs (default: a new folder for each task).
    concurrency
        How many tasks are worked on at a time.
    time_limit
        Seconds the command may take, beside the task's own limit; 0 is no limit.
    git
        A repository: each task gets a fresh branch of it, which is committed and pushed.
    base
        The branch to begin from (default: the remote's own).
    author
        Who commits, as `Name <mail>`.
    submit
        A command that opens the change once the branch is pushed.
    rotate
        Give an agent that exists a new key.
    start
        Start the sidecar; without it, how to start it is said.
    test
        Try it with a task, end to end. The command gets the task.
    test_seconds
        How long the test may take.
    insecure
        Allow http:// to another machine.
    """
    from watchfloor.cli import onboarding
    from watchfloor.cli.sidecar import options

    client = Client()
    name = name or (dir.name if dir is not None and dir.exists() else onboarding.free_name(client))
    folder = (dir or onboarding.AGENTS / name).absolute()
    wanted = options(
        folder=folder,
        url=client.profile.url,
        command=exec_,
        listed=exec_json,
        cwd=cwd,
        concurrency=concurrency,
        time_limit=time_limit,
        insecure=insecure,
        git=(git, base, [], author, submit),
    )
    steps = onboarding.Steps(quiet=json)
    adding = onboarding.Adding(
        client,
        folder,
        name,
        wanted,
        capabilities=tuple(capability or [name]),
        type_=type,
        rotate=rotate,
        insecure=insecure,
        worker_url=url,
    )
    adding.play(steps, start=start, test_s=test_seconds if test else 0)
    said = {**adding.told(), "ok": steps.ok, "steps": steps.done}
    show(
        said,
        json=json,
        text=_next(adding.name, folder, started=start, ok=steps.ok, own=adding.place() == folder, url=url),
    )
    if not steps.ok:
        raise Failure(f"{adding.name or 'the agent'} is not ready: {steps.done[-1].said}")


def _next(name: str, folder: Path, *, started: bool, ok: bool, own: bool, url: str) -> str:
    """What there is to know when `agent add` has ended."""
    if not ok:
        return f"{name}: not ready. What is in place stays; repeat the command when the cause is gone."
    if url:
        return (
            f"{name} is called at {url}. Give the worker {folder / 'signing.secret'} (and agent.key, if it reports\n"
            "later), then repeat the command: it is tried with a task."
        )
    if not own:
        return (
            f"{name} is ready for the SDK: Agent(URL, key_path={str(folder / 'agent.key')!r}).\n"
            f"Or give it a command: watchfloor agent add {name} --exec 'COMMAND'"
        )
    if not started:
        return f"{name} is configured. Start it: watchfloor sidecar --dir {folder}"
    return f"{name} is at work. Stop and remove it: watchfloor agent remove {name}"


@app.command
def remove(
    agent: str,
    *,
    dir: Path | None = None,  # noqa: A002
    local: bool = False,
    json: bool = False,
) -> None:
    """Stop an agent's sidecar, revoke its keys, retire it and remove the files `agent add` wrote.

    Parameters
    ----------
    agent
        Its name, as `agent add` called it, its id or its structured code.
    dir
        Its folder (default: the one in watchfloor-agents that is the agent's).
    local
        Leave the server alone: only stop the sidecar and remove the files.
    """
    from watchfloor.cli import onboarding

    client = None if local else Client()
    folder, identity = onboarding.folder_of(agent, dir, client)
    name = identity.name
    steps = onboarding.Steps(quiet=json)
    steps.run("stop", lambda: onboarding.stop(folder))
    if client is not None:
        steps.run("retire", lambda: onboarding.retire(client, identity))
    steps.run("files", lambda: onboarding.clear(folder))
    show(
        {"name": name, "agent_id": identity.agent_id, "ok": steps.ok, "steps": steps.done},
        json=json,
        text=f"{name}: removed" if steps.ok else f"{name}: not removed completely",
    )
    if not steps.ok:
        raise Failure(f"{steps.done[-1].said}; repeat it, or --local leaves the server alone")


@app.command
def register(
    name: str,
    *,
    capability: list[str],
    type: str = "worker",  # noqa: A002 -- the option's name is the protocol's word
    owner: str = "",
    url: str = "",
    key_file: Path = Path("agent.key"),
    secret_file: Path = Path("signing.secret"),
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
    url
        Of an HTTP worker: tasks are posted there, instead of to a socket of the agent's.
    key_file
        Where the key goes. It is shown nowhere else.
    secret_file
        Where the signing secret of an HTTP worker goes: with it the worker checks who calls.
    """
    body = {"name": name, "type": type, "capabilities": capability, "owner": owner}
    for path in (key_file, *([secret_file] if url else [])):
        if path.exists():
            raise Failure(f"{path} exists: name another with --key-file or --secret-file")
    answer = Client().post("/api/v1/agents/register", {**body, "url": url} if url else body)
    key, secret = answer.get("api_key"), answer.get("signing_secret")
    if key:
        write_secret(key_file, key)
    if secret:
        write_secret(secret_file, secret)
    said = f"{answer['agent_id']} ({answer['structured_id']})\n"
    said += (
        f"Its key is in {key_file}."
        if key
        else "It is registered already; its key is not shown again: rotate it."
    )
    if secret:
        said += f"\nThe secret its calls are signed with is in {secret_file}."
    said += "".join(f"\nNote: {notice['detail']}" for notice in answer.get("warnings", ()))
    files = {"key_file": str(key_file) if key else None, "secret_file": str(secret_file) if secret else None}
    show({**answer, "api_key": None, "signing_secret": None, **files}, json=json, text=said)


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
    client = Client()
    answer = client.post(client.agent_path(agent, verb), {"reason": reason})
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


@app.command
def move(agent: str, url: str, *, json: bool = False) -> None:
    """Call an HTTP worker at another URL from now on; its breaker begins anew."""
    client = Client()
    answer = client.post(client.agent_path(agent, "url"), {"url": url})
    show(answer, json=json, text=f"{agent}: called at {url} (seq {answer.get('seq', '')})")


@app.command(name="rotate-secret")
def rotate_secret(agent: str, *, secret_file: Path = Path("signing.secret"), json: bool = False) -> None:
    """Sign the calls of an HTTP worker with a new secret; the one before signs nothing any more."""
    if secret_file.exists():
        raise Failure(f"{secret_file} exists: name another with --secret-file")
    client = Client()
    answer = client.post(client.agent_path(agent, "signing-secret"), {})
    write_secret(secret_file, answer["signing_secret"])
    show({**answer, "signing_secret": None}, json=json, text=f"the secret is in {secret_file}")


@app.command(name="rotate-key")
def rotate_key(agent: str, key: str, *, key_file: Path, overlap_hours: int = 24, json: bool = False) -> None:
    """Issue a new key; the old one works for OVERLAP_HOURS more."""
    client = Client()
    answer = client.post(
        client.agent_path(agent, "keys", key, "rotate"), {"overlap_ms": overlap_hours * 3_600_000}
    )
    write_secret(key_file, answer["api_key"])
    show({**answer, "api_key": None}, json=json, text=f"{answer['key_id']} is in {key_file}")


@app.command(name="revoke-key")
def revoke_key(agent: str, key: str, *, reason: str = "revoked", json: bool = False) -> None:
    """Revoke a key; open sockets that use it close within 2 s."""
    client = Client()
    answer = client.post(client.agent_path(agent, "keys", key, "revoke"), {"reason": reason})
    show(answer, json=json, text=f"{key}: revoked")

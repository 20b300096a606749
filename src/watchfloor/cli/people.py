"""`watchfloor people …`: who is here, somebody new, a sign-in link. Nobody decides about an agent they own, so two are the least."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, show, table

app = App(name="people", help="List and add people; make their sign-in links.")


@app.command(name="list")
def list_(*, limit: Limit = 100, json: bool = False) -> None:
    """List people."""
    items = Client().pages("/api/v1/people", limit)
    columns = [("handle", "HANDLE"), ("person_id", "ID"), ("roles", "ROLES"), ("disabled", "DISABLED")]
    rows = [{**item, "disabled": "" if item["enabled"] else "yes"} for item in items]
    show(items, json=json, text=table(rows, columns, "Nobody."))


@app.command
def add(handle: str, *, role: list[str], name: str = "", json: bool = False) -> None:
    """Add a person and print a sign-in link that works once.

    Parameters
    ----------
    name
        What others read; the handle when you say nothing.
    role
        auditor, operator, supervisor, director or admin; give it once for each.
    """
    client = Client()
    answer = client.post("/api/v1/people", {"handle": handle, "name": name or handle, "roles": role})
    link = _link(client, answer["person_id"])
    show(
        {**answer, "sign_in": link},
        json=json,
        text=f"{answer['person_id']}\nSign in once, within a day: {link}",
    )


@app.command(name="sign-in-link")
def sign_in_link(person: str, *, json: bool = False) -> None:
    """Make a link with which PERSON (an id or handle) signs in once, within a day."""
    client = Client()
    found = [one["person_id"] for one in client.pages("/api/v1/people", 100_000) if one["handle"] == person]
    person_id = found[0] if found else person
    link = _link(client, person_id)
    show({"person_id": person_id, "sign_in": link}, json=json, text=link)


@app.command
def recover(
    handle: str, *, data: str = "", config: Path | None = None, organisation: str = "", json: bool = False
) -> None:
    """Let HANDLE in again who lost their second factor, on the server's machine, while the server is stopped.

    Their second factor, recovery codes, sessions and links end; the link that is printed works once, within a day. Each
    step is in the record. For the last administrator; everybody else is helped by one.

    Parameters
    ----------
    data
        Data directory (default: watchfloor-data, or what the configuration says).
    organisation
        Its public id, where the data directory has several.
    """
    from watchfloor.app import Backbone
    from watchfloor.config import ConfigInvalid, load
    from watchfloor.engine.setup import let_back_in
    from watchfloor.kernel.messages import Refused
    from watchfloor.ledger.contract import LedgerError

    async def run() -> str:
        backbone = Backbone(settings)
        try:
            await backbone.start()
            known = {node.world.public: org for org, node in backbone.engine.core.nodes.items()}
            if not known or (organisation not in known if organisation else len(known) > 1):
                raise Failure(f"name one with --organisation: {', '.join(known) or 'there is none'}", 2)
            org = known[organisation] if organisation else next(iter(known.values()))
            if backbone.engine.read_only:
                raise Failure(f"the ledger is read-only: {backbone.engine.read_only}")
            return await let_back_in(backbone.engine, org, handle)
        finally:
            await backbone.stop()

    try:
        settings = load(config)
        if data:
            settings = msgspec.structs.replace(settings, data=data)
        if not Path(settings.data, "ledger.db").exists():
            raise Failure(f"there is no ledger in {settings.data}", 2)
        key = asyncio.run(run())
    except ConfigInvalid as error:
        raise Failure(str(error), 2) from error
    except Refused as error:
        raise Failure(error.detail) from error
    except (LedgerError, OSError) as error:
        raise Failure(f"{error} (the server has to be stopped)") from error
    show(
        {"handle": handle, "sign_in": f"/sign-in/{key}"},
        json=json,
        text=f"Start the server, then sign in once, within a day: /sign-in/{key}",
    )


def _link(client: Client, person: str) -> str:
    return f"{client.profile.url}{client.post(f'/api/v1/people/{person}/sign-in-link')['path']}"

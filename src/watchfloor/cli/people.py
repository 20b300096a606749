"""`watchfloor people …`: who is here, somebody new, a sign-in link. Nobody decides about an agent they own, so two are the least."""

from __future__ import annotations

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Limit, show, table

app = App(name="people", help="List and add people; make their sign-in links.")


@app.command(name="list")
def list_(*, limit: Limit = 100, json: bool = False) -> None:
    """List people."""
    items = Client().pages("/api/v1/people", limit)
    columns = [("handle", "HANDLE"), ("person_id", "ID"), ("roles", "ROLES"), ("disabled", "DISABLED")]
    show(items, json=json, text=table(items, columns, "Nobody."))


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
    """Make a link with which PERSON (an id) signs in once, within a day."""
    link = _link(Client(), person)
    show({"person_id": person, "sign_in": link}, json=json, text=link)


def _link(client: Client, person: str) -> str:
    return f"{client.profile.url}{client.post(f'/api/v1/people/{person}/sign-in-link')['path']}"

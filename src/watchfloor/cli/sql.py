"""`watchfloor sql`: questions to the views in SQL, and the queries that were saved (spec 6 *Saved queries*)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, show, table

app = App(name="sql", help="Ask the views in SQL; save and list queries.")
Form = Literal["table", "json", "csv"]


@app.default
def ask(
    sql: str = "", *, file: Path | None = None, saved: str = "", limit: Limit = 1_000, form: Form = "table"
) -> None:
    """The answer to one SELECT over the views of your organisation.

    Parameters
    ----------
    sql
        One SELECT, WITH or VALUES of SQLite.
    file
        The file it is in, instead; `/dev/stdin` for what comes through a pipe.
    saved
        The name of a saved query instead.
    """
    client = Client()
    if file is not None:
        sql = file.read_text(encoding="utf-8")
    if bool(sql) == bool(saved):
        raise Failure("give a statement or --saved NAME", 2)
    if saved:
        found = [item["sql"] for item in client.get("/api/v1/queries")["items"] if item["name"] == saved]
        if not found:
            raise Failure(f"there is no saved query {saved!r}")
        sql = found[0]
    body = {"sql": sql, "limit": limit}
    if form == "csv":
        sys.stdout.write(client.post("/api/v1/sql.csv", body))
        return
    answer = client.post("/api/v1/sql", body)
    names = answer["columns"]
    rows = [
        {str(place): "" if cell is None else cell for place, cell in enumerate(row)} for row in answer["rows"]
    ]
    text = table(rows, [(str(place), name) for place, name in enumerate(names)], "No rows.")
    if answer["cut"]:
        text += f"\n(more was cut off: too many {answer['cut']})"
    show(answer, json=form == "json", text=text)


@app.command
def tables(name: str = "", *, json: bool = False) -> None:
    """The tables you may ask, or the columns of one."""
    found = Client().get("/api/v1/sql/schema")["tables"]
    if not name:
        show(found, json=json, text=table(found, [("name", "TABLE"), ("meaning", "MEANING")], "No tables."))
        return
    columns = [column for entry in found if entry["name"] == name for column in entry["columns"]]
    if not columns:
        raise Failure(f"there is no table {name!r}")
    heading = [("name", "COLUMN"), ("type", "TYPE"), ("meaning", "MEANING")]
    show(columns, json=json, text=table(columns, heading, ""))


@app.command
def saved(*, json: bool = False) -> None:
    """Your saved queries, and those that others share."""
    items = Client().get("/api/v1/queries")["items"]
    heading = [("name", "NAME"), ("owner_name", "OF"), ("shared", "SHARED"), ("sql", "QUERY")]
    show(items, json=json, text=table(items, heading, "Nothing is saved."))


@app.command
def save(name: str, sql: str, *, shared: bool = False) -> None:
    """Keep a query under a name; --shared shows it to everybody of the organisation."""
    Client().post("/api/v1/queries", {"name": name, "sql": sql, "shared": shared})


@app.command
def remove(name: str) -> None:
    """Keep a query of yours no longer."""
    Client().post("/api/v1/queries/remove", {"name": name})

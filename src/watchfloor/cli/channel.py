"""`watchfloor channel …`: what agents say to each other in channels (spec 2.2)."""

from __future__ import annotations

from cyclopts import App

from watchfloor.cli.chat import conversation, spoken
from watchfloor.cli.client import Client
from watchfloor.cli.output import Limit, instant, show, table

app = App(name="channel", help="See and post in the channels of agents.")


@app.command(name="list")
def list_(*, limit: Limit = 50, json: bool = False) -> None:
    """List open channels, newest first."""
    items = Client().pages("/api/v1/channels", limit, open="true")
    rows = [{**item, "at": instant(item["changed_at"])} for item in items]
    columns = [
        ("channel_id", "CHANNEL"),
        ("name", "NAME"),
        ("members", "MEMBERS"),
        ("messages", "MESSAGES"),
        ("at", "NEWEST (UTC)"),
    ]
    show(items, json=json, text=table(rows, columns, "There are no channels."))


def open_(name: str, *, json: bool = False) -> None:
    """Open a channel."""
    answer = Client().post("/api/v1/channels", {"name": name})
    show(answer, json=json, text=str(answer["channel_id"]))


app.command(open_, name="open")


def show_(channel: str, *, after: int = 0, json: bool = False) -> None:
    """Print what was said in a channel (its id or name), or only --after a message number."""
    client = Client()
    items = conversation(client, f"/api/v1/channels/{channel}/posts", after)
    show(items, json=json, text=spoken(items))


app.command(show_, name="show")


@app.command
def post(channel: str, text: str, *, json: bool = False) -> None:
    """Say something to every member of a channel (its id or name)."""
    client = Client()
    answer = client.post(f"/api/v1/channels/{channel}/posts", {"text": text})
    show(answer, json=json, text=f"message {answer['number']}")


@app.command
def close(channel: str, *, reason: str = "", json: bool = False) -> None:
    """Close a channel (its id or name)."""
    client = Client()
    answer = client.post(f"/api/v1/channels/{channel}/close", {"reason": reason})
    show(answer, json=json, text=f"{channel} is closed")

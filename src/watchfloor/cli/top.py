"""`watchfloor top`: the floor, live in a terminal (spec 8)."""

from __future__ import annotations

import sys
import threading
import time
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from watchfloor.cli.client import Client
from watchfloor.cli.output import show
from watchfloor.cli.watching import Newest, listen, picture, plain, sentence

app = App(
    name="top",
    help_epilogue="Keys: s sorts the agents by another column, / filters agents, decisions and events, Esc ends the filter,"
    " r asks at once, q quits. Where there is no terminal: a picture as plain text, then a line for each event.",
)
Seconds = Annotated[float, Parameter(validator=Number(gte=0.2, lte=3_600))]


@app.default
def top(*, every: Seconds = 2.0, once: bool = False, json: bool = False) -> None:
    """Watch the floor until interrupted, or look once.

    Parameters
    ----------
    every
        Seconds between two pictures; events come as they happen.
    once
        Print one picture as text and end.
    json
        Print one picture as JSON and end.
    """
    client = Client()
    if once or json:
        found = picture(client)
        show(msgspec.to_builtins(found), json=json, text=plain(found))
    elif sys.stdin.isatty() and sys.stdout.isatty():
        from watchfloor.cli.terminal import Terminal

        Terminal(client, every).run()
    else:
        _lines(client)


def _lines(client: Client) -> None:
    """A picture, then every event as a line, until interrupted. Raises Failure when the server is not there."""
    found = picture(client)
    sys.stdout.write(plain(found) + "\n\n")
    newest, over = Newest(), threading.Event()
    threading.Thread(target=listen, args=(client.profile, newest, found.seq, over), daemon=True).start()
    shown = found.seq
    try:
        while True:
            for event in newest.latest():
                if event["seq"] > shown:
                    shown = event["seq"]
                    sys.stdout.write(sentence(event) + "\n")
            sys.stdout.flush()
            time.sleep(0.2)
    finally:
        over.set()

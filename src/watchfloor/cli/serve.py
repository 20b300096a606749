"""`watchfloor serve`: the server in the foreground."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
from cyclopts import App

from watchfloor.cli.output import Failure

app = App(name="serve", help="Start the server.")


@app.default
def serve(
    *, data: str = "", host: str = "", port: int = -1, config: Path | None = None, first_admin: str = ""
) -> None:
    """Start the server and serve until stopped.

    Parameters
    ----------
    data
        Data directory (default: watchfloor-data, or what the configuration says).
    host
        Address to listen on (default 127.0.0.1).
    port
        Port to listen on; 0 takes a free one (default 7300).
    config
        Configuration file (default watchfloor.toml when there is one). WATCHFLOOR_* variables win over it.
    first_admin
        Make a first organisation of this name with an administrator, when there is none yet.
    """
    from watchfloor.app import Server
    from watchfloor.config import ConfigInvalid, load
    from watchfloor.engine.setup import first_person
    from watchfloor.ledger.contract import LedgerError
    from watchfloor.runners.reach import ReachInvalid
    from watchfloor.telemetry import logs

    try:
        settings = load(config)
    except ConfigInvalid as error:
        raise Failure(str(error), 2) from error
    if port > 65_535:
        raise Failure(f"--port {port}: ports end at 65535", 2)
    changes = {"data": data or None, "host": host or None, "port": port if port >= 0 else None}
    settings = msgspec.structs.replace(settings, **{k: v for k, v in changes.items() if v is not None})

    async def run() -> None:
        server = Server(settings)

        async def begin(running: Server) -> None:
            say(f"Watchfloor listens on {running.url}")
            if not running.engine.core.nodes and first_admin:
                org = await running.backbone.found(first_admin)
                person = await first_person(running.engine, org, "admin", running.url)
                Path(settings.data, "operator.json").write_bytes(
                    msgspec.json.encode({"token": person.token, "url": running.url})
                )
                Path(settings.data, "operator.json").chmod(0o600)
                say(f"Sign in once, within a day: {person.link}")
            elif not running.engine.core.nodes:
                say("No organisation yet: start with --first-admin NAME")
            if running.engine.read_only:
                say(f"READ-ONLY: {running.engine.read_only}")

        await server.run(begin)

    import uvloop

    logs.configure(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    except ReachInvalid as error:
        raise Failure(str(error), 2) from error
    except (LedgerError, OSError) as error:
        raise Failure(str(error)) from error


def say(text: str) -> None:
    """Progress for people goes to standard error; logs and JSON own standard output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

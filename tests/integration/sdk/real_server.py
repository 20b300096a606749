"""Run a real server for the tests of the SDK: `python real_server.py DATA PORT`.

Prints one line of JSON when it listens: its address and the tokens of an administrator (ada, who owns the agents) and
a supervisor (sam, who decides). Started again on the same folder, it goes on with the same people.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from watchfloor.app import Server
from watchfloor.config import Config
from watchfloor.engine.setup import first_person
from watchfloor.telemetry import logs


async def main(data: Path, port: int) -> None:
    people = data / "people.json"
    roots = tuple(filter(None, os.environ.get("WATCHFLOOR_VERIFY_ROOTS", "").split(",")))
    server = Server(
        Config(disk_reserve_mib=1, data=str(data / "data"), port=port, heartbeat_ms=5_000, verify_roots=roots)
    )

    async def begin(running: Server) -> None:
        if not people.exists():
            org = await running.backbone.found("Acme")
            ada = await first_person(running.engine, org, "ada", running.url, ("admin",))
            sam = await first_person(running.engine, org, "sam", running.url, ("director",))
            people.write_text(json.dumps({"ada": ada.token, "sam": sam.token}), encoding="utf-8")
        told = {"url": running.url, **json.loads(people.read_text(encoding="utf-8"))}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    await server.run(begin)


if __name__ == "__main__":
    logs.configure("error")
    Path(sys.argv[1]).mkdir(exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

"""A real backbone on a real SQLite file, with a founded organisation, for tests that need no port."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from watchfloor.actions.messages import RequestAction
from watchfloor.app import Backbone
from watchfloor.config import Config
from watchfloor.engine.requests import Answer, Lane
from watchfloor.engine.setup import register_agent
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.terms import Policy


@asynccontextmanager
async def running(
    folder: Path, policy: Policy | None = None, **settings: object
) -> AsyncIterator[tuple[Backbone, int]]:
    """(backbone, organisation); founded when the folder is new."""
    backbone = Backbone(Config(disk_reserve_mib=1, data=str(folder / "data"), **settings))  # type: ignore[arg-type]
    await backbone.start()
    nodes = backbone.core.nodes
    org = next(iter(nodes)) if nodes else await backbone.found("test", policy)
    try:
        yield backbone, org
    finally:
        await backbone.stop()


async def new_agent(backbone: Backbone, org: int, name: str = "agent") -> tuple[int, Actor]:
    """(integer, actor) of a new agent."""
    public, _ = await register_agent(backbone.engine, org, name, "worker", ("work",))
    return parse_id(public, "agent")[0], Actor(kind="agent", id=public, credential="key_test")


async def request(
    backbone: Backbone,
    org: int,
    agent: tuple[int, Actor],
    *,
    frame: int = 0,
    type_: str = "file.read",
    dry_run: bool = False,
    body: str = "00000000000000aa",
) -> Answer:
    """One action request, as the hub would put it."""
    params = {"path": "/srv/data"}
    action = canonical({"params": params, "tool": "fs", "type": type_})
    entropy = secrets.token_bytes(32)
    return await backbone.engine.ask(
        org,
        RequestAction(
            agent=agent[0],
            type=type_,
            tool="fs",
            params=params,
            action=action,
            salt=entropy,
            private=b'{"action":' + action + b',"reason":""}',
        ),
        agent[1],
        lane=Lane.REQUESTS,
        agent=agent[0],
        frame=frame,
        body=body,
        entropy=entropy,
        dry_run=dry_run,
    )

"""A history with the views of it in a database in memory, and short ways to write down what often happens."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from tests.unit.views.history import START, History

from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.view_rows import Folding, Storage
from watchfloor.fleet import messages as fleet
from watchfloor.kernel.messages import Actor
from watchfloor.work import messages as work

PERSON = Actor(kind="person", id="per_1", credential="ses_1")


class Floor(History):
    """A history and the views of it, in a database in memory."""

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        db = sqlite3.connect(":memory:")
        storages = [Storage(table) for table in TABLES]
        for storage in storages:
            for statement in storage.create() + storage.show():
                db.execute(statement)
        folding = Folding(storages)
        for event in self.events:
            for project in [PROJECTORS.get(type(event.facts)), *EVERY]:
                if project is not None:
                    folding.add(1, project(event))
        folding.write(db)
        cursor = db.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def one(self, sql: str, *params: Any) -> dict[str, Any]:
        (row,) = self.rows(sql, *params)
        return row

    def agent(self, name: str = "ada", agent_type: str = "worker", capability: str = "python") -> int:
        facts = fleet.AgentRegistered(
            capabilities=(capability,),
            credential=f"key_{name}",
            expires_at=START * 2,
            name=name,
            nonce=1,
            owner="per_1",
            tools=(),
            type=agent_type,
            version="1",
        )
        return self.add(facts, of="per_1").subject

    def task(self, **changed: Any) -> int:
        facts = work.TaskSubmitted(
            acceptance_ms=60_000,
            agent=0,
            attempts_max=3,
            backoff_ms=1_000,
            criteria=1,
            deadline_at=0,
            grace_ms=60_000,
            needs=("python",),
            nonce=2,
            priority="high",
            timeout_ms=1_000,
        )
        return self.add(
            msgspec.structs.replace(facts, **changed), actor=PERSON, story="tsk_x", private=True
        ).subject

    def state(self, agent: int) -> str:
        return str(self.one("SELECT state FROM agents WHERE agent = ?", agent)["state"])

"""A sequencer over a store in memory that never fails, with one organisation in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from tests.simulation.scene import ORG, Scene

from watchfloor.actions.messages import RequestAction
from watchfloor.engine.requests import Answer, Lane, Request
from watchfloor.engine.sequencer import Node
from watchfloor.engine.step import Rules
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event


class Floor(Scene):
    """The simulation's scene, quiet: nothing happens by itself."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed, faulty=0.0)
        self.commit()

    @property
    def node(self) -> Node:
        return self.core.nodes[ORG]

    def put(self, command: Command, actor: Actor = SYSTEM, *, commit: bool = True, **fields: Any) -> Answer:
        """One request; its answer, also when it is a refusal."""
        answers: list[Answer] = []
        fields = {"entropy": self.entropy(), "lane": Lane.PEOPLE, **fields}
        self.core.step(
            [Request(org=ORG, command=command, actor=actor, done=answers.append, **fields)], self.now
        )
        if not commit:
            return self.core.pending.owed[-1].answer
        self.commit()
        return answers[0]

    def action(self, kind: str = "file.read", **params: object) -> RequestAction:
        """A request of the first agent."""
        action = canonical({"params": params, "tool": "t", "type": kind})
        return RequestAction(
            agent=self.agents[0].subject,
            type=kind,
            tool="t",
            params=params,
            action=action,
            salt=bytes(32),
            private=b'{"action":' + action + b"}",
        )

    def rewire(self, **tables: Mapping[Any, Any]) -> None:
        """Put entries into the tables of rules: decides, gathers, reacts."""
        rules: Rules = self.core.rules
        merged = {name: {**getattr(rules, name), **table} for name, table in tables.items()}
        self.core.rules = msgspec.structs.replace(rules, **merged)

    def events(self) -> list[Event]:
        """Everything that was committed."""
        return [self.core.catalogue.decode(data) for _, data, _ in self.store.rows[ORG]]

    def memory(self) -> tuple[object, ...]:
        """All that a dropped command must leave as it was."""
        world, head = self.world, self.node.head
        tables = {name: dict(table) for name, table in world.tables.items() if table}
        return (
            world.seq,
            world.at,
            tables,
            head.chain.head,
            head.tree.edge(),
            len(self.core.pending.batch.events),
            self.node.timers.next_at(),
        )

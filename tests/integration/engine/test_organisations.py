"""Several organisations in one process share commits and nothing else (spec 1 *organisation*)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.integration.engine.backbone import new_agent, request, running


async def test_organisations_share_a_commit_and_see_nothing_of_each_other(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, first):
        second = await backbone.found("other")
        one, two = (
            await new_agent(backbone, first, "same-name"),
            await new_agent(backbone, second, "same-name"),
        )
        answers = await asyncio.gather(
            *(request(backbone, first, one, frame=n) for n in range(1, 20)),
            *(request(backbone, second, two, frame=n) for n in range(1, 20)),
        )
        assert all(answer.event is not None for answer in answers)
        for org, agent in ((first, one), (second, two)):
            events = backbone.engine.events(org, 0, 1_000)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert {event.actor.id for event in events if event.actor.kind == "agent"} == {agent[1].id}
            assert len({event.org for event in events}) == 1
    async with running(tmp_path) as (backbone, first):
        assert len(backbone.core.nodes) == 2

"""Agents without a socket hand on work and spawn agents by REST, with at most their own rights (spec 2.2, fault F4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.hub.house import GENEROUS
from tests.integration.identity.standing import standing
from tests.integration.workers.yard import Asked, Handler, Place, place

from watchfloor.councils.messages import CastVote
from watchfloor.engine.setup import add_person
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.kernel.terms import DelegationTerms, LevelTerms, TrustTerms
from watchfloor.policy.messages import ApplyPolicy

pytestmark = pytest.mark.timeout(120)
TRUSTED = msgspec.structs.replace(
    GENEROUS,
    trust=msgspec.structs.replace(TrustTerms(), base=850, tasks_per_tier=(5, 5, 5, 5, 10, 1_000)),
    levels=LevelTerms(low=0, medium=0, high=0, critical=0),
    auto=msgspec.structs.replace(GENEROUS.auto, medium_allowed=True, bootstrap_actions=100),
    delegation=DelegationTerms(depth_max=2, fan_out_max=2),
)


def taking(handler: Handler, asked: Asked, number: int) -> None:
    handler.tell(202)


@pytest.fixture
def worker() -> Iterator[Place]:
    with place(taking) as found:
        yield found


class Floor:
    """A server, a person, and what agents ask of it."""

    def __init__(self, server: Any, org: int, token: str, url: str) -> None:
        self.server = server
        self.org = org
        self.url = url
        self.clients: list[httpx2.AsyncClient] = []
        self.person = self.client(token)

    def client(self, token: str) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {token}"}
        made = httpx2.AsyncClient(base_url=self.server.url, headers=headers, trust_env=False)
        self.clients.append(made)
        return made

    async def agent(self, name: str, *capabilities: str) -> tuple[str, httpx2.AsyncClient]:
        body = {"name": name, "type": "worker", "capabilities": capabilities, "url": self.url}
        made = (await self.person.post("/api/v1/agents/register", json=body)).json()
        return made["agent_id"], self.client(made["api_key"])

    async def agreed(self, digest: str, asker: httpx2.AsyncClient, action: str, seq: int) -> dict[str, Any]:
        """Two people who do not own the agent say yes; the grant."""
        waiting = await self.person.get("/api/v1/decisions", params={"status": "pending", "min_seq": seq})
        (decision,) = [one["decision_id"] for one in waiting.json()["items"]]
        subject = parse_id(decision, "decision")[0]
        for handle in ("bob", "cyd"):
            person = self.server.engine.cell(self.org, "names", f"person:{handle}")
            nonce = self.server.engine.state(self.org, "person", person).nonce
            public = public_id("person", person, nonce)
            if self.server.engine.state(self.org, "decision", subject).status == "pending":
                vote = CastVote(subject=subject, person=public, vote="approve", digest=digest)
                await self.server.engine.ask(self.org, vote, Actor(kind="person", id=public))
        for _ in range(3_000):
            shown = (await asker.get(f"/api/v1/actions/{action}")).json()
            if shown.get("grant"):
                found: dict[str, Any] = shown["grant"]
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(shown)

    async def held(self, *needs: str) -> dict[str, Any]:
        """A task that its worker has accepted."""
        made = (await self.person.post("/api/v1/tasks", json={"title": "t", "needs": needs})).json()
        subject = parse_id(made["task_id"], "task")[0]
        for _ in range(3_000):
            task = self.server.engine.state(self.org, "task", subject)
            if task.stage == "running":
                return {"task_id": made["task_id"], "generation": task.generation}
            await asyncio.sleep(0.01)
        raise AssertionError(f"it stayed {task.stage}")


@asynccontextmanager
async def floor(folder: Path, url: str) -> AsyncIterator[Floor]:
    async with standing(folder, outbound_allow=("127.0.0.1",)) as (server, admin, org):
        await server.engine.ask(org, ApplyPolicy(document=TRUSTED, reason="test"), SYSTEM)
        here = Floor(server, org, admin.token, url)
        try:
            yield here
        finally:
            for client in here.clients:
                await client.aclose()


async def test_an_agent_submits_a_part_and_a_root_and_sees_only_its_own_lineage(
    tmp_path: Path, worker: Place
) -> None:
    async with floor(tmp_path, worker.url) as here:
        planner, boss = await here.agent("planner", "plan")
        _, other = await here.agent("other", "dig")
        held = await here.held("plan")
        part = await boss.post("/api/v1/tasks", json={"title": "a part", "needs": ["dig"], **held})
        assert part.status_code == 201, part.text
        seen = await boss.get(
            f"/api/v1/tasks/{part.json()['task_id']}/lineage", params={"min_seq": part.json()["seq"]}
        )
        assert seen.json()["task"]["delegator_id"] == planner
        assert [above["task_id"] for above in seen.json()["ancestors"]] == [held["task_id"]]
        hidden = await other.get(f"/api/v1/tasks/{held['task_id']}/lineage")
        assert hidden.status_code == 404, "the task above is none of its own"
        root = await boss.post("/api/v1/tasks", json={"title": "alone", "needs": ["fly"]})
        assert root.status_code == 201, root.text
        state = here.server.engine.state(here.org, "task", parse_id(root.json()["task_id"], "task")[0])
        assert (state.parent, state.delegator) == (0, parse_id(planner, "agent")[0])


async def test_what_is_for_people_an_agent_cannot_say_and_the_other_way_round(
    tmp_path: Path, worker: Place
) -> None:
    async with floor(tmp_path, worker.url) as here:
        _, boss = await here.agent("planner", "plan")
        held = await here.held("plan")
        said: dict[str, Any] = {
            "criteria": [{"type": "command", "command": "true"}],
            "depends_on": [held["task_id"]],
            "budget": {"tokens": 5},
            "not_before_at": 1,
        }
        for name, value in said.items():
            answer = await boss.post("/api/v1/tasks", json={"title": "x", name: value})
            assert answer.status_code == 422, (name, answer.text)
        for name, value in {**held, "tools": ["git"], "share_milli": 1}.items():
            answer = await here.person.post("/api/v1/tasks", json={"title": "x", name: value})
            assert answer.status_code == 422, (name, answer.text)
        bulk = {"tasks": [{"title": "x", "tools": ["git"]}]}
        assert (await here.person.post("/api/v1/tasks/bulk", json=bulk)).status_code == 422


async def test_too_much_is_refused_on_the_record_and_nothing_is_handed_on_under_a_stop(
    tmp_path: Path, worker: Place
) -> None:
    async with floor(tmp_path, worker.url) as here:
        planner, boss = await here.agent("planner", "plan")
        held = await here.held("plan")
        answer = await boss.post("/api/v1/tasks", json={"title": "me", "agent_id": planner, **held})
        assert (answer.status_code, answer.json()["code"]) == (403, "invalid_delegation")
        stop = {"scope": "agent", "target": planner, "reason": "test"}
        stopped = await here.person.post("/api/v1/stops", json=stop)
        assert stopped.status_code in (200, 201), stopped.text
        for path in ("/api/v1/tasks", f"/api/v1/tasks/{held['task_id']}/delegate"):
            body = {"title": "p", "generation": held["generation"]}
            answer = await boss.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "stopped"), path


async def test_an_agent_is_spawned_by_rest_once_and_its_key_is_shown_once(
    tmp_path: Path, worker: Place
) -> None:
    async with floor(tmp_path, worker.url) as here:
        for handle in ("bob", "cyd"):
            await add_person(here.server.engine, here.org, handle, ("admin",))
        chief, http = await here.agent("chief", "plan", "dig")
        junior = {"name": "junior", "type": "worker", "capabilities": ["dig"], "tools": []}
        asked = await http.post("/api/v1/actions", json={"type": "agent.spawn", "tool": "", "params": junior})
        ruling = asked.json()
        assert (ruling["verdict"], ruling["grant"]) == ("pending", None)
        grant = await here.agreed(ruling["digest"], http, ruling["action_id"], ruling["seq"])
        begin = {
            "grant_id": grant["grant_id"],
            "execution_id": "exe-1",
            "digest": ruling["digest"],
        }
        begun = await http.post(f"/api/v1/actions/{ruling['action_id']}/start", json=begin)
        assert begun.status_code == 200, begun.text
        body = {"action_id": ruling["action_id"], "execution_id": "exe-1", **junior}
        other = await http.post("/api/v1/agents/spawn", json={**body, "capabilities": ["plan"]})
        assert (other.status_code, other.json()["code"]) == (403, "digest_mismatch")
        key = {"idempotency-key": "once"}
        made = await http.post("/api/v1/agents/spawn", json=body, headers=key)
        assert made.status_code == 201, made.text
        child = here.client(made.json()["api_key"])
        assert (await child.get("/api/v1/me")).json()["id"] == made.json()["agent_id"]
        again = await http.post("/api/v1/agents/spawn", json=body, headers=key)
        assert (again.json()["agent_id"], again.json()["api_key"]) == (made.json()["agent_id"], None)
        twice = await http.post("/api/v1/agents/spawn", json=body)
        assert twice.json()["code"] == "already_spawned"
        state = here.server.engine.state(here.org, "agent", parse_id(made.json()["agent_id"], "agent")[0])
        assert (state.parent, state.depth) == (parse_id(chief, "agent")[0], 1)

"""The SDK against the real server, in a process of its own, with real people deciding over REST and real kill -9s."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sdk.hurry import impatient

from watchfloor.cli.client import Client, Profile
from watchfloor_agent import (
    Agent,
    AuthenticationFailed,
    ConfigurationError,
    Denied,
    GrantRefused,
    Refused,
    Replaced,
    Stopped,
    Task,
    checkpoint,
    read_key,
    register,
    write_key,
)
from watchfloor_agent.rotating import key_id

PROGRAM = Path(__file__).with_name("real_server.py")
FAST = (50, 200)


class Watchfloor:
    """The server's process and its people."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process: asyncio.subprocess.Process | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._clients: list[Client] = []
        self.url = ""
        self.token = ""
        self.ada: Client
        self.sam: Client

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), str(self._data), str(self._port), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        told = json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))
        self.url = told["url"]
        self.close()
        self.ada = Client(Profile(self.url, told["ada"]))
        self.sam = Client(Profile(self.url, told["sam"]))
        self._clients += [self.ada, self.sam]
        self.token = told["ada"]

    def close(self) -> None:
        """Let the people's connections go."""
        for client in self._clients:
            client._http.close()
        self._clients.clear()

    async def end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()

    async def agent(self, name: str = "tester", **options: Any) -> Agent:
        registered = await asyncio.to_thread(
            register, self.url, self.token, name=name, capabilities=["testing"]
        )
        assert registered.api_key, "registered before"
        options.setdefault("reconnect_ms", FAST)
        return Agent(self.url.replace("http", "ws") + "/ws", registered.api_key, **options)

    async def pending(self) -> dict[str, Any]:
        """The decision that waits, once there is one."""
        for _ in range(600):
            found = await asyncio.to_thread(self.sam.get, "/api/v1/decisions", status="pending")
            if found["items"]:
                return dict(found["items"][0])
            await asyncio.sleep(0.05)
        raise AssertionError("nothing became pending")

    async def vote(self, vote: str) -> None:
        decision = await self.pending()
        body = {"vote": vote, "digest": decision["digest"], "comment": "because"}
        await asyncio.to_thread(self.sam.post, f"/api/v1/decisions/{decision['decision_id']}/vote", body)

    async def ends_as(self, action_id: str, status: str) -> bool:
        """Whether the action gets this status; views follow the ledger within moments."""
        for _ in range(600):
            found = await asyncio.to_thread(self.ada.get, f"/api/v1/actions/{action_id}")
            if found["action"]["status"] == status:
                return True
            await asyncio.sleep(0.05)
        return False


@pytest.fixture
async def watchfloor(tmp_path: Path) -> AsyncIterator[Watchfloor]:
    server = Watchfloor(tmp_path / "server")
    await server.start()
    yield server
    server.close()
    await server.end(signal.SIGTERM)


async def test_a_guarded_call_waits_for_a_person_and_is_recorded(
    watchfloor: Watchfloor, tmp_path: Path
) -> None:
    state = tmp_path / "agent.json"
    async with await watchfloor.agent(state_path=state) as agent:

        @agent.guarded("message.send", tool="bank", outcome=lambda result: {"transfer": result})
        async def pay(to: str, cents: int) -> str:
            return f"{to}:{cents}"

        ruling = await agent.dry_run("message.send", tool="bank", params={"to": "zoe", "cents": 5})
        assert (ruling.verdict, ruling.judged_at_seq > 0, ruling.audit_seq) == ("pending", True, 0)
        noted = await agent.dry_run("message.send", tool="bank", params={"to": "zoe"}, audit=True)
        assert noted.audit_seq > noted.judged_at_seq, "who asked what is on the record"
        paying = asyncio.create_task(pay("Zoe\u0308", 1200))
        await watchfloor.vote("approve")
        assert await paying == "Zoe\u0308:1200"
        assert agent.welcome is not None
        assert agent.welcome.structured_id
    listed = await asyncio.to_thread(watchfloor.ada.get, "/api/v1/actions")
    (sent,) = [item for item in listed["items"] if item["type"] == "message.send"]
    assert await watchfloor.ends_as(sent["action_id"], "completed")


async def test_a_stop_ends_what_is_executing_at_its_next_checkpoint_and_obeying_costs_nothing(
    watchfloor: Watchfloor,
) -> None:
    began, states = asyncio.Event(), list[str]()
    async with await watchfloor.agent() as agent:
        assert agent.welcome is not None
        agent_id = agent.welcome.agent_id

        @agent.guarded("message.send")
        async def send(text: str) -> None:
            began.set()
            for _ in range(2_000):
                checkpoint()
                await asyncio.sleep(0.02)
            states.append(text)

        sending = asyncio.create_task(send("a long one"))
        await watchfloor.vote("approve")
        await asyncio.wait_for(began.wait(), 30)
        before = await asyncio.to_thread(watchfloor.ada.get, f"/api/v1/agents/{agent_id}/trust")
        thrown = time.monotonic()
        body = {"scope": "agent", "target": agent_id, "reason": "enough"}
        await asyncio.to_thread(watchfloor.ada.post, "/api/v1/stops", body)
        with pytest.raises(Stopped, match="was stopped while it ran"):
            await sending
        assert time.monotonic() - thrown < 10, "two seconds, and a slow machine"
        assert states == []
    listed = await asyncio.to_thread(watchfloor.ada.get, f"/api/v1/actions?agent={agent_id}")
    assert await watchfloor.ends_as(listed["items"][0]["action_id"], "failed")
    after = await asyncio.to_thread(watchfloor.ada.get, f"/api/v1/agents/{agent_id}/trust")
    assert after["score"] == before["score"], "whoever obeys a stop has not failed"
    with pytest.raises(ConfigurationError):
        checkpoint()


async def test_no_is_no(watchfloor: Watchfloor) -> None:
    async with await watchfloor.agent() as agent:
        asking = asyncio.create_task(agent.request_action("message.send"))
        await watchfloor.vote("deny")
        with pytest.raises(Denied, match=r"message\.send was denied"):
            await asking
        with pytest.raises(Denied) as caught:
            await agent.request_action("file.read", params={"path": "/etc/shadow"})
        assert caught.value.reasons


async def test_a_grant_is_for_one_use_of_one_action(watchfloor: Watchfloor) -> None:
    async with await watchfloor.agent() as agent:
        asking = asyncio.create_task(agent.request_action("file.read", params={"path": "/srv/a"}))
        await watchfloor.vote("approve")
        grant = await asking
        async with agent.execution(grant) as execution:
            execution.outcome = {"bytes": 3}
        with pytest.raises(GrantRefused):
            async with agent.execution(grant):
                pytest.fail("it ran twice")


async def test_a_pending_request_outlives_kill_9_of_the_server(watchfloor: Watchfloor) -> None:
    async with await watchfloor.agent(answer_ms=20_000) as agent:
        asking = asyncio.create_task(agent.request_action("message.send", params={"cents": 7}))
        await watchfloor.pending()
        await watchfloor.end(signal.SIGKILL)
        await watchfloor.start()
        await watchfloor.vote("approve")
        grant = await asyncio.wait_for(asking, 20)
        await watchfloor.end(signal.SIGKILL)
        starting = asyncio.create_task(agent.execution(grant).start())
        await watchfloor.start()
        await asyncio.wait_for(starting, 20)
    assert await watchfloor.ends_as(grant.action_id, "executing")


async def test_an_outcome_reported_while_the_server_was_dead_is_recorded(watchfloor: Watchfloor) -> None:
    async with await watchfloor.agent(drain_ms=20_000) as agent:
        asking = asyncio.create_task(agent.request_action("file.read"))
        await watchfloor.vote("approve")
        grant = await asking
        async with agent.execution(grant) as execution:
            await watchfloor.end(signal.SIGKILL)
            execution.outcome = {"read": 1}
            impatient(execution, 300)
        await watchfloor.start()
        for _ in range(600):
            if agent.connected:
                break
            await asyncio.sleep(0.05)
    assert await watchfloor.ends_as(grant.action_id, "completed")


async def test_requests_under_repeated_kill_9_are_decided_once_each(watchfloor: Watchfloor) -> None:
    asked = 40
    async with await watchfloor.agent(answer_ms=60_000) as agent:

        async def ask(number: int) -> str:
            try:
                await agent.request_action("file.read", params={"path": f"/etc/{number}"})
            except Denied as denied:
                return denied.action_id
            raise AssertionError("a forbidden path was permitted")

        asking = []
        for number in range(asked):
            asking.append(asyncio.create_task(ask(number)))
            await asyncio.sleep(0.02)
            if number % 10 == 9:
                await watchfloor.end(signal.SIGKILL)
                await watchfloor.start()
        answered = await asyncio.wait_for(asyncio.gather(*asking), 60)
    assert len(set(answered)) == asked
    for _ in range(600):  # what was answered a moment ago may not be listed yet
        listed = await asyncio.to_thread(watchfloor.ada.pages, "/api/v1/actions", 500)
        if len(listed) >= asked:
            break
        await asyncio.sleep(0.05)
    assert {item["action_id"] for item in listed} == set(answered)


async def test_a_task_is_worked_on_across_a_restart(watchfloor: Watchfloor) -> None:
    agent = await watchfloor.agent(answer_ms=20_000)
    begun, go_on = asyncio.Event(), asyncio.Event()
    generations: list[int] = []

    @agent.on_task
    async def work(task: Task) -> dict[str, Any]:
        generations.append(task.generation)
        begun.set()
        await go_on.wait()
        return {"echo": task.input}

    async with agent:
        body = {"title": "echo", "needs": ["testing"], "input": {"n": 3}}
        submitted = await asyncio.to_thread(watchfloor.ada.post, "/api/v1/tasks", body)
        await asyncio.wait_for(begun.wait(), 20)
        await watchfloor.end(signal.SIGKILL)
        await watchfloor.start()
        for _ in range(600):
            if agent.connected:
                break
            await asyncio.sleep(0.05)
        go_on.set()
        for _ in range(600):
            found = await asyncio.to_thread(watchfloor.ada.get, f"/api/v1/tasks/{submitted['task_id']}")
            if found["task"]["status"] == "succeeded":
                break
            await asyncio.sleep(0.05)
    assert found["task"]["status"] == "succeeded"
    assert generations == [1]


async def test_a_revoked_key_ends_the_agent_within_two_seconds(watchfloor: Watchfloor) -> None:
    agent = await watchfloor.agent()
    await agent.start()
    assert agent.welcome is not None
    agent_id = agent.welcome.agent_id
    serving = asyncio.create_task(agent.serve())
    key_id = "_".join(agent._life._settings.api_key.split("_")[1:3])
    began = time.monotonic()
    await asyncio.to_thread(watchfloor.ada.post, f"/api/v1/agents/{agent_id}/keys/{key_id}/revoke", {})
    with pytest.raises(AuthenticationFailed):
        await asyncio.wait_for(serving, 30)
    assert time.monotonic() - began < 10, "two seconds, and a slow machine"


async def test_the_newest_connection_of_a_key_wins_and_the_other_stays_away(watchfloor: Watchfloor) -> None:
    first = await watchfloor.agent()
    await first.start()
    serving = asyncio.create_task(first.serve())
    second = Agent(first.url, first._life._settings.api_key, reconnect_ms=FAST)
    async with second:
        with pytest.raises(Replaced):
            await asyncio.wait_for(serving, 30)
        await asyncio.sleep(0.5)
        assert second.connected
        with pytest.raises(Denied):
            await second.request_action("file.read", params={"path": "/etc/x"})


async def test_the_server_refuses_what_the_protocol_forbids_with_a_place(watchfloor: Watchfloor) -> None:
    async with await watchfloor.agent() as agent:
        with pytest.raises(Refused, match="payload/type"):
            await agent.request_action("x" * 129)
        with pytest.raises(Refused):
            await agent.request_action("file.read", params={"text": "x" * 300_000})
        assert agent.connected


async def test_a_second_registration_shows_no_key(watchfloor: Watchfloor) -> None:
    first = await asyncio.to_thread(register, watchfloor.url, watchfloor.token, name="a", capabilities=["x"])
    again = await asyncio.to_thread(register, watchfloor.url, watchfloor.token, name="a", capabilities=["x"])
    assert (again.agent_id, again.api_key) == (first.agent_id, "")
    with pytest.raises(Refused):
        await asyncio.to_thread(register, watchfloor.url, "wf_tok_no_no", name="b", capabilities=["x"])


async def test_a_key_that_expires_soon_is_rotated_by_the_agent_itself(
    watchfloor: Watchfloor, tmp_path: Path
) -> None:
    registered = await asyncio.to_thread(
        register, watchfloor.url, watchfloor.token, name="old", capabilities=["x"]
    )
    issued = await asyncio.to_thread(
        watchfloor.ada.post, f"/api/v1/agents/{registered.agent_id}/keys", {"expires_in_days": 5}
    )
    path = tmp_path / "agent.key"
    write_key(path, issued["api_key"])
    agent = Agent(watchfloor.url.replace("http", "ws") + "/ws", key_path=path, reconnect_ms=FAST)
    async with agent:
        for _ in range(600):
            if await asyncio.to_thread(read_key, path) != issued["api_key"]:
                break
            await asyncio.sleep(0.05)
        assert key_id(read_key(path)) != issued["key_id"]
        revoke = f"/api/v1/agents/{registered.agent_id}/keys/{issued['key_id']}/revoke"
        await asyncio.to_thread(watchfloor.ada.post, revoke)
        await asyncio.sleep(0.3)
        with pytest.raises(Denied):
            await agent.request_action("file.read", params={"path": "/etc/x"})
    async with agent:
        assert agent.connected, "started again, it has the new key"

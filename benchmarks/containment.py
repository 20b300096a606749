"""Containment from outside: a runaway beside honest agents, stops and revocations on open sockets, a click's way to its agent.

    python -m benchmarks.containment [--quick]

Default policy throughout, SQLite on a real disk, the server a process of its own; 1,000 sockets stay open meanwhile.

*Runaway*: 1,000 actions as fast as the socket takes them, each permitted one started at once; 20 honest agents read 1.5
times a second before it and during it. *Stop*: everything is stopped while agents ask; the time from the request that
throws it to the last permit that anybody hears. *Stop without the database*: every commit fails; the time to the first
answer that says `stopped`. *Revocation*: from the request to the end of the agent's connection. *Click*: 500 decisions
wait; from the vote's request to the grant on the agent's socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx2
from benchmarks.machine import allow_open_files
from benchmarks.product import Product, goal, product, report
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SOCKETS, HONEST, FLOOD, PENDING = 1_000, 20, 1_000, 500
READ = {"type": "file.read", "params": {"path": "notes/a.txt"}}
ASK = {"type": "http.post", "params": {"url": "https://api.example/orders"}}
Said = dict[str, Any]


class Peer:
    """An agent on its socket: answers by number, pushes by action."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.ended_at = 0.0
        self.agent_id = ""
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[tuple[Said, float]]] = {}
        self.pushed: dict[str, asyncio.Future[float]] = {}
        self.hearing = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.connection:
                frame, now = json.loads(text), time.perf_counter()
                waiting = self._answers.pop(frame.get("re", 0), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result((frame, now))
                elif frame["type"] == "welcome":
                    self._numbers = itertools.count(frame["payload"].get("last_id", 0) + 1)
                    self.agent_id = frame["payload"]["agent_id"]
                elif frame["type"] == "action:decided":
                    known = self.pushed.pop(frame["payload"]["action_id"], None)
                    if known is not None:
                        known.set_result(now)
        self.ended_at = time.perf_counter()
        for waiting in self._answers.values():
            waiting.cancel()

    async def say(self, kind: str, payload: Said) -> asyncio.Future[tuple[Said, float]]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.connection.send(json.dumps({"type": kind, "id": number, "payload": payload}))
        return answer

    async def ask(self, kind: str, payload: Said) -> tuple[Said, float]:
        return await (await self.say(kind, payload))


class Floor:
    """A product with its people and the sockets of all its agents."""

    def __init__(self, server: Product) -> None:
        self.server = server
        self._web = server.url.replace("ws://", "http://").removesuffix("/ws")
        self.peers: list[Peer] = []

    async def open(self) -> None:
        for begin in range(0, len(self.server.keys), 50):
            keys = self.server.keys[begin : begin + 50]
            self.peers += await asyncio.gather(*map(self._peer, keys))
        while not all(peer.agent_id for peer in self.peers):  # noqa: ASYNC110 - welcomes come one by one
            await asyncio.sleep(0.05)

    async def _peer(self, key: str) -> Peer:
        own = {"authorization": f"Bearer {key}"}
        return Peer(
            await connect(
                self.server.url, additional_headers=own, proxy=None, ping_interval=None, open_timeout=60
            )
        )

    def person(self, handle: str, *roles: str) -> httpx2.AsyncClient:
        token = self.server.ask({"person": handle, "roles": roles})["token"]
        headers = {"authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(base_url=self._web, headers=headers, timeout=30)

    async def close(self) -> None:
        await asyncio.gather(*(peer.connection.close() for peer in self.peers))


def percentile(samples: list[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def honest(peers: list[Peer], seconds: float) -> list[float]:
    """Milliseconds of their reads, each agent at a place of its own in time."""
    samples: list[float] = []
    end = time.perf_counter() + seconds

    async def one(peer: Peer, delay: float) -> None:
        await asyncio.sleep(delay)
        while time.perf_counter() < end:
            began = time.perf_counter()
            _, at = await peer.ask("action:request", READ)
            samples.append((at - began) * 1e3)
            await asyncio.sleep(max(0.0, began + 0.65 - time.perf_counter()))

    await asyncio.gather(*(one(peer, place * 0.65 / len(peers)) for place, peer in enumerate(peers)))
    return samples


async def flood(peer: Peer) -> None:
    """As fast as the socket takes them; what is permitted is started at once."""

    async def use(answer: asyncio.Future[tuple[Said, float]]) -> None:
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
            frame, _ = await answer
            grant = frame["payload"].get("grant")
            if grant:
                action = frame["payload"]["action_id"]
                start = {"action_id": action, "grant_id": grant["grant_id"], "execution_id": f"exe_{action}"}
                await peer.say("action:started", start)

    using = []
    with contextlib.suppress(ConnectionClosed):
        for number in range(FLOOD):
            wanted = {"type": "file.read", "params": {"path": f"notes/{number}.txt"}}
            using.append(asyncio.create_task(use(await peer.say("action:request", wanted))))
    await asyncio.wait(using, timeout=5)


async def runaway(floor: Floor, rounds: int, seconds: float) -> Said:
    """Wild agents, one after the other, beside the same honest ones."""
    beside = floor.peers[1:][:HONEST]
    alone: list[float] = []
    during: list[float] = []
    found: list[Said] = []
    for number in range(rounds):
        alone += await honest(beside, seconds)
        wild = floor.peers[HONEST + 1 + number]
        began_ns = time.time_ns()
        flooding = asyncio.create_task(flood(wild))
        during += await honest(beside, seconds)
        await flooding
        tally = floor.server.ask({"tally": floor.server.agents[HONEST + 1 + number]})
        caught = tally.pop("quarantined_ns")
        tally["quarantines"] = len(caught)
        tally["quarantined_s"] = round((caught[0] - began_ns) / 1e9, 3) if caught else None
        found.append(tally)
    before, meanwhile = percentile(alone, 0.99), percentile(during, 0.99)
    return {
        "runaways": found,
        "honest_p99_ms_before": round(before, 2),
        "honest_p99_ms_during": round(meanwhile, 2),
        "honest_p50_ms_before": round(statistics.median(alone), 2),
        "honest_p50_ms_during": round(statistics.median(during), 2),
        "samples": len(alone) + len(during),
    }


async def clicks(floor: Floor) -> Said:
    """Votes on decisions out of 500 that wait, one after the other; milliseconds to the agent."""
    boss = floor.person("boss", "supervisor")
    askers = floor.peers[100:][: PENDING // 5]
    waiting: list[tuple[Peer, Said]] = []

    async def five(peer: Peer) -> None:
        for _ in range(5):
            frame, _ = await peer.ask("action:request", ASK)
            waiting.append((peer, frame["payload"]))

    await asyncio.gather(*map(five, askers))
    held = [(peer, ruling) for peer, ruling in waiting if ruling["verdict"] == "pending"]
    samples: list[float] = []
    async with boss:
        for peer, ruling in held[:: max(1, len(held) // 100)]:
            heard = peer.pushed[ruling["action_id"]] = asyncio.get_running_loop().create_future()
            body = {"vote": "approve", "digest": ruling["digest"]}
            began = time.perf_counter()
            answer = await boss.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=body)
            if answer.status_code != 200:
                raise RuntimeError(answer.text)
            samples.append((await asyncio.wait_for(heard, 10) - began) * 1e3)
    return {
        "pending": len(held),
        "clicks": len(samples),
        "p50_ms": round(statistics.median(samples), 2),
        "p95_ms": round(percentile(samples, 0.95), 2),
        "max_ms": round(max(samples), 2),
    }


async def revocations(floor: Floor, number: int) -> Said:
    """Seconds from the request to the end of the connection, while all others stay open."""
    admin = floor.person("root", "admin")
    chosen = floor.peers[-number:]
    samples = []
    async with admin:
        for peer in chosen:
            keys = (await admin.get(f"/api/v1/agents/{peer.agent_id}/keys")).json()["items"]
            began = time.perf_counter()
            path = f"/api/v1/agents/{peer.agent_id}/keys/{keys[0]['key_id']}/revoke"
            answer = await admin.post(path, json={"reason": "drill"})
            if answer.status_code != 200:
                raise RuntimeError(answer.text)
            await asyncio.wait_for(peer.hearing, 10)
            samples.append(peer.ended_at - began)
    still = sum(not peer.ended_at for peer in floor.peers)
    return {"revoked": number, "longest_s": round(max(samples), 3), "sockets_still_open": still}


async def stopping(floor: Floor, *, fails: bool) -> Said:
    """Everything is stopped while agents ask, with a ledger that works or one that does not."""
    operator = floor.person("ops-fails" if fails else "ops", "operator")
    asking = [peer for peer in floor.peers if not peer.ended_at][200:500]
    last_permit = first_stop = 0.0
    over = False

    async def one(peer: Peer) -> None:
        nonlocal last_permit, first_stop
        while not over:
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                frame, at = await peer.ask("action:request", READ)
                payload = frame["payload"]
                if payload.get("verdict") == "permitted":
                    last_permit = at
                elif payload.get("code") == "stopped":
                    first_stop = first_stop or at
            await asyncio.sleep(0.65)

    busy = [asyncio.create_task(one(peer)) for peer in asking]
    await asyncio.sleep(1.5)
    if fails:
        floor.server.ask({"ledger": "fails"})
        await asyncio.sleep(0.5)
    async with operator:
        began = time.perf_counter()
        body = {"scope": "organisation", "reason": "drill"}
        answer = await operator.post("/api/v1/stops", json=body)
        answered = time.perf_counter() - began
        await asyncio.sleep(3.5)
        over = True
        await asyncio.gather(*busy)
        if fails:
            floor.server.ask({"ledger": "works"})
    return {
        "status": answer.status_code,
        "answered_s": round(answered, 3),
        "last_permit_s": round(max(0.0, last_permit - began), 3),
        "first_refusal_s": round(first_stop - began, 3) if first_stop else None,
    }


async def lifted(floor: Floor) -> None:
    """By somebody else, so that the next part begins with nothing stopped."""
    async with floor.person("other", "supervisor") as other:
        for stop in (await other.get("/api/v1/stops?state=in_force")).json()["items"]:
            await other.post(f"/api/v1/stops/{stop['stop_id']}/lift", json={"reason": "drill over"})


async def all_of_it(server: Product, quick: bool) -> Said:
    floor = Floor(server)
    await floor.open()
    found: Said = {"sockets": len(floor.peers)}
    found["runaway"] = await runaway(floor, 2 if quick else 4, 5 if quick else 10)
    found["click"] = await clicks(floor)
    found["stop"] = await stopping(floor, fails=False)
    await lifted(floor)
    found["revocation"] = await revocations(floor, 20 if quick else 100)
    found["stop_without_the_database"] = await stopping(floor, fails=True)
    await floor.close()
    return found


def run(quick: bool) -> dict[str, Any]:
    """Figures and goals."""
    allow_open_files()
    with product(SOCKETS, "--policy", "default") as server:
        found = asyncio.run(all_of_it(server, quick))
    wild, beside = found["runaway"]["runaways"], found["runaway"]
    caught = max((one["quarantined_s"] or 99.0) for one in wild)
    ratio = round(beside["honest_p99_ms_during"] / beside["honest_p99_ms_before"], 2)
    stop, without = found["stop"], found["stop_without_the_database"]
    refused = without["first_refusal_s"]
    most: Callable[[str], int] = lambda name: max(one[name] for one in wild)  # noqa: E731
    found["goals"] = [
        goal("runaway quarantined < 5 s", caught, caught < 5),
        goal("runaway: at most 100 executed", most("started"), most("started") <= 100),
        goal(
            "runaway: one quarantine and one alert",
            most("alerts"),
            most("alerts") == most("quarantines") == 1,
        ),
        goal("honest agents beside it: p99 <= 2 x before", ratio, ratio <= 2),
        goal("stop: last permit <= 2 s, 1,000 sockets", stop["last_permit_s"], stop["last_permit_s"] <= 2),
        goal(
            "revocation: socket closed <= 2 s",
            found["revocation"]["longest_s"],
            found["revocation"]["longest_s"] <= 2,
        ),
        goal(
            "stop while every commit fails: refused <= 2 s, no permit after",
            refused if refused is not None else 99.0,
            refused is not None and refused <= 2 and without["last_permit_s"] <= 2,
        ),
        goal("click to grant p95 <= 100 ms", found["click"]["p95_ms"], found["click"]["p95_ms"] <= 100),
    ]
    return found


if __name__ == "__main__":
    report(run)

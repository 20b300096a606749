"""What a reviewer tried against hub and grants: stops by another spelling, lost goodbyes, votes that came too late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.engine.backbone import new_agent, request, running

from watchfloor.actions.messages import (
    ActionStarted,
    GrantRevoked,
    GrantStanding,
    RevokeStanding,
    StartAction,
)
from watchfloor.app import Backbone
from watchfloor.councils.messages import CastVote
from watchfloor.engine.stops import JournalStop
from watchfloor.fleet.messages import RetireAgent
from watchfloor.hub.hub import Hub, HubSettings
from watchfloor.hub.session import Session
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.ledger.contract import Batch, StorageFull
from watchfloor.people.messages import AddPerson, DisablePerson


async def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.02)


class Ear:
    """The other end of a session: keeps what is said."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.said: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        session.opened(self)  # type: ignore[arg-type]

    def send(self, data: bytes) -> None:
        self.said.append(msgspec.json.decode(data))

    def close(self, code: int, reason: str = "") -> None:
        self.closed = (code, reason)
        self.session.closed(code, reason)

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.said]

    def ask(self, number: int, kind: str, **payload: object) -> None:
        self.session.text(msgspec.json.encode({"type": kind, "id": number, "payload": payload}))


class Floor:
    def __init__(self, backbone: Backbone, org: int, hub: Hub) -> None:
        self.backbone, self.engine, self.org, self.hub = backbone, backbone.engine, org, hub

    async def agent(self, name: str = "otto") -> tuple[int, Actor]:
        subject, actor = await new_agent(self.backbone, self.org, name)
        held = self.engine.credentials.of(self.org, "agent", subject)[0]
        return subject, Actor(kind="agent", id=actor.id, credential=held.id)

    def open(self, agent: tuple[int, Actor]) -> Ear:
        held = self.engine.credentials.of(self.org, "agent", agent[0])[0]
        return Ear(Session(self.hub, held))

    def state(self, kind: str, subject: int) -> Any:
        return self.engine.state(self.org, kind, subject)

    async def person(self, handle: str) -> Actor:
        answer = await self.engine.ask(self.org, AddPerson(handle=handle, roles=("supervisor",)), SYSTEM)
        nonce = self.state("person", answer.seq).nonce
        return Actor(kind="person", id=public_id("person", answer.seq, nonce))

    def stop(self, *, scope: str, target: str) -> JournalStop:
        made = JournalStop(
            id="stop-1",
            org=self.org,
            scope=scope,
            target=target,
            reason="r",
            by="per_x",
            at=self.engine.clock(),
        )
        self.engine.stops.add(made)
        return made


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    async with running(tmp_path) as (backbone, org):
        hub = Hub(backbone.engine, HubSettings())
        await hub.start()
        try:
            yield Floor(backbone, org, hub)
        finally:
            await hub.stop()


async def test_a_stopped_type_is_stopped_however_it_is_written(floor: Floor) -> None:
    ear = floor.open(await floor.agent())
    await until(lambda: "welcome" in ear.types())
    floor.stop(scope="action_type", target="payment.send")
    ear.ask(1, "action:request", type="Payment.SEND", tool="bank", params={})
    await until(lambda: len(ear.said) > 1)
    assert ear.said[-1]["payload"]["code"] == "stopped"


async def test_a_goodbye_that_could_not_be_recorded_is_recorded_later(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await floor.agent()
    ear = floor.open(agent)
    await until(lambda: "welcome" in ear.types())
    commit, full = floor.backbone.ledger.commit, [True]

    async def refuse(batch: Batch) -> None:
        if full:
            raise StorageFull("no space left")
        await commit(batch)

    monkeypatch.setattr(floor.backbone.ledger, "commit", refuse)
    monkeypatch.setattr(type(floor.backbone.ledger), "full", property(lambda self: bool(full)))
    ear.session.closed(1006, "gone")
    await asyncio.sleep(0.3)
    full.clear()
    await until(lambda: not floor.state("agent", agent[0]).session)


async def test_a_retired_agents_socket_is_closed(floor: Floor) -> None:
    agent = await floor.agent()
    ear = floor.open(agent)
    await until(lambda: "welcome" in ear.types())
    await floor.engine.ask(floor.org, RetireAgent(subject=agent[0], reason="old"), SYSTEM)
    await until(lambda: ear.closed)
    assert ear.closed == (4003, "this agent is retired")


async def test_whatever_is_asked_before_the_welcome_gets_an_answer(floor: Floor) -> None:
    ear = floor.open(await floor.agent())
    for number in range(1, 21):
        ear.ask(number, "action:request", type="file.read", tool="fs", params={})
    await until(lambda: {frame.get("re") for frame in ear.said} >= set(range(1, 21)))


async def test_a_flood_of_statuses_does_not_fill_the_inbox_of_the_others(floor: Floor) -> None:
    from watchfloor.work.messages import AcceptTask, SubmitTask

    agent = await floor.agent()
    ear = floor.open(agent)
    await until(lambda: "welcome" in ear.types())
    submit = SubmitTask(needs=("work",), criteria=0, private=b'{"criteria":[]}')
    task = (await floor.engine.ask(floor.org, submit, SYSTEM)).seq
    await floor.engine.ask(floor.org, AcceptTask(subject=task, agent=agent[0], generation=1), SYSTEM)
    text = public_id("task", task, floor.state("task", task).nonce)
    for number in range(1_000):
        ear.ask(0, "status:update", state="working", task_id=text, progress=number % 100)
    assert floor.engine.queued() <= 16


async def _granted(floor: Floor, agent: tuple[int, Actor], voters: list[Actor]) -> tuple[int, int]:
    """(action, decision), granted by the first of the voters."""
    asked = await request(floor.backbone, floor.org, agent, frame=1, type_="file.write")
    decision = floor.engine.cell(floor.org, "waiting", asked.seq)
    for voter in voters:
        await _vote(floor, decision, voter)
        if floor.state("action", asked.seq).status == "granted":
            break
    assert floor.state("action", asked.seq).status == "granted"
    return asked.seq, decision


async def _vote(floor: Floor, decision: int, voter: Actor) -> None:
    digest = floor.state("decision", decision).digest
    command = CastVote(subject=decision, person=voter.id, vote="approve", digest=digest)
    await floor.engine.ask(floor.org, command, voter)


async def _start(floor: Floor, agent: tuple[int, Actor], action: int) -> Any:
    number = floor.state("action", action).grant.number
    command = StartAction(subject=action, agent=agent[0], grant=number, execution="x1")
    return (await floor.engine.ask(floor.org, command, agent[1])).event.facts  # type: ignore[union-attr]


async def test_a_vote_that_came_too_late_does_not_replace_one_that_became_void(floor: Floor) -> None:
    agent = await floor.agent()
    people = [await floor.person(name) for name in ("ann", "bob", "cid", "dan")]
    action, decision = await _granted(floor, agent, people)
    voted = [vote.person for vote in floor.state("decision", decision).votes]
    for late in people:
        if late.id not in voted:
            await _vote(floor, decision, late)
    for person in voted:
        subject = next(p.subject for p in floor.engine.cell(floor.org, "people", "all") if p.id == person)
        await floor.engine.ask(floor.org, DisablePerson(subject=subject), SYSTEM)
    facts = await _start(floor, agent, action)
    assert isinstance(facts, GrantRevoked)
    assert facts.reason == "voters_invalid"


async def test_a_grant_under_a_standing_approval_falls_with_it(floor: Floor) -> None:
    agent = await floor.agent()
    ann = await floor.person("ann")
    until_at = floor.engine.clock() + HOUR
    given = GrantStanding(agent=agent[0], type="file.read", expires_at=until_at)
    standing = (await floor.engine.ask(floor.org, given, ann)).seq
    asked = await request(floor.backbone, floor.org, agent, frame=1)
    kept = await request(floor.backbone, floor.org, agent, frame=2)
    assert floor.state("action", asked.seq).grant.basis == "standing"
    assert isinstance(await _start(floor, agent, kept.seq), ActionStarted)
    await floor.engine.ask(floor.org, RevokeStanding(subject=standing), ann)
    assert isinstance(await _start(floor, agent, asked.seq), GrantRevoked)


async def test_no_grant_is_pushed_under_a_stop_and_it_follows_when_the_stop_is_lifted(floor: Floor) -> None:
    agent = await floor.agent()
    ear = floor.open(agent)
    await until(lambda: "welcome" in ear.types())
    people = [await floor.person(name) for name in ("ann", "bob", "cid")]
    made = floor.stop(scope="action_type", target="file.write")
    await _granted(floor, agent, people)
    await asyncio.sleep(0.3)
    assert not [frame for frame in ear.said if frame["payload"].get("grant")]
    floor.engine.stops.add(msgspec.structs.replace(made, lifted=True))
    await until(lambda: [frame for frame in ear.said if frame["payload"].get("grant")])


async def test_an_action_nobody_may_decide_on_says_what_is_missing(floor: Floor) -> None:
    ear = floor.open(await floor.agent())
    await until(lambda: "welcome" in ear.types())
    ear.ask(1, "action:request", type="file.write", tool="fs", params={})
    await until(lambda: [frame for frame in ear.said if frame["payload"].get("verdict") == "denied"])
    denied = next(frame["payload"] for frame in ear.said if frame["payload"].get("verdict") == "denied")
    assert [reason["rule"] for reason in denied["reasons"]] == ["too_few_people_may_decide"]
    assert "the agent's owner does not count" in denied["reasons"][0]["text"]

"""What the engine records of its own, and how a first person and a first agent come in (DESIGN §1, spec 6)."""

from __future__ import annotations

from pathlib import Path

from tests.integration.engine.backbone import running
from tests.unit.engine.floor import Floor

from watchfloor.engine.setup import first_person, register_agent
from watchfloor.fleet.messages import (
    ConnectAgent,
    MarkDegraded,
    NodeStarted,
    QuarantineAgent,
    RegisterAgent,
    RetireAgent,
)
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.system import (
    Advance,
    ClockAnomaly,
    Continued,
    DeclareRollback,
    RecordAnomaly,
    Redact,
    Redacted,
    RollbackDeclared,
    StartNode,
)


def test_the_engine_records_anomalies_rollbacks_redactions_and_starts() -> None:
    floor = Floor()
    for command, facts in (
        (RecordAnomaly(subject=1, offset_ms=-7_000), ClockAnomaly(offset_ms=-7_000)),
        (
            DeclareRollback(subject=1, reason="r", size_lost=9, size_now=4),
            RollbackDeclared(reason="r", size_lost=9, size_now=4),
        ),
        (Redact(subject=1, redacted=3, reason="asked"), Redacted(redacted=3, reason="asked")),
        (
            StartNode(subject=1, node="n", incarnation="i", version="v"),
            NodeStarted(incarnation="i", node="n", version="v"),
        ),
    ):
        answer = floor.put(command)
        assert answer.event is not None
        assert answer.event.facts == facts


def test_a_redaction_without_a_reason_is_refused() -> None:
    refused = Floor().put(Redact(subject=1, redacted=3, reason="")).refused
    assert refused is not None
    assert (refused.code, refused.field, refused.status) == ("reason_missing", "/reason", 422)


def test_advancing_what_is_not_there_records_nothing() -> None:
    floor = Floor()
    before = floor.memory()
    assert floor.put(Advance(subject=1, name="orphan:0"), commit=False).event is None
    assert floor.memory() == before


def test_a_node_that_starts_anew_ends_every_session_of_before_slice_by_slice() -> None:
    """Online, quarantined or degraded: 120 agents, through the real processes, to the end."""
    floor = Floor()
    agents = []
    for number in range(120):
        registration = RegisterAgent(
            name=f"crowd-{number}",
            type="worker",
            capabilities=("build",),
            owner="system",
            credential=f"key_c{number}",
            expires_at=floor.now + DAY,
        )
        agent = floor.put(registration).seq
        agents.append(agent)
        session = f"{floor.incarnation}.{number}"
        floor.put(ConnectAgent(subject=agent, node="node-1", session=session))
        if not number % 3:
            floor.put(QuarantineAgent(subject=agent, reason="r"))
        elif not number % 5:
            floor.put(MarkDegraded(subject=agent, session=session))
    floor._start_node()
    slices = 0
    while floor.world.read("continuations", "all"):
        floor.ring()
        floor.commit()
        slices += 1
        assert slices < 20
    assert slices > 5, "in slices"
    assert all(not floor.world.read("agent", agent).session for agent in agents)
    assert sum(1 for event in floor.events() if isinstance(event.facts, Continued)) == slices


def test_a_retired_agent_is_disconnected_once() -> None:
    floor = Floor()
    agent = floor.agents[0].subject
    floor.put(ConnectAgent(subject=agent, node="node-1", session=f"{floor.incarnation}.1"))
    floor.put(RetireAgent(subject=agent, reason="old"))
    assert [event.type for event in floor.events()].count("agent.disconnected/1") == 1
    assert not any(agent in (floor.world.read("connected", shard) or ()) for shard in range(32))


async def test_the_first_person_has_a_link_for_a_day_and_a_token_for_a_month(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        engine = backbone.engine
        person = await first_person(engine, org, "ada", "http://here")
        base, _, link = person.link.rpartition("/")
        assert base == "http://here/sign-in"
        now = engine.clock()
        for key, kind, days in ((link, "link", 1), (person.token, "token", 30)):
            found = engine.credentials.find(key, now)
            assert found is not None
            assert (found.kind, found.subject) == (kind, person.subject)
            assert (days - 1) * DAY < found.expires_at - now <= days * DAY
            assert engine.credentials.find(key, found.expires_at) is None
        held = engine.cell(org, "people", "all")
        assert [(one.handle, one.roles, one.id) for one in held] == [("ada", ("admin",), person.id)]


async def test_an_agents_key_is_of_the_agent_that_its_own_command_began(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        public, key = await register_agent(backbone.engine, org, "otto", "worker", ("git",))
        found = backbone.engine.credentials.find(key, backbone.engine.clock())
        assert found is not None
        assert (found.subject, found.kind) == (parse_id(public, "agent")[0], "agent")
    async with running(tmp_path) as (backbone, _):
        again = backbone.engine.credentials.find(key, backbone.engine.clock())
        assert again == found, "and after a restart"

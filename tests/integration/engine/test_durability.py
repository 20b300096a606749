"""The shell around the core on a real store: answers after fsync, failures, restarts (spec 04, DESIGN §1, 2b.5, 2b.17)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.engine.backbone import new_agent, request, running

from watchfloor.app import Backbone
from watchfloor.config import Config
from watchfloor.engine.engine import Unavailable
from watchfloor.engine.requests import IdempotencyKey
from watchfloor.kernel.messages import SYSTEM, Refused
from watchfloor.ledger.contract import Batch, LedgerPoisoned, StorageFull
from watchfloor.people.messages import AddPerson


def cells(backbone: Backbone, org: int) -> dict[str, dict[object, object]]:
    return {name: dict(table) for name, table in backbone.core.nodes[org].world.tables.items() if table}


async def test_an_answer_is_given_only_when_its_event_can_be_read_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        for frame in range(1, 30):
            answer = await request(backbone, org, agent, frame=frame)
            assert answer.event is not None
            assert backbone.engine.event(org, answer.seq) == answer.event


async def test_a_repeated_frame_gets_the_first_answer_also_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        first = await request(backbone, org, agent, frame=1)
        again = await request(backbone, org, agent, frame=1)
        assert again.replayed
        assert again.event == first.event
        with pytest.raises(Refused, match="frame_reused"):
            await request(backbone, org, agent, frame=1, body="bb00000000000000")
    async with running(tmp_path) as (backbone, org):
        later = await request(backbone, org, agent, frame=1)
        assert later.replayed
        assert later.seq == first.seq


async def test_a_key_is_settled_once_and_another_body_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        key = IdempotencyKey(credential="tok", key="k1", body_digest=b"a" * 32)
        command = AddPerson(handle="eve", roles=("operator",))
        both = await asyncio.gather(*(backbone.engine.ask(org, command, SYSTEM, key=key) for _ in range(5)))
        assert len({answer.seq for answer in both}) == 1
        other = IdempotencyKey(credential="tok", key="k1", body_digest=b"b" * 32)
        with pytest.raises(Refused, match="idempotency_key_reused") as refused:
            await backbone.engine.ask(org, command, SYSTEM, key=other)
        assert refused.value.status == 422


async def test_a_dry_run_judges_and_leaves_no_trace(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        before, head = cells(backbone, org), backbone.engine.head(org)
        answer = await request(backbone, org, agent, dry_run=True)
        assert answer.event is not None
        assert answer.judged_at == head
        assert backbone.engine.head(org) == head
        assert cells(backbone, org) == before


async def test_state_after_a_restart_is_the_state_before_it(tmp_path: Path) -> None:
    async with running(tmp_path, snapshot_events=50) as (backbone, org):
        agent = await new_agent(backbone, org)
        for frame in range(1, 120):
            await request(backbone, org, agent, frame=frame)
        for _ in range(600):
            if list((tmp_path / "data" / "snapshots").glob("*")):
                break
            await asyncio.sleep(0.05)
        before = cells(backbone, org)
        assert list((tmp_path / "data" / "snapshots").iterdir()), "a snapshot was written"
    from_snapshot = Backbone(Config(disk_reserve_mib=1, data=str(tmp_path / "data")))
    org = next(iter(from_snapshot.core.nodes))
    assert cells(from_snapshot, org) == before
    await from_snapshot.ledger.close()
    from_snapshot.signer.close()
    from_snapshot.directory.close()
    for path in (tmp_path / "data" / "snapshots").iterdir():
        path.unlink()
    from_zero = Backbone(Config(disk_reserve_mib=1, data=str(tmp_path / "data")))
    assert cells(from_zero, org) == before
    await from_zero.ledger.close()
    from_zero.signer.close()
    from_zero.directory.close()


async def test_a_full_disk_is_refused_cleanly_and_recovers_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        await request(backbone, org, agent, frame=1)
        before, head = cells(backbone, org), backbone.engine.head(org)
        commit = backbone.ledger.commit
        full = True

        async def refuse(batch: Batch) -> None:
            if full and not (batch.essential and not batch.events):
                raise StorageFull("no space left")
            if full:
                raise StorageFull("still none")
            await commit(batch)

        monkeypatch.setattr(backbone.ledger, "commit", refuse)
        monkeypatch.setattr(type(backbone.ledger), "full", property(lambda self: full))
        with pytest.raises(Unavailable) as refused:
            await request(backbone, org, agent, frame=2)
        assert refused.value.retryable
        assert backbone.engine.read_only
        for _ in range(1_500):
            if backbone.core.nodes[org].world.seq == head:
                break
            await asyncio.sleep(0.02)
        after = cells(backbone, org)
        assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()
        assert backbone.engine.head(org) == head
        with pytest.raises(Unavailable):
            await request(backbone, org, agent, frame=2)
        full = False
        for _ in range(600):
            if not backbone.engine.read_only:
                break
            await asyncio.sleep(0.05)
        answer = await request(backbone, org, agent, frame=2)
        assert not answer.replayed


async def test_a_store_that_fails_again_and_again_gets_no_work_until_a_probe_shows_that_it_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebuilding the state for every request would leave the loop no time for stops (fault F9)."""
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        commit, reload, failing, reloads = backbone.ledger.commit, backbone.core.reload, True, 0

        async def refuse(batch: Batch) -> None:
            if failing:
                raise StorageFull("the volume is away")
            await commit(batch)

        def counted() -> None:
            nonlocal reloads
            reloads += 1
            reload()

        monkeypatch.setattr(backbone.ledger, "commit", refuse)
        monkeypatch.setattr(backbone.core, "reload", counted)
        for frame in range(1, 40):
            with pytest.raises(Unavailable):
                await request(backbone, org, agent, frame=frame)
        assert reloads <= 3
        assert backbone.engine.read_only
        failing = False
        for _ in range(600):
            if not backbone.engine.read_only:
                break
            await asyncio.sleep(0.05)
        assert not (await request(backbone, org, agent, frame=1)).replayed


async def test_an_unknown_outcome_is_settled_by_the_same_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commit succeeds, nobody is told (fault C4): memory is rebuilt, and the retry returns the first result."""
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        commit = backbone.ledger.commit
        told: list[bool] = []

        async def silent(batch: Batch) -> None:
            await commit(batch)
            if not told:
                told.append(True)
                raise LedgerPoisoned("the answer got lost")

        monkeypatch.setattr(backbone.ledger, "commit", silent)
        with pytest.raises(Unavailable, match="unknown"):
            await request(backbone, org, agent, frame=1)
        for _ in range(600):
            if not backbone.engine.read_only:
                break
            await asyncio.sleep(0.05)
        answer = await request(backbone, org, agent, frame=1)
        assert answer.replayed
        assert sum(event.frame == 1 for event in backbone.engine.events(org, 0, 1_000)) == 1


async def test_a_rule_that_breaks_costs_only_its_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        decides: dict[Any, Any] = dict(backbone.core.rules.decides)
        real = decides[AddPerson]

        def broken(state: object, command: AddPerson, given: object) -> object:
            if command.handle == "boom":
                raise ZeroDivisionError
            return real(state, command, given)

        decides[AddPerson] = broken
        changed = msgspec.structs.replace(backbone.core.rules, decides=decides)
        monkeypatch.setattr(backbone.core, "rules", changed)
        good, bad, later = await asyncio.gather(
            request(backbone, org, agent, frame=1),
            backbone.engine.ask(org, AddPerson(handle="boom", roles=("operator",)), SYSTEM),
            backbone.engine.ask(org, AddPerson(handle="fine", roles=("operator",)), SYSTEM),
            return_exceptions=True,
        )
        assert isinstance(bad, Unavailable)
        assert not isinstance(good, BaseException)
        assert not isinstance(later, BaseException)


async def test_checkpoints_follow_within_a_second_and_at_shutdown(tmp_path: Path) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        await request(backbone, org, agent, frame=1)
        for _ in range(600):
            latest = backbone.ledger.latest_checkpoint(org)
            if latest is not None and latest.size == backbone.engine.head(org):
                break
            await asyncio.sleep(0.05)
        assert latest is not None
        assert latest.size == backbone.engine.head(org)
        await request(backbone, org, agent, frame=2)
        head = backbone.engine.head(org)
    again = Backbone(Config(disk_reserve_mib=1, data=str(tmp_path / "data")))
    signed = again.ledger.latest_checkpoint(org)
    assert signed is not None
    assert signed.size == head, "the last words were signed at shutdown"
    await again.ledger.close()
    again.signer.close()
    again.directory.close()

"""What a reviewer tried against the engine: failures of other kinds, races with rebuilding, signing what was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.engine.backbone import new_agent, request, running

from watchfloor.engine.engine import Unavailable
from watchfloor.engine.sequencer import Pending, Sequencer
from watchfloor.engine.signing import Signing
from watchfloor.kernel.messages import SYSTEM
from watchfloor.ledger.contract import Batch, LedgerPoisoned, StorageFull
from watchfloor.ledger.verify import require_good
from watchfloor.people.messages import AddPerson


async def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.01)


async def test_a_batch_that_the_store_cannot_even_bind_costs_its_own_answers_and_no_others(
    tmp_path: Path,
) -> None:
    """An integer beyond 64 bits is no LedgerError; the commit loop must outlive it."""
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        row = ("tok_x", org, "token", 1, b"", "[]", 2**70, 0, 0, "")
        with pytest.raises(Unavailable):
            async with asyncio.timeout(30):
                await backbone.engine.ask(
                    org, AddPerson(handle="eve", roles=("operator",)), SYSTEM, credentials=[row]
                )
        await until(lambda: not backbone.engine.read_only)
        async with asyncio.timeout(30):
            answer = await request(backbone, org, agent, frame=1)
        assert answer.event is not None


async def test_a_due_date_that_breaks_does_not_stop_the_clock_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as (backbone, org):
        ticks = []
        timers = type(backbone.core.nodes[org].timers)
        real = timers.overdue

        def overdue(self: object, now: int, count: int) -> object:
            ticks.append(now)
            if len(ticks) == 1:
                raise KeyError("a rule's fault")
            return real(self, now, count)  # type: ignore[arg-type]

        monkeypatch.setattr(timers, "overdue", overdue)
        await until(lambda: len(ticks) > 3)


async def test_signing_outlives_an_unexpected_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        signing = backbone.signing
        real = Signing.sign_now
        failed: list[bool] = []

        async def breaks(self: Signing, engine: object) -> None:
            if not failed:
                failed.append(True)
                raise KeyError("a fault of ours")
            await real(self, engine)  # type: ignore[arg-type]

        monkeypatch.setattr(Signing, "sign_now", breaks)
        await until(lambda: failed)
        await request(backbone, org, agent, frame=1)
        await until(lambda: signing.latest.get(org, (0,))[0] == backbone.engine.head(org))


async def test_no_checkpoint_is_signed_over_a_history_that_was_never_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A noted head belongs to its batch: when that is lost, so is the note."""
    async with running(tmp_path) as (backbone, org):
        agent = await new_agent(backbone, org)
        await until(lambda: backbone.signing.latest.get(org, (0,))[0] == backbone.engine.head(org))
        commit = backbone.ledger.commit
        failed: list[bool] = []

        async def refuse(batch: Batch) -> None:
            if not failed and batch.events:
                failed.append(True)
                raise StorageFull("no space left")
            await commit(batch)

        noted = Signing.note

        def heavy(self: Signing, core: Sequencer, pending: Pending) -> None:
            if not failed:
                pending.heavy.add(org)  # as where people decide
            noted(self, core, pending)

        monkeypatch.setattr(Signing, "note", heavy)
        monkeypatch.setattr(backbone.ledger, "commit", refuse)
        with pytest.raises(Unavailable):
            await request(backbone, org, agent, frame=1, type_="lost.action")
        await until(lambda: failed and not backbone.engine.read_only)
        for number in range(6):  # nothing that wants a checkpoint at once, and takes the note's place
            await backbone.engine.ask(org, AddPerson(handle=f"p{number}", roles=("operator",)), SYSTEM)
        await until(lambda: backbone.signing.latest[org][0] == backbone.engine.head(org))
        require_good(backbone.ledger)


async def test_every_request_is_answered_while_memory_is_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit fails between two slices of a long queue, and reopening takes a while."""
    async with running(tmp_path) as (backbone, org):
        agents = [await new_agent(backbone, org, f"agent-{number}") for number in range(40)]
        ledger = backbone.ledger
        commit, reopen, poisoned = ledger.commit, ledger.reopen, [""]

        async def breaks(batch: Batch) -> None:
            if not poisoned[0] and not done:
                await asyncio.sleep(0)
                poisoned[0] = "an fsync failed"
                raise LedgerPoisoned(poisoned[0])
            await commit(batch)

        async def slow() -> None:
            await asyncio.sleep(0.3)
            await reopen()
            poisoned[0] = ""
            done.append(True)

        done: list[bool] = []
        monkeypatch.setattr(ledger, "commit", breaks)
        monkeypatch.setattr(ledger, "reopen", slow)
        monkeypatch.setattr(type(ledger), "poisoned", property(lambda self: poisoned[0]))
        asked = [
            asyncio.ensure_future(request(backbone, org, agent, frame=frame))
            for frame in range(1, 60)
            for agent in agents
        ]
        finished, waiting = await asyncio.wait(asked, timeout=20)
        for task in waiting:
            task.cancel()
        assert not waiting, f"{len(waiting)} of {len(asked)} requests never got an answer"
        assert done
        recorded = {event.seq for event in backbone.engine.events(org, 0, 10_000)}
        told = [task.result() for task in finished if task.exception() is None]
        assert all(answer.seq in recorded for answer in told)


async def test_the_engine_stops_also_when_a_head_is_noted_at_the_very_moment(tmp_path: Path) -> None:
    """`asyncio.wait_for` of Python 3.11 would swallow the cancellation, and the server would never end."""
    async with running(tmp_path) as (backbone, _):
        signing = asyncio.ensure_future(backbone.signing.run(backbone.engine))
        for _ in range(3):
            await asyncio.sleep(0)
        backbone.signing._urgent.set()
        signing.cancel()
        done, _ = await asyncio.wait({signing}, timeout=20)
        signing.cancel()
        assert done, "it signs for ever"

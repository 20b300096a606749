"""Throwing and lifting stops: in force from the journal on, in the ledger as soon as it can be (DESIGN 2b.9, fault F9).

The order of a stop is: journal (fsynced, in memory) → ledger → answer. When the ledger cannot be written the answer
says so, the stop is in force all the same, and it is recorded later; what is recorded already is found by the
journal's id, so it is never recorded twice.
"""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from watchfloor.actions.messages import EaseStop, LiftStop, RecordStop, StopRecorded
from watchfloor.actions.names import fold
from watchfloor.engine.requests import Lane
from watchfloor.engine.stops import JournalStop
from watchfloor.http.asking import Call
from watchfloor.http.problems import Problem
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Refused
from watchfloor.registers.stops import Stop

RETRY_S = 1.0
WAIT_S = 2.0  # a person who stops something is answered within this, whatever the ledger does
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("watchfloor.http.stops")
_journal = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stops")
_THINGS = {"agent": "agent", "lineage": "agent", "workflow": "task"}
_later: set[asyncio.Task[tuple[str, int, int]]] = set()


async def stop(call: Call, scope: str, target: str, reason: str) -> tuple[str, int, int]:
    """Throw a stop: (its public id, effective instant, seq). Id empty and seq 0: in force, and recorded later.

    Raises Problem for a target that is not there, Refused for what the rules find wrong with it.
    """
    target, number = _target(call, scope, target)
    if call.key is not None:
        repeated = await _repeated(call)
        if repeated is not None:
            return repeated
    journal = f"stop-{secrets.token_hex(8)}"
    entry = JournalStop(
        id=journal,
        org=call.org,
        scope=scope,
        target=target,
        reason=reason,
        by=call.principal.id,
        at=call.now,
        number=number,
    )
    await _write(call, entry)
    command = RecordStop(
        scope=scope, target=target, reason=reason, effective_at=call.now, journal=journal, number=number
    )
    recording = asyncio.get_running_loop().create_task(_record(call, command))
    done, _ = await asyncio.wait({recording}, timeout=WAIT_S)
    if done:
        return recording.result()
    _later.add(recording)
    recording.add_done_callback(_later.discard)
    return "", entry.at, 0


async def _repeated(call: Call) -> tuple[str, int, int] | None:
    """The first answer to this Idempotency-Key, before anything is written to the journal again."""
    assert call.key is not None
    found = await asyncio.to_thread(call.services.reads.find_key, call.org, call.key.credential, call.key.key)
    if found is None or found[0] != call.key.body_digest:
        return None  # unknown, or another body: the engine says which
    event = await call.event(found[1])
    assert event is not None
    return _answer(event)


def _answer(event: Any) -> tuple[str, int, int]:
    facts = event.facts
    assert isinstance(facts, StopRecorded)
    return public_id("stop", event.subject, facts.nonce), facts.effective_at, event.seq


async def _record(call: Call, command: RecordStop) -> tuple[str, int, int]:
    """Record the stop, however long the ledger takes. Refused goes up: then nothing was to be stopped, and the journal forgets it."""
    while True:
        try:
            recorded = await call.ask(command, lane=Lane.STOPS)
            assert recorded.event is not None
            return _answer(recorded.event)
        except Problem as problem:
            _log.warning("a stop waits for the ledger", journal=command.journal, code=problem.code)
        except Refused as refused:
            if not refused.retryable:
                await _forget(call, command)
                raise
            _log.warning("a stop waits for the ledger", journal=command.journal, code=refused.code)
        await asyncio.sleep(RETRY_S)
        known = [
            s
            for s in call.services.engine.cell(call.org, "stops", "active") or ()
            if s.journal == command.journal
        ]
        if known:
            event = await call.event(known[0].subject)
            assert event is not None
            return _answer(event)


async def _forget(call: Call, command: RecordStop) -> None:
    entry = JournalStop(
        id=command.journal,
        org=call.org,
        scope=command.scope,
        target=command.target,
        reason="refused",
        by=call.principal.id,
        at=call.now,
        lifted=True,
    )
    await _write(call, entry)


async def _write(call: Call, entry: JournalStop) -> None:
    """A line of the journal, on a thread that slow queries of others cannot occupy (fault E4).

    When even the journal's disk refuses, the stop is in force from memory, and the log says so.
    """
    try:
        await asyncio.get_running_loop().run_in_executor(_journal, call.services.engine.stops.add, entry)
    except OSError:
        _log.exception("the stop journal cannot be written; the stop is in memory alone", journal=entry.id)


def _target(call: Call, scope: str, target: str) -> tuple[str, int]:
    """The target as stops name it, and the integer of an agent or task.

    Raises Problem 404 for one that is not here, 422 for a missing name.
    """
    if scope == "organisation":
        return "", 0
    if scope in _THINGS:
        subject, _ = call.resolve(_THINGS[scope], target)
        return call.id_of(_THINGS[scope], subject), subject
    if not target.strip():
        raise Refused("invalid_name", "say what is to be stopped", field="/target", status=422)
    return (fold(target) if scope in ("action_type", "tool") else target), 0


async def ease(call: Call, text: str, scope: str, target: str, reason: str) -> int:
    """A stage of lifting a stop: in the ledger first, then in the journal. Returns the seq."""
    subject, _ = call.resolve("stop", text)
    target, number = _target(call, scope, target)
    command = EaseStop(subject=subject, scope=scope, target=target, reason=reason, number=number)
    recorded = await call.ask(command)
    for stop_, entry in _of_journal(call, subject):
        await _write(
            call, msgspec.structs.replace(entry, eased=stop_.eased, by=call.principal.id, at=call.now)
        )
    return recorded.seq


async def lift(call: Call, text: str, reason: str) -> int:
    """Lift a stop: in the ledger first, then in the journal. Returns the seq."""
    subject, _ = call.resolve("stop", text)
    entries = _of_journal(call, subject)
    recorded = await call.ask(LiftStop(subject=subject, reason=reason))
    for _, entry in entries:
        lifted = msgspec.structs.replace(entry, reason=reason, by=call.principal.id, at=call.now, lifted=True)
        await _write(call, lifted)
    return recorded.seq


def _of_journal(call: Call, subject: int) -> list[tuple[Stop, JournalStop]]:
    """A stop in force as the ledger knows it, with its line of this node's journal."""
    in_force: tuple[Stop, ...] = call.services.engine.cell(call.org, "stops", "active") or ()
    lines = {entry.id: entry for entry in call.services.engine.stops.in_force(call.org)}
    return [
        (known, lines[known.journal])
        for known in in_force
        if known.subject == subject and known.journal in lines
    ]

"""What must be true after every run, whatever happened (spec 09 §2 *General oracle*, DESIGN §1 laws)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from tests.simulation.judging import runs_with_what_was_ruled
from tests.simulation.means_laws import LAWS
from tests.simulation.scene import CATALOGUE, ORG, RULES, WIRING, Scene

from watchfloor.conversations.messages import AgentTold, ChatAnswered, MessagePosted, MessageSent
from watchfloor.engine.auditing import RULINGS, audit_all
from watchfloor.engine.sequencer import Sequencer
from watchfloor.engine.snapshot import copy_of
from watchfloor.engine.world import World
from watchfloor.kernel.messages import Event
from watchfloor.kernel.system import ProcessRefused
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.work import messages as work
from watchfloor.work.messages import (
    TaskAssigned,
    TaskCancelled,
    TaskDeadLettered,
    TaskPaused,
    TaskPurged,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)
from watchfloor_verify import Rules


def events_of(scene: Scene) -> list[Event]:
    return [CATALOGUE.decode(data) for _, data, _ in scene.store.rows[ORG]]


def check(scene: Scene) -> None:
    """Every law; a failure names the seed."""
    events = events_of(scene)
    _chain(scene)
    _folds(scene)
    _acknowledged(scene, events)
    _once(events)
    _verified(events)
    _audited(scene)
    _rules_obeyed(scene)
    _numbered(scene, events)
    _live(scene)
    _tasks(scene, events)
    runs_with_what_was_ruled(scene, events)
    for law in LAWS:
        law(events)
    refused = [e.facts for e in events if isinstance(e.facts, ProcessRefused)]
    unexpected = [f for f in refused if f.code not in EXPECTED_REFUSALS]
    assert not unexpected, f"seed {scene.seed}: processes wished for nonsense: {unexpected[:3]}"


# A process may come too late; it may never wish for what makes no sense at all.
# Of several tasks offered to one agent, the first may take what budgets had left.
EXPECTED_REFUSALS = frozenset({"agent_full", "dependency_failed", "over_budget"})


def _chain(scene: Scene) -> None:
    prev, tree = bytes(32), Tree()
    for number, (seq, data, digest) in enumerate(scene.store.rows[ORG], 1):
        assert seq == number
        prev = sha256(prev + data).digest()
        assert prev == digest, f"seed {scene.seed}: chain broken at {seq}"
        tree.append(leaf_hash(data))
    head = scene.core.nodes[ORG].head
    assert head.chain.head == prev
    assert head.tree.root() == tree.root(), f"seed {scene.seed}: the tree in memory is another"


def cells(world: World) -> dict[str, dict[Any, Any]]:
    return {name: table for name, table in world.tables.items() if table}


def _folds(scene: Scene) -> None:
    """Fold from zero = live state = fold from a snapshot; folding everything twice changes no subject."""
    row = scene.store.organisations()[0]
    fresh = Sequencer(WIRING, RULES, CATALOGUE, scene.store).load(row.org, row.public_id)
    live = scene.world
    assert live.seq == fresh.world.seq
    assert cells(live) == cells(fresh.world), f"seed {scene.seed}: live state differs from the fold from zero"
    restorer = scene._snapshot()
    restored = Sequencer(WIRING, RULES, CATALOGUE, scene.store, restorer).load(row.org, row.public_id)
    assert cells(restored.world) == cells(fresh.world), f"seed {scene.seed}: the snapshot differs"
    copy = copy_of(live, b"", (), 0)
    assert {name for name, _ in copy.cells()} == cells(live).keys()
    copy.close()


def _acknowledged(scene: Scene, events: list[Event]) -> None:
    """Acknowledged ⊆ stored, with exactly the answer that was given."""
    for sent, answer in scene.acknowledged:
        assert answer.seq <= len(events), f"seed {scene.seed}: acknowledged seq {answer.seq} was lost"
        stored = events[answer.seq - 1]
        if answer.event is not None:
            assert stored == answer.event, f"seed {scene.seed}: another event than was acknowledged"
        if answer.replayed and sent.frame:
            assert (stored.frame, stored.actor.id) == (sent.frame, sent.actor.id)


def _once(events: list[Event]) -> None:
    """No duplicates: a frame leads to one command's events, ever; one ruling per request."""
    frames = [(event.actor.id, event.frame) for event in events if event.frame]
    assert len(frames) == len(set(frames)), "a frame was carried out twice"


def _verified(events: list[Event]) -> None:
    """A task with criteria succeeds only by a verification of the report of the same generation; ratings are others'."""
    criteria: dict[int, int] = {}
    reported: dict[int, int] = {}
    rated: set[int] = set()
    for event in events:
        facts = event.facts
        if isinstance(facts, work.TaskSubmitted):
            criteria[event.subject] = facts.criteria
        elif isinstance(facts, work.TaskReported):
            reported[event.subject] = facts.generation
        elif isinstance(facts, work.TaskSucceeded):
            assert facts.verified == (criteria[event.subject] > 0), (
                f"seq {event.seq}: succeeded by word alone"
            )
            if facts.verified:
                assert reported.get(event.subject) == facts.generation, f"seq {event.seq}: never reported"
                assert event.actor.kind == "system", f"seq {event.seq}: verified by {event.actor.kind}"
        elif isinstance(facts, work.TaskReviewed):
            assert event.subject not in rated, f"seq {event.seq}: rated twice"
            assert event.actor.id != facts.owner, f"seq {event.seq}: rated by the owner"
            rated.add(event.subject)


def _audited(scene: Scene) -> None:
    counts, differing = audit_all(scene.store, CATALOGUE, ORG)
    assert not differing, f"seed {scene.seed}: rulings differ when judged again: {differing}"
    assert counts["same"] == sum(isinstance(e.facts, RULINGS) for e in events_of(scene))


def _rules_obeyed(scene: Scene) -> None:
    """The stand-alone verifier's rules (exit 6), on the events as an outsider sees them."""
    rows = [msgspec.json.decode(data) for _, data, _ in scene.store.rows[ORG]]
    from watchfloor_verify import event_of

    rules = Rules(rows[0]["org"], lambda offset: event_of(rows[offset], offset))
    for offset, row in enumerate(rows):
        broken = rules.see(row, offset)
        assert broken is None, f"seed {scene.seed}: seq {row['seq']} {row['type']}: {broken}"


def _tasks(scene: Scene, events: list[Event]) -> None:
    """A task ends once, runs within its attempts, after what it depends on, and never while somebody holds it."""
    submitted: dict[int, TaskSubmitted] = {}
    attempts: dict[int, int] = {}
    ended: dict[int, str] = {}
    paused: set[int] = set()
    for event in events:
        task, facts = event.subject, event.facts
        where = f"seed {scene.seed}: seq {event.seq} {event.type}"
        if isinstance(facts, TaskSubmitted):
            submitted[task], attempts[task] = facts, 0
        elif isinstance(facts, TaskRetried):
            assert ended.pop(task) == "task.dead_lettered/1", where
            attempts[task] = 0
        elif isinstance(facts, TaskAssigned):
            attempts[task] += 1
            assert attempts[task] <= submitted[task].attempts_max, where
            assert task not in ended, where
            assert task not in paused, where
            assert all(ended.get(on) == "task.succeeded/1" for on in submitted[task].depends_on), where
        elif isinstance(facts, TaskPaused):
            paused.add(task)
        elif isinstance(facts, TaskUnpaused):
            paused.remove(task)
        elif isinstance(facts, TaskPurged):
            assert ended[task] == "task.dead_lettered/1", where
            ended[task] = event.type
        elif isinstance(facts, TaskSucceeded | TaskDeadLettered | TaskCancelled):
            assert task not in ended, where
            ended[task] = event.type
            paused.discard(task)
    assert ended.keys() == submitted.keys(), f"seed {scene.seed}: a task was lost"


def _numbered(scene: Scene, events: list[Event]) -> None:
    """Messages of a conversation have the numbers 1, 2, 3, … without a gap and without a repeat (spec 2.6)."""
    last: dict[tuple[str, int], int] = {}
    for event in events:
        if isinstance(event.facts, AgentTold | ChatAnswered | MessageSent | MessagePosted):
            place = (event.kind, event.subject)
            assert event.facts.number == last.get(place, 0) + 1, f"seed {scene.seed}: {place} at {event.seq}"
            last[place] = event.facts.number


def _live(scene: Scene) -> None:
    """After healing everything comes to its end (liveness)."""
    assert not scene._unfinished(), f"seed {scene.seed}: never ends: {scene._unfinished()[:5]}"

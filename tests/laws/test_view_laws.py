"""Laws of views: rebuilt = live, redelivery changes nothing, folded = unfolded (DESIGN §1 *Replay*, *Redelivery*).

Histories are made of every fact the product knows, with few subjects and few texts, so that rows are put, changed and
put again in every order, sensible or not: projectors are total and the laws hold for nonsense too.
"""

from __future__ import annotations

import sqlite3
import tempfile
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.effort import examples
from tests.unit.views.history import START

from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.view_rows import Folding, Storage
from watchfloor.engine.view_writer import Writer
from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.kernel.projection import Change, Projector, Table, integer, text
from watchfloor.kernel.system import Continued, Redacted
from watchfloor.kernel.terms import Policy

TEXTS = st.sampled_from(["", "a", "b", "agent", "approve", "denied", "pending", "permitted", "tool", "é"])
INTEGERS = st.sampled_from([0, 1, 2, 3, 5, 10**6])
TYPES: list[type[Facts]] = [*PROJECTORS, Redacted, Continued]


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, from small sets."""
    if annotation is Policy:
        return st.just(Policy())
    plain = {int: INTEGERS, str: TEXTS, bool: st.booleans(), type(None): st.none()}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return structs(annotation)
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return st.one_of([values_of(argument) for argument in arguments])
    if typing.get_origin(annotation) is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
        return st.tuples(*[values_of(argument) for argument in arguments])
    raise AssertionError(f"no values of {annotation}")


def structs(struct: type[Any]) -> st.SearchStrategy[Any]:
    hints = {field.name: field.type for field in msgspec.structs.fields(struct)}
    return st.fixed_dictionaries({name: values_of(hint) for name, hint in hints.items()}).map(
        lambda values: struct(**values)
    )


FACTS = st.sampled_from(TYPES).flatmap(structs)
LINES = st.tuples(FACTS, st.integers(1, 4), st.sampled_from(["", "tsk_1", "act_2"]), st.booleans())


@st.composite
def histories(draw: st.DrawFn, size_max: int = 40) -> list[Event]:
    """Events of one organisation, seq from 1."""
    lines = draw(st.lists(LINES, max_size=size_max))
    return [
        Event(
            org="org_law",
            seq=seq,
            at=START + seq,
            type=facts.TYPE,
            kind=facts.KIND,
            subject=subject,
            actor=SYSTEM,
            correlation=story,
            private="ab" * 32 if private else "",
            facts=facts,
        )
        for seq, (facts, subject, story, private) in enumerate(lines, 1)
    ]


@st.composite
def cut_histories(draw: st.DrawFn) -> tuple[list[Event], list[int]]:
    """Events and where batches end."""
    events = draw(histories())
    ends = draw(st.lists(st.integers(0, len(events)), max_size=6))
    return events, [*sorted(set(ends)), len(events)]


def everything(writer: Writer, tables: Sequence[Table] = TABLES) -> dict[str, list[Any]]:
    """Every stored row of every table, in key order."""
    found = {}
    for table in tables:
        rows = Storage(table).rows
        key = ", ".join(f'"{name}"' for name in ("org", *table.key))
        found[table.name] = writer.connection.execute(f"SELECT * FROM {rows} ORDER BY {key}").fetchall()
    return found


def opened(
    folder: str, name: str, head: int, tables: Sequence[Table] = TABLES, every: Sequence[Projector] = EVERY
) -> Writer:
    writer = Writer(Path(folder) / name, tables, PROJECTORS, every)
    writer.open({1: head})
    return writer


def rebuilt(folder: str, events: list[Event]) -> dict[str, list[Any]]:
    """Views of these events from zero, in one go."""
    writer = opened(folder, "rebuilt.db", len(events))
    writer.add(1, events)
    writer.commit()
    rows = everything(writer)
    writer.close()
    return rows


@settings(max_examples=examples(120), deadline=None)
@given(cut_histories(), st.sets(st.integers(0, 6)))
def test_views_kept_live_in_any_batches_over_any_restarts_equal_views_rebuilt(
    cut: tuple[list[Event], list[int]], restarts: set[int]
) -> None:
    events, ends = cut
    with tempfile.TemporaryDirectory() as folder:
        live, begin = opened(folder, "live.db", len(events)), 0
        for number, end in enumerate(ends):
            live.add(1, events[begin:end])
            live.commit()
            begin = end
            if number in restarts:
                live.abandon() if number % 2 else live.close()
                live = opened(folder, "live.db", len(events))
        assert everything(live) == rebuilt(folder, events)
        live.close()


@settings(max_examples=examples(80), deadline=None)
@given(cut_histories(), st.lists(st.integers(0, 40), min_size=7, max_size=7))
def test_a_writer_shown_old_events_again_leaves_them_out(
    cut: tuple[list[Event], list[int]], backs: list[int]
) -> None:
    events, ends = cut
    with tempfile.TemporaryDirectory() as folder:
        live, begin = opened(folder, "live.db", len(events)), 0
        for end, back in zip(ends, backs, strict=False):
            live.add(1, events[max(0, begin - back) : end])
            live.add(1, events[begin:end])
            live.commit()
            live.add(1, events[max(0, end - back) : end - back // 2])
            live.commit()
            begin = end
        live.add(1, events)
        assert live.commit() == {}
        assert everything(live) == rebuilt(folder, events)
        live.close()


@settings(max_examples=examples(80), deadline=None)
@given(histories())
def test_a_projector_shown_an_event_twice_in_a_row_changes_nothing_more(events: list[Event]) -> None:
    once, twice = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    storages = {table.name: Storage(table) for table in TABLES}
    for connection in (once, twice):
        for storage in storages.values():
            for statement in storage.create():
                connection.execute(statement)
    for event in events:
        for change in changes_of(event):
            unfolded(once, storages, [change])
            unfolded(twice, storages, [change])
        unfolded(twice, storages, changes_of(event))
    for storage in storages.values():
        sql = f"SELECT * FROM {storage.rows} ORDER BY 1, 2, 3"
        assert once.execute(sql).fetchall() == twice.execute(sql).fetchall()


def changes_of(event: Event) -> list[Change]:
    project = PROJECTORS.get(type(event.facts))
    found = list(project(event)) if project is not None else []
    return found + [change for every in EVERY for change in every(event)]


def unfolded(connection: sqlite3.Connection, storages: dict[str, Storage], changes: Iterable[Change]) -> None:
    """Each change as a statement of its own, written out here and not by the code under test."""
    for change in changes:
        storage = storages[change.table]
        names = [f'"{name}"' for name in ("org", *storage.table.columns)]
        where = " AND ".join(f"{name} = ?" for name in names[: len(storage.table.key) + 1])
        if change.op == "put":
            row = (1, *change.key, *change.values)
            connection.execute(f"DELETE FROM {storage.rows} WHERE {where}", row[: len(change.key) + 1])
            connection.execute(f"INSERT INTO {storage.rows} VALUES ({', '.join('?' * len(row))})", row)
        elif change.op == "set":
            for name, value in change.values.items():
                sql = f'UPDATE {storage.rows} SET "{name}" = ? WHERE {where}'
                connection.execute(sql, (value, 1, *change.key))
        else:
            connection.execute(f"DELETE FROM {storage.rows} WHERE {where}", (1, *change.key))


TOYS = Table(
    name="toys",
    version=1,
    meaning="for this law",
    key=("toy",),
    columns={"toy": integer("id"), "colour": text("c"), "size": integer("s")},
)
TOY_CHANGES = st.one_of(
    st.builds(
        lambda toy, colour, size: TOYS.put(toy, colour=colour, size=size), st.integers(0, 2), TEXTS, INTEGERS
    ),
    st.builds(lambda toy, colour: TOYS.set(toy, colour=colour), st.integers(0, 2), TEXTS),
    st.builds(lambda toy, size: TOYS.set(toy, size=size), st.integers(0, 2), INTEGERS),
    st.builds(lambda toy, c, s: TOYS.set(toy, size=s, colour=c), st.integers(0, 2), TEXTS, INTEGERS),
    st.builds(TOYS.drop, st.integers(0, 2)),
)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(st.lists(TOY_CHANGES, max_size=12), max_size=5))
def test_folded_changes_leave_what_unfolded_changes_leave(batches: list[list[Change]]) -> None:
    storage = Storage(TOYS)
    by_fold, one_by_one = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    for connection in (by_fold, one_by_one):
        connection.execute(storage.create()[0])
    folding = Folding([storage])
    for batch in batches:
        for change in batch:
            folding.add(1, [change])
        folding.write(by_fold)
        folding.clear()
        unfolded(one_by_one, {"toys": storage}, batch)
        sql = "SELECT * FROM toys_v1 ORDER BY toy"
        assert by_fold.execute(sql).fetchall() == one_by_one.execute(sql).fetchall()


def painted(version: int) -> tuple[Table, Projector]:
    """A table fed by every event; its second version holds something else."""
    table = msgspec.structs.replace(TOYS, version=version)

    def paint(event: Event) -> list[Change]:
        if event.seq % 5 == 4:
            return [table.drop(event.subject)]
        return [table.put(event.subject, colour=event.type, size=event.seq * version)]

    return table, paint


@settings(max_examples=examples(60), deadline=None)
@given(histories(), st.integers(0, 40), st.lists(st.integers(1, 9), max_size=8))
def test_a_version_built_beside_in_any_interleaving_equals_one_built_from_zero(
    events: list[Event], stopped: int, pages: list[int]
) -> None:
    old, paint_old = painted(1)
    new, paint_new = painted(2)
    stopped = min(stopped, len(events))
    with tempfile.TemporaryDirectory() as folder:
        writer = opened(folder, "live.db", len(events), [*TABLES, old], [*EVERY, paint_old])
        writer.add(1, events[:stopped])
        writer.commit()
        writer.close()
        writer = opened(folder, "live.db", len(events), [*TABLES, new], [*EVERY, paint_new])
        begin = stopped
        for page in [*pages, len(events)]:
            if writer.behind() is not None:
                at = writer.building.get(1, 0)
                writer.build(1, events[at : at + page])
            writer.add(1, events[begin : begin + page])
            writer.commit()
            begin = min(len(events), begin + page)
        while writer.behind() is not None:
            writer.build(1, events[writer.building.get(1, 0) :])
        if writer.rebuilding:
            assert writer.visible(1) == stopped
            writer.switch()
        fresh = opened(folder, "fresh.db", len(events), [*TABLES, new], [*EVERY, paint_new])
        fresh.add(1, events)
        fresh.commit()
        tables = [*TABLES, new]
        assert everything(writer, tables) == everything(fresh, tables)
        assert writer.visible(1) == len(events)
        writer.close()
        fresh.close()

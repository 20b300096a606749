"""State of one organisation in memory, and the overlay a command works on (DESIGN §1 *One batch*, §2).

Everything is a cell `(name, key) -> frozen value`: subjects under (kind, integer), registers under their cell names.
A command reads through and writes to an `Overlay`; when its batch is quiet the overlay is merged, and when anything
raises, it is dropped with nothing else touched. Finished subjects move to a bounded LRU and come back by folding
their stream.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from watchfloor.kernel.limits import FINISHED_SUBJECTS_MAX
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.subject import Fold, Register, Subject

Cell = tuple[str, Any]
Load = Callable[[str, int], Any]  # (kind, subject) -> state folded from its stream, None when there is none

ABSENT: Any = object()


class Wiring:
    """The rules as lookup tables: what folds which facts. Built once from the subjects and registers."""

    def __init__(self, subjects: tuple[Subject, ...], registers: tuple[Register, ...]) -> None:
        self.subjects = {subject.kind: subject for subject in subjects}
        self.framed: tuple[Fold, ...] = tuple(register.framed for register in registers if register.framed)
        self.folds: dict[type[Facts], tuple[Fold, ...]] = {}
        self.cell_types: dict[str, Any] = {subject.kind: subject.state for subject in subjects}
        for register in registers:
            if taken := self.cell_types.keys() & register.cells:
                raise ValueError(f"register {register.name}: cell names are taken: {sorted(taken)}")
            self.cell_types.update(register.cells)
            for facts, fold in register.folds.items():
                self.folds[facts] = (*self.folds.get(facts, ()), fold)
        self.evolves: dict[type[Facts], tuple[str, Callable[[Any, Event], Any]]] = {}
        for subject in subjects:
            for facts, evolve in subject.evolve.items():
                self.evolves[facts] = (subject.kind, evolve)


class World:
    """One organisation: its cells, its head, and what was evicted lately.

    `tables` holds the cells by name, then by key: a look-up builds no tuple.
    """

    def __init__(self, org: int, public: str, wiring: Wiring, load: Load) -> None:
        self.org = org
        self.public = public
        self.wiring = wiring
        self.load = load
        self.tables: dict[str, dict[Any, Any]] = {name: {} for name in wiring.cell_types}
        self.finished: OrderedDict[Cell, Any] = OrderedDict()
        # While a snapshot is written: what changed cells held when it began. None: nobody is looking.
        self.before: dict[str, dict[Any, Any]] | None = None
        self.seq = 0
        self.at = 0

    def read(self, name: str, key: Any) -> Any:
        """The cell's value, None when there is none. A finished subject is folded back from its stream."""
        value = self.tables[name].get(key)
        if value is not None or name not in self.wiring.subjects:
            return value
        cell = (name, key)
        value = self.finished.get(cell, ABSENT)
        if value is not ABSENT:
            return value
        if not 0 < key <= self.seq:
            return None
        value = self.load(name, key)
        self._finish(cell, value)  # None too: asking again for what never was must not cost a read
        return value

    def _finish(self, cell: Cell, value: Any) -> None:
        self.finished[cell] = value
        if len(self.finished) > FINISHED_SUBJECTS_MAX:
            self.finished.popitem(last=False)

    def put(self, name: str, key: Any, value: Any) -> None:
        """Write one cell. None drops it; a subject that is no longer live moves to the LRU."""
        if self.before is not None:
            self._keep(name, (key,))
        table = self.tables[name]
        subject = self.wiring.subjects.get(name)
        if subject is not None:
            if value is not None and not subject.live(value):
                table.pop(key, None)
                self._finish((name, key), value)
                return
            self.finished.pop((name, key), None)
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value

    def merge(self, overlay: Overlay) -> None:
        """Take over everything an overlay changed."""
        subjects = self.wiring.subjects
        for name, changed in overlay.tables.items():
            if name in subjects:
                for key, value in changed.items():
                    self.put(name, key, value)
            else:
                if self.before is not None:
                    self._keep(name, changed)
                table = self.tables[name]
                for key, value in changed.items():
                    if value is None:
                        table.pop(key, None)
                    else:
                        table[key] = value

    def _keep(self, name: str, keys: Iterable[Any]) -> None:
        """Remember what these cells hold before their first change since `before` began; ABSENT for new ones."""
        assert self.before is not None
        kept, table = self.before[name], self.tables[name]
        for key in keys:
            if key not in kept:
                kept[key] = table.get(key, ABSENT)

    def apply(self, event: Event) -> None:
        """Fold one committed event straight into the state: start-up, replay, other nodes' events.

        One that was folded before changes nothing (law *Redelivery*).
        """
        if event.seq <= self.seq:
            return
        # Without an overlay: a committed event is never taken back, and start-up folds a million of them.
        wiring, read, put = self.wiring, self.read, self.put
        facts = type(event.facts)
        evolve = wiring.evolves.get(facts)
        if evolve is not None:
            kind, subject = evolve[0], event.subject
            state = None if subject == event.seq else read(kind, subject)
            put(kind, subject, evolve[1](state, event))
        for fold in wiring.folds.get(facts, ()):
            for name, key, value in fold(event, read):
                put(name, key, value)
        if event.frame:
            for fold in wiring.framed:
                for name, key, value in fold(event, read):
                    put(name, key, value)
        self.seq = event.seq
        self.at = event.at


class Overlay:
    """The changes of one command on top of a world."""

    __slots__ = ("_stored", "_subjects", "tables", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self._stored = world.tables
        self._subjects = world.wiring.subjects
        self.tables: dict[str, dict[Any, Any]] = {}

    def read(self, name: str, key: Any) -> Any:
        """The cell's value with this command's changes applied. Reads the world's tables itself: 20 reads a ruling."""
        if name in self.tables:
            value = self.tables[name].get(key, ABSENT)
            if value is not ABSENT:
                return value
        value = self._stored[name].get(key)
        if value is None and name in self._subjects:
            return self.world.read(name, key)
        return value

    def fold(self, event: Event) -> None:
        """Apply one event: its subject first, then every register that folds its facts."""
        wiring = self.world.wiring
        facts = type(event.facts)
        evolve = wiring.evolves.get(facts)
        tables = self.tables
        if evolve is not None:
            kind, subject = evolve[0], event.subject
            # A subject's first event has the subject's integer as seq: nothing can be stored under it yet.
            state = None if subject == event.seq else self.read(kind, subject)
            table = tables.get(kind)
            if table is None:
                table = tables[kind] = {}
            table[subject] = evolve[1](state, event)
        read = self.read
        folds = wiring.folds.get(facts, ())
        for fold in (*folds, *wiring.framed) if event.frame else folds:
            for name, key, value in fold(event, read):
                table = tables.get(name)
                if table is None:
                    table = tables[name] = {}
                table[key] = value

"""Tables and projectors as declarations: nothing is forgotten, nothing is misspelt, the document agrees (DESIGN §1)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sqlite3
from pathlib import Path

import pytest

from watchfloor.actions.messages import BreakerHalfOpened
from watchfloor.actions.views import ABOVE_0
from watchfloor.engine.projections import CAPABILITIES, PROJECTORS, TABLES, merged, reference
from watchfloor.engine.view_rows import Storage
from watchfloor.engine.view_writer import Writer
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.projection import Change, Column, Index, Table, integer, text
from watchfloor.people.messages import (
    ChannelNoted,
    NoticeUndelivered,
    SharedChannelNoted,
    SharedNoticeUndelivered,
)

ROOT = Path(__file__).resolve().parents[3]


def facts_of(capability: str) -> set[type[Facts]]:
    """Every event of a capability, whichever of its modules with messages it stands in."""
    package = importlib.import_module(f"watchfloor.{capability}")
    names = [name for _, name, _ in pkgutil.iter_modules(package.__path__) if name.endswith("messages")]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {
        found
        for module in modules
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Facts) and found.TYPE and found.__module__ == module.__name__
    }


# Channels and what became of notices are shown from notify.db; these events are for the record.
OF_NO_VIEW = {
    BreakerHalfOpened,
    ChannelNoted,
    NoticeUndelivered,
    SharedChannelNoted,
    SharedNoticeUndelivered,
}


@pytest.mark.parametrize("part", CAPABILITIES, ids=lambda part: part.__name__)
def test_every_fact_of_a_capability_has_a_projector_there(part: object) -> None:
    capability = part.__name__.split(".")[-2]  # type: ignore[attr-defined]
    assert set(part.PROJECT) == facts_of(capability) - OF_NO_VIEW  # type: ignore[attr-defined]


def test_docs_views_md_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "views.md").read_text(encoding="utf-8") == reference(), (
        "run: python -c \"from watchfloor.engine.projections import reference; open('docs/views.md','w').write(reference())\""
    )


def test_every_table_name_is_used_once() -> None:
    names = [table.name for table in TABLES]
    assert len(names) == len(set(names))


def test_a_fact_projected_by_two_capabilities_is_refused() -> None:
    fact = next(iter(PROJECTORS))
    with pytest.raises(ValueError, match="projected twice"):
        merged([{fact: PROJECTORS[fact]}, {fact: PROJECTORS[fact]}])


@pytest.fixture
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for table in TABLES:
        storage = Storage(table)
        for statement in storage.create() + storage.show():
            connection.execute(statement)
    return connection


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_readers_see_every_column_that_is_documented_and_no_other(
    table: Table, database: sqlite3.Connection
) -> None:
    seen = [column[0] for column in database.execute(f"SELECT * FROM {table.name}").description]
    assert seen == ["org", *table.columns, *table.computed]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_put_without_values_is_a_row_the_table_takes(table: Table, database: sqlite3.Connection) -> None:
    key = [0 if table.columns[name].sql == "INTEGER" else "" for name in table.key]
    change = table.put(*key)
    database.execute(Storage(table).put_sql, (1, *change.key, *change.values))
    row = database.execute(f"SELECT * FROM {table.name}").fetchone()
    assert len(row) == 1 + len(table.columns) + len(table.computed)


def test_the_newest_decisions_that_wait_are_found_by_index(database: sqlite3.Connection) -> None:
    plan = database.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM decisions WHERE org = 1 AND status = 'pending' ORDER BY deadline_at LIMIT 50"
    ).fetchall()
    assert any("decisions_v4_0" in step[3] for step in plan)
    assert not any("FOR ORDER BY" in step[3] for step in plan)


@pytest.mark.parametrize("condition", [f"level = 3 AND {ABOVE_0}", f"{ABOVE_0} AND decision > 0"])
def test_rare_actions_are_found_by_index_and_in_order(tmp_path: Path, condition: str) -> None:
    writer = Writer(tmp_path / "views.db", TABLES, {}, ())
    writer.open({})
    plan = writer.connection.execute(
        f"EXPLAIN QUERY PLAN SELECT * FROM actions WHERE org = 1 AND {condition} AND (action) < (900)"
        " AND action >= 7 ORDER BY action DESC LIMIT 50"
    ).fetchall()
    writer.close()
    assert [step[3].partition("USING ")[2].split(" ")[0] for step in plan] == ["INDEX"], plan


def test_whether_an_agent_works_is_found_without_walking_the_organisations_tasks(tmp_path: Path) -> None:
    """`SEARCH … (org=?)` alone would be every task for every agent: minutes with 2,000 agents and 200,000 tasks."""
    writer = Writer(tmp_path / "views.db", TABLES, {}, ())
    writer.open({})
    for connection in (writer.connection, sqlite3.connect(tmp_path / "views.db")):
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT state, tasks_open FROM agents WHERE org = 1"
        ).fetchall()
        of_tasks = [step[3] for step in plan if "tasks_v" in step[3]]
        assert of_tasks
        assert all("agent=?" in step for step in of_tasks), plan
        assert [step[3] for step in plan if "(org=?)" in step[3]] == ["SEARCH a USING PRIMARY KEY (org=?)"]
    writer.close()


TOY = Table(
    name="toys",
    version=1,
    meaning="for tests",
    key=("toy",),
    columns={"toy": integer("id"), "colour": text("colour"), "price": integer("price", nullable=True)},
)


def test_a_put_fills_what_it_does_not_name() -> None:
    assert TOY.put(4, colour="red") == Change("toys", "put", (4,), ("red", None))


@pytest.mark.parametrize("call", [lambda: TOY.put(4, color="red"), lambda: TOY.put(), lambda: TOY.put(1, 2)])
def test_a_put_of_what_is_not_there_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match="toys"):
        call()  # type: ignore[operator]


def test_sets_and_drops_name_their_row() -> None:
    assert TOY.set(4, colour="blue") == Change("toys", "set", (4,), {"colour": "blue"})
    assert TOY.drop(4) == Change("toys", "drop", (4,))


@pytest.mark.parametrize(
    ("key", "columns", "indexes"),
    [
        (("toy",), {"colour": text("x"), "toy": integer("x")}, ()),
        (("toy",), {"toy": integer("x"), "org": integer("x")}, ()),
        (("toy",), {"toy": integer("x")}, (Index(("colour",)),)),
    ],
    ids=["key not in front", "org declared", "index of nothing"],
)
def test_a_table_that_contradicts_itself_is_refused(
    key: tuple[str, ...], columns: dict[str, Column], indexes: tuple[Index, ...]
) -> None:
    with pytest.raises(ValueError, match="toys"):
        Table(name="toys", version=1, meaning="", key=key, columns=columns, indexes=indexes)

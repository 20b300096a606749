"""People's own SQL sees the views of their organisation and nothing else, and ends in time (spec 6 *Saved queries*; J10)."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from watchfloor.engine.exploring import Found, Scope, query
from watchfloor.engine.projections import TABLES
from watchfloor.engine.sql_text import like
from watchfloor.engine.view_rows import Storage
from watchfloor.kernel.limits import QUERY_ANSWER_BYTES_MAX
from watchfloor.kernel.messages import Refused

EVERY = frozenset(table.name for table in TABLES)
OURS, THEIRS = 7, 8
SECRET = "of the others"
STORED = {table.name: Storage(table).rows for table in TABLES}


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the views' writer makes it: every table, one row in each for two organisations, 300 agents of ours."""
    path: Path = tmp_path_factory.mktemp("views") / "views.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT)")
    connection.execute("INSERT INTO marks VALUES ('secret', ?)", (SECRET,))
    for table in TABLES:
        storage = Storage(table)
        for statement in (*storage.create(), *storage.show()):
            connection.execute(statement)
        for org, word, count in ((OURS, "ours", 300 if table.name == "agents" else 1), (THEIRS, SECRET, 1)):
            for number in range(1, count + 1):
                row = [
                    org,
                    *(
                        number if c.type in ("integer", "instant", "flag") else word
                        for c in table.columns.values()
                    ),
                ]
                connection.execute(storage.put_sql, row)
    connection.commit()
    connection.close()
    return path


def ask(
    views: Path, sql: str, *, tables: frozenset[str] = EVERY, rows: int = 1_000, ms: int = 5_000
) -> Found:
    return query(views, sql, Scope(org=OURS, tables=tables, rows_max=rows, ms_max=ms))


def test_every_table_shows_the_rows_of_one_organisation(views: Path) -> None:
    for table in TABLES:
        found = ask(views, f"SELECT * FROM {table.name}")
        assert found.columns == ("org", *table.columns, *table.computed), table.name
        assert {row[0] for row in found.rows} == {OURS}, table.name
        assert SECRET not in repr(found.rows), table.name
        assert ask(views, f"SELECT count(*) FROM {table.name} WHERE org = {THEIRS}").rows == [(0,)], (
            table.name
        )


def test_joins_grouping_windows_json_and_common_tables_work(views: Path) -> None:
    assert ask(
        views,
        """WITH few AS (SELECT agent, name FROM agents WHERE agent <= 3)
        SELECT f.agent, count(*) OVER (), upper(f.name), (SELECT count(*) FROM tasks), json_extract('{"a": 2}', '$.a')
        FROM few f LEFT JOIN decisions d ON d.org = 1 GROUP BY f.agent ORDER BY f.agent DESC LIMIT 2""",
    ).rows == [(3, 3, "OURS", 1, 2), (2, 3, "OURS", 1, 2)]
    assert ask(views, "-- a comment\nVALUES (1, 'x')").rows == [(1, "x")]
    assert ask(views, "SELECT value FROM json_each('[1, 2]')").rows == [(1,), (2,)]
    counted = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100) SELECT sum(x) FROM n"
    )
    assert ask(views, counted).rows == [(5050,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM main.agents",
        'SELECT * FROM "main"."agents"',
        "SELECT count(*) FROM main.agents",
        "WITH agents AS (SELECT * FROM main.agents) SELECT * FROM agents",
        f"SELECT * FROM {STORED['agents']}",
        f"SELECT * FROM main.{STORED['agents'].upper()}",
        f"SELECT * FROM '{STORED['agents']}'",
        f"WITH agents AS (SELECT * FROM {STORED['agents']}) SELECT * FROM agents",
        f"SELECT * FROM agents UNION ALL SELECT * FROM [{STORED['agents']}]",
        "SELECT * FROM marks",
        "SELECT count(*) FROM marks",
        "SELECT 1 FROM marks",
        "WITH marks AS (SELECT 1) SELECT (SELECT count(*) FROM main.marks)",
        "SELECT (WITH marks(x) AS (SELECT 1) SELECT count(*) FROM marks), (SELECT count(*) FROM marks)",
        "SELECT count(*) FROM pragma_table_list",
        "SELECT count(*) FROM dbstat",
        "SELECT count(*) FROM main.sqlite_schema",
        "SELECT * FROM main.marks",
        "SELECT * FROM sqlite_master",
        "SELECT sql FROM sqlite_temp_master",
        "SELECT sql FROM temp.sqlite_schema",
        "SELECT count(*) FROM sqlite_temp_schema",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_table_list",
        "SELECT * FROM pragma_function_list()",
        "SELECT * FROM dbstat",
        "SELECT * FROM sqlite_dbpage",
        "SELECT load_extension('/tmp/x')",
        "SELECT zeroblob(1000000000)",
        "SELECT randomblob(10)",
        "SELECT printf('%10000d', 1)",
        "SELECT * FROM agents WHERE name GLOB '*a*'",
        "SELECT sqlite_compileoption_get(1)",
        "PRAGMA query_only = OFF",
        "PRAGMA database_list",
        "ATTACH ':memory:' AS other",
        "VACUUM INTO '/tmp/copy.db'",
        "CREATE TEMP TABLE x AS SELECT 1",
        "CREATE TEMP VIEW x AS SELECT 1",
        "DROP VIEW temp.agents",
        "DELETE FROM agents",
        "UPDATE agents SET org = 8",
        "INSERT INTO agents SELECT * FROM agents",
        "WITH x AS (SELECT 1) DELETE FROM agents",
        "WITH x AS (SELECT 1) INSERT INTO agents SELECT * FROM x",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT x",
        "REINDEX",
        "ANALYZE",
        "EXPLAIN SELECT 1",
        "EXPLAIN QUERY PLAN SELECT * FROM agents",
        "/* EXPLAIN */ EXPLAIN QUERY PLAN SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; ATTACH '/etc/passwd' AS x",
        "",
    ],
)
def test_no_way_leads_out(views: Path, sql: str) -> None:
    with pytest.raises(Refused) as refused:
        ask(views, sql)
    assert refused.value.code in ("query_refused", "query_wrong"), refused.value
    assert SECRET not in str(refused.value)
    assert "of_" not in str(refused.value)


def test_who_knew_the_name_of_a_scoped_view_would_still_see_one_organisation(
    views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchfloor.engine.exploring.secrets.token_hex", lambda size: "0" * 32)
    scoped = "of_" + "0" * 32 + "_agents"
    assert {row[0] for row in ask(views, f"SELECT org FROM {scoped}").rows} == {OURS}
    for inner in (STORED["agents"], "main.agents", "marks", f'main."{STORED["agents"]}"'):
        with pytest.raises(Refused, match="query_refused"):
            ask(views, f"WITH {scoped} AS (SELECT * FROM {inner}) SELECT * FROM {scoped}")


def test_a_table_that_is_not_for_this_person_cannot_be_read_by_any_name(views: Path) -> None:
    few = EVERY - {"credentials"}
    for sql in (
        "SELECT * FROM credentials",
        "SELECT count(*) FROM temp.credentials",
        "SELECT (SELECT count(*) FROM credentials)",
        "WITH agents AS (SELECT * FROM credentials) SELECT * FROM agents",
    ):
        with pytest.raises(Refused, match=r"query_refused|no such table"):
            ask(views, sql, tables=few)
    assert ask(views, "SELECT count(*) FROM agents", tables=few).rows == [(300,)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (
            "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x FROM r) SELECT count(*) FROM r",
            "query_too_slow",
        ),
        (
            "WITH RECURSIVE r(x) AS (SELECT name FROM agents UNION ALL SELECT x FROM r, agents) SELECT count(*) FROM r",
            "query_too_",
        ),
        ("SELECT count(*) FROM agents a, agents b, agents c, agents d", "query_too_slow"),
        ("SELECT max(a.name || b.name || c.name) FROM agents a, agents b, agents c ORDER BY 1", "query_too_"),
        (
            "WITH RECURSIVE r(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM r LIMIT 40) SELECT length(max(x)) FROM r",
            "query_too_large",
        ),
    ],
)
def test_a_bomb_goes_off_nowhere(views: Path, sql: str, code: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Refused, match=code):
        ask(views, sql, ms=300)
    assert time.monotonic() - begun < 10


def test_memory_is_bounded_and_given_back(views: Path) -> None:
    many = "SELECT a.agent FROM agents a, agents b, agents c ORDER BY a.name || b.agent || c.agent || hex(hex(hex(a.name)))"
    with pytest.raises(Refused, match=r"query_too_large|query_too_slow"):
        ask(views, many, ms=1_500)


def test_rows_bytes_and_values_are_bounded(views: Path) -> None:
    found = ask(views, "SELECT agent FROM agents", rows=10)
    assert (len(found.rows), found.cut) == (10, "rows")
    big = "WITH RECURSIVE r(x) AS (SELECT 'abcdefgh' UNION ALL SELECT x || x FROM r LIMIT 13) SELECT x FROM r, agents ORDER BY length(x) DESC"
    found = ask(views, big)
    assert found.cut == "bytes"
    assert sum(len(str(row[0])) for row in found.rows) <= QUERY_ANSWER_BYTES_MAX
    with pytest.raises(Refused, match=r"413|query_too_long"):
        ask(views, "SELECT 1 -- " + "x" * 20_000)


def test_what_is_wrong_is_said_in_the_words_of_sqlite(views: Path) -> None:
    for sql, said in (
        ("SELECT nonesuch FROM agents", "no such column: nonesuch"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT FROM", "syntax error"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
    ):
        with pytest.raises(Refused, match=said) as refused:
            ask(views, sql)
        assert (refused.value.code, refused.value.field, refused.value.status) == ("query_wrong", "/sql", 422)


def test_values_reach_a_browser_without_loss(views: Path) -> None:
    assert ask(views, "SELECT x'00ff', 9007199254740993, 1.5, NULL, -5, 9e999").rows == [
        ("00ff", "9007199254740993", 1.5, None, -5, "inf")
    ]


def test_text_functions_are_what_they_are_in_sqlite_and_never_slow(views: Path) -> None:
    plain = sqlite3.connect(":memory:")
    for expression in (
        "'Abc' LIKE 'a%C'",
        "'abc' LIKE 'a_c'",
        "'abc' LIKE 'ab'",
        "'a%c' LIKE 'a!%c' ESCAPE '!'",
        "'abc' LIKE '%'",
        "'' LIKE '%'",
        "'aab' LIKE '%ab'",
        "'abab' LIKE 'ab%ab'",
        "'ab' LIKE 'ab%ab'",
        "'a\nb' LIKE 'a_b'",
        "'ÄB' LIKE 'äb'",
        "NULL LIKE 'x'",
        "'a.c' LIKE 'a.c'",
        "'axbxc' LIKE '%x%x%'",
        "trim('  x ')",
        "trim('xxaxx', 'x')",
        "ltrim('xyxa', 'xy')",
        "instr('abc', 'c')",
        "instr('abc', 'z')",
        "replace('aXbX', 'X', 'yy')",
        "replace('a', '', 'b')",
    ):
        wanted = plain.execute(f"SELECT {expression}").fetchone()
        assert ask(views, f"SELECT {expression}").rows == [wanted], expression
    begun = time.monotonic()
    assert like("%" + "a%" * 90 + "b", "a" * 65_000) == 0
    assert time.monotonic() - begun < 5
    with pytest.raises(Refused):
        ask(views, "SELECT 'x' LIKE '" + "_" * 30 + "'")
    with pytest.raises(Refused):
        ask(views, "SELECT replace('" + "3" * 4_000 + "', '3', '" + "y" * 4_000 + "')")

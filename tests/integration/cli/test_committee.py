"""`watchfloor committee …` against a running server: seats, who fills them, and who is missing (spec 3.2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.http.kit import Running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    yield running
    running.stop()


def run(server: Running, *words: str) -> subprocess.CompletedProcess[str]:
    token = server.person("operator").token
    return subprocess.run(
        [str(Path(sys.executable).parent / "watchfloor"), "committee", *words],
        env=os.environ | {"WATCHFLOOR_URL": server.url, "WATCHFLOOR_TOKEN": token},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_committees_are_listed_with_those_who_sit_and_how_many_are_missing(server: Running) -> None:
    (empty,) = json.loads(run(server, "list", "--json").stdout)
    assert (empty["name"], empty["members"], empty["missing"]) == ("directors", [], 1)
    assert "nobody" in run(server, "list").stdout
    for roles in (("director",), ("auditor", "director"), ("operator", "director")):
        server.person(*roles)
    (full,) = json.loads(run(server, "list", "--json").stdout)
    assert (full["needed"], full["missing"], len(full["members"])) == (2, 0, 3), "two, and there are three"
    shown = run(server, "show", "directors").stdout
    assert "directors: count, 2 needed, 0 missing" in shown
    assert "role director" in shown
    wrong = run(server, "show", "elders")
    assert (wrong.returncode, "no committee is called 'elders'; there are: directors" in wrong.stderr) == (
        2,
        True,
    )

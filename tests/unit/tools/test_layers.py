"""The contracts of .importlinter are shown to bite: each violation is planted in a copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and the contracts, without anything that would be found instead of them."""
    place = tmp_path_factory.mktemp("planted")
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for package in ("watchfloor", "watchfloor_agent"):
        shutil.copytree(ROOT / "src" / package, place / package, ignore=ignore)
    shutil.copy(ROOT / ".importlinter", place)
    return place


def lint(place: Path) -> str:
    """Run the contracts on the copy. Returns the broken ones and why, empty when all are kept."""
    environ = {**os.environ, "PYTHONPATH": str(place), "COLUMNS": "200"}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)
    assert "Could not" not in done.stdout + done.stderr
    return "" if done.returncode == 0 else done.stdout + done.stderr


PLANTED = [
    ("kernel", "import time", "Pure code"),
    ("trust", "import random", "Pure code"),
    ("registers", "import logging", "Pure code"),
    ("processes", "import sqlite3", "Pure code"),
    ("fleet", "import watchfloor.work", "Floor plan"),
    ("kernel", "import watchfloor.trust", "Floor plan"),
    ("ledger", "import watchfloor.engine", "Floor plan"),
    ("engine", "import watchfloor.hub", "Floor plan"),
    ("hub", "import watchfloor.http", "Floor plan"),
    ("ledger", "import watchfloor.actions", "knows no rule"),
    ("hub", "import watchfloor_agent", "nothing of the agent SDK"),
]


def test_planted_imports_break_their_contracts(copy: Path) -> None:
    planted = {
        copy / "watchfloor" / part / f"planted{number}.py": (line, contract)
        for number, (part, line, contract) in enumerate(PLANTED)
    }
    for path, (line, _) in planted.items():
        path.write_text(line + "\n", encoding="utf-8")
    try:
        said = lint(copy)
    finally:
        for path in planted:
            path.unlink()
    for path, (line, contract) in planted.items():
        assert re.search(rf"{contract}.* BROKEN", said.replace("\n", " ")), said
        assert f"watchfloor.{path.parent.name}.{path.stem}" in said, f"{path.parent.name}: {line}"


def test_the_sdk_may_not_import_the_server(copy: Path) -> None:
    planted = copy / "watchfloor_agent" / "planted.py"
    planted.write_text("import watchfloor.kernel\n", encoding="utf-8")
    try:
        assert "nothing of the server BROKEN" in lint(copy)
    finally:
        planted.unlink()


def test_a_new_folder_needs_a_place_on_the_floor_plan(copy: Path) -> None:
    planted = copy / "watchfloor" / "attic.py"
    planted.write_text("x = 1\n", encoding="utf-8")
    try:
        assert "attic" in lint(copy)
    finally:
        planted.unlink()

"""tools/suite.py tries a few failures once more and hides nothing: real pytest on small folders of tests."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "suite.py"
PROJECT = """
[tool.pytest.ini_options]
testpaths = ["tests"]
markers = ["long", "serial"]
addopts = ["-p", "xdist.plugin", "-p", "no:cacheprovider", "--import-mode=importlib", "-rfE"]
"""
KIT = """
import os, pathlib, pytest

def nth(name):
    path = pathlib.Path("counts") / name
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size
"""
STEADY = "def test_steady():\n    nth('steady')\n"
FLAKY = "def test_flaky():\n    assert nth('flaky') > 1, 'too early'\n"
BROKEN = "def test_broken():\n    nth('broken')\n    assert 1 == 2\n"
MANY = "@pytest.mark.parametrize('n', range(4))\ndef test_many(n):\n    assert nth(f'many{n}') > 1\n"
SERIAL = "@pytest.mark.serial\ndef test_alone():\n    nth('alone')\n"
SERIAL_FLAKY = "@pytest.mark.serial\ndef test_alone():\n    assert nth('alone') > 1\n"


@dataclass
class Ended:
    """What a run of the suite came to."""

    folder: Path
    code: int
    said: str

    def times(self, name: str) -> int:
        """How often a test ran."""
        path = self.folder / "counts" / name
        return path.stat().st_size if path.exists() else 0

    @property
    def unsteady(self) -> str:
        """What was kept of unsteady tests."""
        path = self.folder / "build" / "unsteady.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def suite(folder: Path, *tests: str, narrowed: tuple[str, ...] = (), workers: str = "0") -> Ended:
    """Run the tool on a folder with one file for each of these texts."""
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    for number, text in enumerate(tests):
        (folder / "tests" / f"test_{number}.py").write_text(KIT + text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(TOOL), workers, *narrowed],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Ended(folder, ended.returncode, ended.stdout + ended.stderr)


def test_what_passes_at_once_is_green_and_runs_once(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "unsteady.txt").write_text("of the last run", encoding="utf-8")
    ended = suite(tmp_path, STEADY, SERIAL)
    assert ended.code == 0, ended.said
    assert (ended.times("steady"), ended.times("alone")) == (1, 1)
    assert not ended.unsteady
    assert "tried again" not in ended.said


def test_what_passes_only_the_second_time_is_green_and_loudly_unsteady_in_both_parts(tmp_path: Path) -> None:
    ended = suite(tmp_path, STEADY + FLAKY, SERIAL_FLAKY, workers="1")
    assert ended.code == 0, ended.said
    assert (ended.times("steady"), ended.times("flaky"), ended.times("alone")) == (1, 2, 2)
    said = ended.said
    assert said.index("AssertionError: too early") < said.index("will be tried again")
    for name in ("tests/test_0.py::test_flaky", "tests/test_1.py::test_alone"):
        assert said.index("will be tried again") < said.rindex(f"unsteady: {name}")
        assert f"unsteady: {name}\n" in ended.unsteady
    assert "too early" in said[said.rindex("unsteady: tests/test_0.py") :]
    assert "def test_flaky():" in ended.unsteady, "the whole of what it said the first time"


def test_what_fails_twice_is_red(tmp_path: Path) -> None:
    ended = suite(tmp_path, BROKEN + FLAKY, SERIAL)
    assert ended.code == 1
    assert (ended.times("broken"), ended.times("flaky"), ended.times("alone")) == (2, 2, 0)
    assert "red, twice:\n  tests/test_0.py::test_broken" in ended.said
    assert not ended.unsteady


@pytest.mark.parametrize(
    ("tests", "twice"),
    [((MANY,), 0), ((MANY.replace("4", "3"), SERIAL_FLAKY), 3)],
    ids=["at once", "over both parts"],
)
def test_more_than_three_are_not_tried_again(tmp_path: Path, tests: tuple[str, ...], twice: int) -> None:
    ended = suite(tmp_path, *tests)
    assert ended.code == 1
    assert sum(ended.times(f"many{n}") == 2 for n in range(4)) == twice
    assert ended.times("alone") <= 1
    assert "no more than 3" in ended.said
    assert ended.said.count("unsteady: ") == twice


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        ("import gone_away\n", "No module named 'gone_away'"),
        ("def test_dies():\n    os._exit(7)\n", "crashed: tests/test_1.py::test_dies"),
        ("def test_stops():\n    pytest.exit('enough')\n", "keyboard-interrupt"),
    ],
    ids=["not collected", "a worker died", "interrupted"],
)
def test_what_is_worse_than_a_failed_test_is_red_at_once(tmp_path: Path, beside: str, why: str) -> None:
    ended = suite(tmp_path, FLAKY, beside, workers="1")
    assert ended.code != 0
    assert why in ended.said
    assert ended.times("flaky") <= 1
    assert "will be tried again" not in ended.said


def test_a_run_that_was_cut_short_is_red(tmp_path: Path) -> None:
    ended = suite(tmp_path, FLAKY + STEADY, narrowed=("-x",))
    assert ended.code != 0
    assert (ended.times("flaky"), ended.times("steady")) == (1, 0)


@pytest.mark.parametrize(
    ("narrowed", "code", "ran"),
    [
        (("-k", "alone"), 0, (0, 0, 1)),
        (("tests/test_0.py", "-k", "flaky"), 0, (0, 2, 0)),
        (("-k", "nobody"), 5, (0, 0, 0)),
    ],
)
def test_a_narrowed_run_needs_a_test_in_one_of_the_parts(
    tmp_path: Path, narrowed: tuple[str, ...], code: int, ran: tuple[int, int, int]
) -> None:
    ended = suite(tmp_path, STEADY + FLAKY, SERIAL, narrowed=narrowed)
    assert ended.code == code, ended.said
    assert (ended.times("steady"), ended.times("flaky"), ended.times("alone")) == ran

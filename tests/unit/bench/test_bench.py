"""The bench command and its table; what the hot path's parts promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import run_all

from watchfloor.cli import bench
from watchfloor.cli.output import Failure
from watchfloor.engine.entropy import Entropy
from watchfloor.hub.protocol import canonical_action
from watchfloor.kernel.codec import NotCanonical, canonical


def test_a_goal_that_was_missed_says_no_in_the_table() -> None:
    goals = [
        {"goal": "fast", "figure": 7, "met": True},
        {"goal": "small", "figure": 9, "met": False},
    ]
    lines = run_all.table({"one": {"goals": goals}}).splitlines()
    assert lines[1].split() == ["one", "fast", "7", "yes"]
    assert lines[2].split() == ["one", "small", "9", "NO"]


def test_a_program_that_broke_off_is_in_the_table() -> None:
    assert "NO" in run_all.table({"one": {"failed": "OSError: no space"}})


def test_an_unknown_program_is_wrong_usage() -> None:
    with pytest.raises(Failure) as failure:
        bench.bench("no_such_program")
    assert failure.value.status == 2
    assert "decisions" in str(failure.value)


def test_without_names_nothing_is_run() -> None:
    with pytest.raises(Failure) as failure:
        bench.bench()
    assert failure.value.status == 2


def test_an_installed_package_says_that_the_programs_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "lib" / "site-packages" / "watchfloor" / "cli" / "bench.py"
    monkeypatch.setattr(bench, "__file__", str(installed))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Failure, match="source checkout"):
        bench.checkout()


def test_random_bytes_are_handed_out_once() -> None:
    entropy = Entropy()
    taken = [entropy.take() for _ in range(2_000)]
    assert {len(one) for one in taken} == {32}
    assert len(set(taken)) == len(taken)


def test_the_canonical_action_is_the_canonical_form_of_its_three_members() -> None:
    params: dict[str, object] = {"path": "ä/1", "lines": [1, {"b": None, "a": True}]}
    whole = canonical({"params": params, "tool": "fs", "type": 'a"b'})
    assert canonical_action('a"b', "fs", params) == whole


def test_a_type_outside_the_canonical_subset_is_refused() -> None:
    with pytest.raises(NotCanonical):
        canonical_action("e\u0301", "fs", {})

"""The ledger an agent was shown never shrinks and never tells another story (spec 04)."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchfloor_agent.errors import ConfigurationError, LedgerShrank
from watchfloor_agent.received import Checkpoint
from watchfloor_agent.remembering import Memory


def at(size: int, root: str = "a" * 64) -> Checkpoint:
    return Checkpoint(size=size, root=root, note="n")


def test_a_growing_ledger_is_remembered() -> None:
    memory = Memory()
    memory.see("agt_1", None)
    for size in (0, 5, 5, 9):
        memory.see("agt_1", at(size))
    assert memory.newest == at(9)


@pytest.mark.parametrize(
    "now", [at(8), at(9, "b" * 64), None], ids=["smaller", "another root", "none at all"]
)
def test_a_ledger_that_shrank_or_changed_is_an_error(now: Checkpoint | None) -> None:
    memory = Memory()
    memory.see("agt_1", at(9))
    with pytest.raises(LedgerShrank):
        memory.see("agt_1", now)


def test_a_file_carries_the_memory_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state" / "agent.json"
    Memory(path).see("agt_1", at(9))
    assert Memory(path).newest == at(9)
    with pytest.raises(LedgerShrank, match="9 events"):
        Memory(path).see("agt_1", at(3))
    assert [entry.name for entry in path.parent.iterdir()] == ["agent.json"]


def test_another_agent_begins_without_memory(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    Memory(path).see("agt_1", at(9))
    memory = Memory(path)
    memory.see("agt_2", at(3))
    assert Memory(path).newest == at(3)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"agent_id":"a","size":"x","root":"","note":""}'])
def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agent.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not a state file"):
        Memory(path)
    assert path.read_text(encoding="utf-8") == text

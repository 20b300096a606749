"""Valuing: the policy's rule for what a finished task was worth (spec 2.4 *Economics*)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.registers.board import Board

from watchfloor.kernel.terms import EconomicsTerms, Policy
from watchfloor.processes.valuing import succeeded
from watchfloor.registers.budgets import REGISTER
from watchfloor.work.economic_messages import AssessTask, Economics
from watchfloor.work.messages import TaskSucceeded


def wishes(verified: bool, task: Any, **terms: int) -> list[Any]:
    board = Board(REGISTER)
    board.cells["task", 1] = task
    document = Policy(economics=EconomicsTerms(**terms))
    board.cells["active_policy", "active"] = SimpleNamespace(document=document)
    facts = TaskSucceeded(agent=1, cost_micro=0, generation=1, tokens=0, verified=verified)
    return succeeded(board.show(facts, 1), board.read)


def task(value: int = 900, assessed_by: str = "") -> Any:
    return SimpleNamespace(economics=Economics(value_micro=value), assessed_by=assessed_by)


def test_a_verified_task_is_worth_what_was_expected_and_an_unverified_is_left_to_people() -> None:
    assert wishes(True, task()) == [AssessTask(subject=1, value_micro=900, by="system")]
    assert wishes(False, task()) == []
    half = wishes(False, task(), unverified_permille=500)
    assert half == [AssessTask(subject=1, value_micro=450, by="system")]


@pytest.mark.parametrize(
    "found", [None, SimpleNamespace(economics=None), task(-1), task(900, assessed_by="person")]
)
def test_where_nothing_was_expected_or_somebody_spoke_the_system_is_silent(found: Any) -> None:
    assert wishes(True, found) == []

"""Every row of docs/faults.md names tests that exist (spec 9)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TABLE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
WANTED = {"B9", "B10", *(f"C{n}" for n in range(1, 14)), *(f"D{n}" for n in range(1, 9))} | {
    *(f"F{n}" for n in (*range(1, 7), 12)),
    "K8",
    *(f"S{n}" for n in range(1, 10)),
}


def test_every_fault_has_a_row_and_every_row_names_tests_that_exist() -> None:
    rows = [line.split("|") for line in TABLE.splitlines() if re.match(r"\| [A-Z]\d", line)]
    assert {row[1].strip() for row in rows} == WANTED
    missing = []
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row[3])
        assert named, f"{row[1]} names no test"
        missing += [f"{path}::{name}" for path, name in named if name not in names_in(path)]
    assert not missing


def names_in(path: str) -> set[str]:
    """Names of the functions of a file of tests; empty when there is no such file."""
    place = ROOT / "tests" / path
    if not place.exists():
        return set()
    tree = ast.parse(place.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

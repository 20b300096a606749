"""The work of the day: tasks with dependencies, deadlines, criteria and manners, all from one seed."""

from __future__ import annotations

import random
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.acceptance.day.floor import KINDS

AT_ONCE = 100  # tasks of a bulk submission
MANNERS = ("ok",) * 85 + ("once",) * 7 + ("fail",) * 4 + ("lie",) * 4


def planned(
    dice: random.Random, number: int, written: Path, before: list[str], refs: list[str]
) -> dict[str, Any]:
    """One task. `before` are ids of earlier submissions, `refs` of this one."""
    path, text = written / f"{number}.txt", f"task {number} says {dice.getrandbits(64):x}"
    criteria: list[dict[str, Any]] = [
        {"kind": "file", "path": path.name, "sha256": sha256(text.encode()).hexdigest()}
    ]
    if number % 50 == 7:
        criteria.append({"kind": "command", "argv": ["test", "-s", path.name], "cwd": "."})
    if number % 50 == 8:
        criteria.append({"kind": "json_schema", "schema": {"type": "object", "required": ["wrote"]}})
    manner = dice.choice(MANNERS)
    checked = manner == "lie" or dice.random() < 0.6
    waits = []
    if dice.random() < 0.25 and refs:
        waits += dice.sample(refs, min(len(refs), dice.randint(1, 3)))
    if dice.random() < 0.1 and before:
        waits.append(dice.choice(before))
    nobody = dice.random() < 0.02  # has what it needs: its deadline ends it
    needs = ["day"] if dice.random() < 0.5 else [KINDS[number % len(KINDS)]]
    in_s = dice.randint(8, 20) if nobody else dice.randint(8, 60) if dice.random() < 0.1 else 0
    return {
        "ref": f"r{number}",
        "title": f"task {number}",
        "priority": dice.choice(("urgent", "high", "normal", "normal", "low")),
        "needs": ["nobody"] if nobody else needs,
        "criteria": criteria if checked else [],
        "depends_on": waits,
        "on_failure": dice.choice(("fail", "skip")),
        "deadline_at": time.time_ns() // 1_000 + in_s * 1_000_000 if in_s else 0,
        "max_attempts": 8 if manner in ("ok", "once") else 2,
        "backoff_ms": 100,
        "grace_ms": 3_000,
        "timeout_ms": 15_000,
        "acceptance_ms": 15_000,
        "input": {
            "path": str(path),
            "text": text,
            "behave": manner,
            "ms": dice.choice((0, 5, 20, 100)),
            "tokens": dice.randint(0, 5_000),
            "cost_micro": dice.randint(0, 20_000),
        },
    }

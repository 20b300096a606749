"""Every benchmark program, one after the other, each in a process of its own, and one table of goals at the end.

python -m benchmarks.run_all [NAME ...] [--quick]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe

PROGRAMS = (
    "floors", "gate", "policy_gate", "backtest", "hot_path", "decisions", "governed", "containment", "whole_actions", "latency", "idle", "comeback", "synchronous", "fold", "views",
    "evidence", "verifier", "scheduling", "tasks", "overtaking", "restart", "dependents", "streams", "pixels",
)  # fmt: skip
LIMIT_S = 3_600


class Unknown(ValueError):
    """No program has this name; the text lists those there are."""


def goals_of(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The goals of a program: `goals` is a list of {goal, figure, met}; floors have none."""
    found: list[dict[str, Any]] = figures.get("goals", [])
    return found


def table(results: dict[str, dict[str, Any]]) -> str:
    """What was to be reached, what was, and whether."""
    lines = [("program", "goal", "figure", "met")]
    for name, figures in results.items():
        if "failed" in figures:
            lines.append((name, "runs to its end", figures["failed"][:60], "NO"))
        lines += [
            (name, line["goal"], str(line["figure"]), "yes" if line["met"] else "NO")
            for line in goals_of(figures)
        ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def measured(name: str, quick: bool) -> dict[str, Any]:
    """The figures of one program; `failed` and its last words when it did not run to its end."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {LIMIT_S} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    figures: dict[str, Any] = json.loads(done.stdout)
    return {"program": name, "quick": quick, "took_s": round(time.perf_counter() - began, 1), **figures}


def main(quick: bool, names: Sequence[str] = (), out_dir: Path | None = None) -> dict[str, Any]:
    """Run the named programs (all when none is named), write `<name>.json` each, print the table. Raises Unknown."""
    if unknown := set(names) - set(PROGRAMS):
        raise Unknown(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMS)}")
    folder = out_dir or ROOT / "benchmarks" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    machine = describe(quick)
    for name in names or PROGRAMS:
        sys.stderr.write(f"{name} …\n")
        results[name] = figures = {"machine": machine, **measured(name, quick)}
        (folder / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    sys.stdout.write(table(results) + "\n")
    return results


if __name__ == "__main__":
    main("--quick" in sys.argv, [name for name in sys.argv[1:] if not name.startswith("-")])

"""`watchfloor bench`: measure this machine and Watchfloor on it. Needs a source checkout: the programs are not installed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from cyclopts import App

from watchfloor.cli.output import Failure

app = App(name="bench", help="Measure this machine and Watchfloor on it.")


@app.default
def bench(*names: str, quick: bool = False, all: bool = False, json: Path | None = None) -> None:  # noqa: A002
    """Run benchmark programs and print what they reached beside their goals.

    Each program measures the machine's own limit in the same run. The whole set takes about 25 minutes, --quick about 6.

    Parameters
    ----------
    names
        Programs to run, such as gate, decisions, whole_actions, tasks or restart; any other name lists them all.
    quick
        Seconds instead of minutes; figures scatter more.
    all
        Run every program.
    json
        Folder for one file of figures per program (default: benchmarks/results in the checkout).
    """
    root = checkout()
    if not names and not all:
        raise Failure("name the programs to run, or --all (see watchfloor bench --help)", 2)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    run_all = importlib.import_module("benchmarks.run_all")
    try:
        results = run_all.main(quick, names, json)
    except run_all.Unknown as error:
        raise Failure(str(error), 2) from error
    failed = [name for name, figures in results.items() if "failed" in figures]
    if failed:
        raise Failure(f"did not run to their end: {', '.join(failed)}")


def checkout() -> Path:
    """The source checkout with the benchmarks folder: where this code lies, or the working directory."""
    for folder in (Path(__file__).resolve().parents[3], Path.cwd()):
        if (folder / "benchmarks" / "run_all.py").is_file():
            return folder
    raise Failure(
        "the benchmark programs are not part of the installed package: run this from a source checkout "
        "(there is no benchmarks folder here)"
    )

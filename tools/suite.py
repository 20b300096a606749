#!/usr/bin/env python3
"""`make test`: the parallel part, then the serial part (two files at a time), and a second try that hides nothing.

    python tools/suite.py WORKERS [pytest arguments…]

Thousands of tests with real sockets, disks and browsers meet a busy machine now and then. When at most RETRIED_MAX
tests of a run have failed, they are tried again, alone in one process, after the part they belong to. What passes then
is called *unsteady*: its name and what it said the first time are printed at the end and kept in build/unsteady.txt,
and the run is green. An unsteady test is a defect to be mended; the second try only keeps it from hiding others.

What is never tried again: more failures than that, a file that cannot be collected, a worker that died, a run that was
interrupted or cut short (`-x`), an internal error of pytest. Pytest's own output is passed on as it is, so the first
failure's traceback stays where it was.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

RETRIED_MAX = 3
UNSTEADY = Path("build/unsteady.txt")
PARALLEL = "not long and not serial"
SERIAL = "serial and not long"
REWRITTEN = re.compile(r"test_.*\.py|conftest\.py")
SERIAL_MARK = re.compile(r"mark\.serial")
PASSED, FAILED, EMPTY = 0, 1, 5  # pytest's exit codes; every other one is red at once
PHASES = ("setup", "call", "teardown")
OBSERVED, READ = "_observed", "_read"  # how this file calls itself


@dataclass
class Record:
    """What one run of pytest came to. `failed`: the text of the first failure by test; `fatal`: what forbids a second try."""

    code: int = 3
    failed: dict[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)


class Observer:
    """A pytest plugin of the process that prints the summary: it writes a Record, and may narrow the run to some tests."""

    def __init__(self, path: Path, only: Sequence[str]) -> None:
        self.path = path
        self.only = frozenset(only)
        self.record = Record()

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Files without a test of this run are not even read, where nobody has named files."""
        if not self.only or config.args != config.getini("testpaths") or collection_path.is_dir():
            return None
        wanted = {config.rootpath / name.partition("::")[0] for name in self.only}
        return None if collection_path in wanted else True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the tests of this run."""
        if self.only:
            items[:] = [item for item in items if item.nodeid in self.only]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read hides its tests."""
        if report.failed:
            self.record.fatal.append(f"not collected: {report.nodeid}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of every phase of every test, from whichever worker."""
        if report.failed and report.when not in PHASES:
            self.record.fatal.append(f"crashed: {report.nodeid}")
        elif report.failed:
            self.record.failed.setdefault(report.nodeid, report.longreprtext)
        elif report.passed and report.when == "call":
            self.record.passed.append(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """A worker is gone; without an error when its work was done."""
        if error:
            self.record.fatal.append(f"worker {node.gateway.id} died: {error}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand over what was seen; a run that stopped early says nothing about the rest."""
        self.record.code = int(exitstatus)
        if session.shouldfail or session.shouldstop:
            self.record.fatal.append(f"cut short: {session.shouldfail or session.shouldstop}")
        self.record.passed = sorted(self.only.intersection(self.record.passed))
        self.path.write_text(json.dumps(asdict(self.record)), encoding="utf-8")


def observed(path: str, only: str, arguments: list[str]) -> int:
    """Run pytest in this process, watched. Not `-p`: no worker, and nothing that a test starts, shall know of it."""
    sys.path[0] = str(Path.cwd())  # as `python -m pytest` has it
    return int(pytest.main(arguments, plugins=[Observer(Path(path), json.loads(only))]))


def tried(arguments: Sequence[str], only: Sequence[str] = ()) -> Record:
    """Run pytest in a process of its own; its output goes where ours goes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        call = [sys.executable, __file__, OBSERVED, str(path), json.dumps(list(only)), *arguments]
        with subprocess.Popen(call) as process:
            before = handed_on(process)
            code = process.wait()
            signal.signal(signal.SIGINT, before[0])
            signal.signal(signal.SIGTERM, before[1])
        record = Record(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Record()
    if record.code != code:
        record.fatal.append(f"pytest ended with {code}")
        record.code = code or FAILED
    return record


def handed_on(process: subprocess.Popen[bytes]) -> tuple[Any, Any]:
    """While pytest runs it is the one to answer Ctrl-C; whoever ends us ends it. Returns the handlers of before."""
    return (
        signal.signal(signal.SIGINT, lambda *_: None),
        signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
    )


@dataclass
class Suite:
    """A whole run: how many second tries are left, and what was unsteady."""

    say: Callable[[str], None]
    left: int = RETRIED_MAX
    unsteady: dict[str, str] = field(default_factory=dict)

    def part(self, arguments: Sequence[str]) -> int:
        """Run a part, and its few failures once more; the exit code of the whole."""
        first = tried(arguments)
        if first.code != FAILED or not first.failed:
            return first.code
        names = sorted(first.failed)
        if first.fatal:
            self.say(f"nothing is tried again: {'; '.join(first.fatal)}")
            return first.code
        if len(names) > self.left:
            self.say(f"{len(names)} tests failed; no more than {RETRIED_MAX} of a run are tried again")
            return first.code
        self.left -= len(names)
        self.say(
            "".join([f"{len(names)} failed and will be tried again, alone:", *(f"\n  {n}" for n in names)])
        )
        again = tried([*arguments, "-n", "0"], names)
        steady = sorted(set(names) - set(again.passed))
        if again.code != PASSED or again.failed or steady:
            self.say("".join(["red, twice:", *(f"\n  {name}" for name in steady or names)]))
            return FAILED
        self.unsteady |= first.failed
        self.keep()
        return PASSED

    def keep(self) -> None:
        """Into build/unsteady.txt, whole."""
        UNSTEADY.parent.mkdir(exist_ok=True)
        said = [f"unsteady: {name}\n\n{text}\n" for name, text in self.unsteady.items()]
        UNSTEADY.write_text("\n".join(said), encoding="utf-8")

    def conclude(self) -> None:
        """Name what was unsteady, where nobody can overlook it."""
        for name, text in self.unsteady.items():
            faults = [line for line in text.splitlines() if line.startswith("E ")]
            told = "".join(f"\n    {line}" for line in (faults or text.splitlines())[-6:])
            self.say(
                f"unsteady: {name}{told}\n  passed only when it was tried again; its whole text: {UNSTEADY}"
            )


def read_ahead() -> None:
    """Rewrite the assertions of all tests before the workers do, which would each do it for every file of a fresh checkout."""
    files = [
        str(path.absolute()) for path in sorted(Path("tests").rglob("*.py")) if REWRITTEN.match(path.name)
    ]
    cores = os.cpu_count() or 1
    shares = [files[first::cores] for first in range(cores)]
    for process in [subprocess.Popen([sys.executable, __file__, READ, *share]) for share in shares]:
        process.wait()


def read(files: Sequence[str]) -> int:
    """A share of it, in this process, where pytest looks for it. No public function does this; without it all is slower."""
    with contextlib.suppress(Exception):
        from _pytest.assertion import rewrite

        for path in map(Path, () if sys.dont_write_bytecode else files):
            folder = rewrite.get_cache_dir(path)
            folder.mkdir(parents=True, exist_ok=True)
            kept = folder / (path.stem + rewrite.PYC_TAIL)
            if rewrite._read_pyc(path, kept) is None:
                digest, code = rewrite._rewrite_test(path, None)  # type: ignore[arg-type]
                rewrite._write_pyc(None, code, digest, kept)  # type: ignore[arg-type]
    return 0


def serial_files() -> list[str]:
    """The files that have a serial test, so that the serial part reads no other."""
    found = [
        path for path in sorted(Path("tests").rglob("*.py")) if SERIAL_MARK.search(path.read_text("utf-8"))
    ]
    return [path.as_posix() for path in found]


def run(workers: str, narrowed: list[str], say: Callable[[str], None]) -> int:
    """Both parts. A part without a test is right where somebody asked for certain tests and the other part has them."""
    UNSTEADY.unlink(missing_ok=True)
    suite = Suite(say)
    if not narrowed:
        read_ahead()
    parallel = suite.part(["-n", workers, "--dist", "worksteal", "-m", PARALLEL, *narrowed])
    if parallel == PASSED or (parallel == EMPTY and narrowed):
        two = ["-n", workers if workers in "01" else "2", "--dist", "loadfile"]
        serial = suite.part([*two, "-m", SERIAL, *(narrowed or serial_files())])
        code = parallel if serial == EMPTY else serial
    else:
        code = parallel
    suite.conclude()
    return code


def main(arguments: list[str]) -> int:
    """See the module."""
    if arguments[:1] == [OBSERVED]:
        return observed(arguments[1], arguments[2], arguments[3:])
    if arguments[:1] == [READ]:
        return read(arguments[1:])
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    bold = ("\x1b[1;33m", "\x1b[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    return run(arguments[0], arguments[1:], lambda text: print(f"\n{bold[0]}{text}{bold[1]}", flush=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The parent's handle on `benchmarks.product_server`, and what the programs that load it share."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.loadgen import Load
from benchmarks.machine import ROOT, scratch

READY_S = 300.0
_OPTIONS = {"action_type": "file.read", "tool": "fs"}


class Product:
    """A running server: `url`, `pid`, `keys`, and orders."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        told = self._line(READY_S)
        self.url = f"ws://127.0.0.1:{told['port']}/ws"
        self.pid: int = told["pid"]
        self.keys: list[str] = told["keys"]
        self.agents: list[int] = told["agents"]  # their subjects, in the order of the keys

    def ask(self, order: str | dict[str, Any], limit_s: float = 120) -> dict[str, Any]:
        """`watch`, `figures`, `snapshot`, `presence`, or tasks to submit for so many seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return self._line(limit_s)

    def kill(self) -> None:
        """SIGKILL: nobody hears of it but by their broken connections."""
        self._process.kill()
        self._process.wait()

    def load(self, script: str = "decisions", **options: Any) -> Load:
        """A load client with all agents' keys, for requests that are ruled permitted at level 0."""
        return Load(
            self.url, script=f"benchmarks.scripts:{script}", options={**_OPTIONS, **options}, keys=self.keys
        )

    def _line(self, limit_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], limit_s)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError("the server under measurement gave no answer")
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def product(agents: int, *arguments: str) -> Iterator[Product]:
    """A server with so many registered agents, its data in an empty folder on a real disk."""
    with scratch() as folder, serving(folder, "--agents", str(agents), *arguments) as server:
        yield server


@contextlib.contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Product]:
    """A server on the data in `folder`, new or of a server before it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.product_server", "--data", str(folder / "data"), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Product(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        process.stdout.close()


def goal(text: str, figure: float, met: bool) -> dict[str, Any]:
    """One line of the table at the end: what was to be reached, what was, and whether."""
    return {"goal": text, "figure": figure, "met": met}


def report(run: Callable[[bool], dict[str, Any]]) -> None:
    """The command line of every program: `--quick`; figures as JSON."""
    sys.stdout.write(json.dumps(run("--quick" in sys.argv[1:]), indent=2) + "\n")

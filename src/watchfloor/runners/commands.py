"""One command in a process group of its own: no shell, an empty environment, a time limit, bounded output.

**There is no sandbox yet.** The command runs as the server's own account, with its files and its network. The group is
killed when the command ends, is too slow or is no longer wanted; a program that leaves the group on purpose
(`setsid`) outlives it. The sandbox (DESIGN §4) will close both gaps.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from watchfloor.runners.output import Kept

_TICK_S = 0.05  # how often is looked whether the command ended while something else holds its pipes
_DRAIN_S = (
    0.5  # for output on its way when the group is dead; who still holds the pipe then has left the group
)
_READ_BYTES = 64 * 1024


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended. `outcome` exited, killed (by signal `-exit_code`), timed_out, cancelled or not_started."""

    outcome: str
    exit_code: int
    duration_ms: int
    stdout: Kept
    stderr: Kept
    detail: str = ""


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    time_ms: int,
    output_bytes_max: int,
    cancelled: threading.Event,
    stdin: bytes = b"",
) -> Ran:
    """Run `argv` (its first an absolute path) and wait for it. Blocking; never raises for what the command does."""
    kept = Kept(output_bytes_max), Kept(output_bytes_max)
    begin = time.monotonic()
    try:
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603 - no shell; the program comes from the configured list
                list(argv),
                cwd=cwd,
                env=dict(environment),
                stdin=given if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        return Ran(
            outcome="not_started",
            exit_code=-1,
            duration_ms=0,
            stdout=kept[0],
            stderr=kept[1],
            detail=str(error),
        )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        ended = _follow(
            process,
            begin + time_ms / 1_000,
            cancelled,
            dict(zip((process.stdout, process.stderr), kept, strict=True)),
        )
    finally:
        _kill_group(process)
        exit_code = process.wait()
        process.stdout.close()
        process.stderr.close()
    if ended == "exited" and exit_code < 0:
        ended = "killed"
    spent = int((time.monotonic() - begin) * 1_000)
    return Ran(outcome=ended, exit_code=exit_code, duration_ms=spent, stdout=kept[0], stderr=kept[1])


def _follow(
    process: subprocess.Popen[bytes],
    until: float,
    cancelled: threading.Event,
    streams: Mapping[IO[bytes], Kept],
) -> str:
    """Read until the command has ended, with its group, or has to."""
    ended = ""
    with selectors.DefaultSelector() as selector:
        for stream, kept in streams.items():
            selector.register(stream, selectors.EVENT_READ, kept)
        while not ended or (selector.get_map() and time.monotonic() < until):
            if not ended:
                ended = _end_of(process, until, cancelled)
                if ended:
                    _kill_group(process)
                    until = time.monotonic() + _DRAIN_S
            if not selector.get_map():
                time.sleep(_TICK_S / 10)  # it closed its output and goes on
            for ready, _ in selector.select(_TICK_S) if selector.get_map() else ():
                data = os.read(ready.fd, _READ_BYTES)
                if data:
                    ready.data.add(data)
                else:
                    selector.unregister(ready.fileobj)
    return ended


def _end_of(process: subprocess.Popen[bytes], until: float, cancelled: threading.Event) -> str:
    """Why the command is over, "" while it is not. Does not reap it, so that its group's number stays its own."""
    if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
        return "exited"
    if cancelled.is_set():
        return "cancelled"
    return "timed_out" if time.monotonic() >= until else ""


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Everything the command started and that did not leave its group. Harmless when it is empty already."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

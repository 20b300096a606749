"""One command, kept: no shell, input from a file, output heard as it comes, a time limit, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfloor_agent.sidecar.leftovers import RUN, sweep
from watchfloor_agent.sidecar.printed import Kept

KEEPER = Path(__file__).with_name("keeper.py")
OUTPUT_BYTES_MAX = 64 * 1024  # of each stream, its beginning and its end
_READ_BYTES = 64 * 1024
_LEAVE_S = 10.0  # beyond the grace, for the keeper to end; then it is killed and its command swept
_DRAIN_S = 2.0  # for output on its way when the command is gone


@dataclass(frozen=True)
class Ended:
    """How a command ended. `how`: exited, signalled, stopped, timed_out, silent, not_started or lost (its keeper died)."""

    how: str
    code: int = 0
    detail: str = ""
    duration_ms: int = 0
    cpu_ms: int = 0
    stdout: Kept | None = None
    stderr: Kept | None = None


class Command:
    """One run of a program. `stop` may be called at any time."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stdin: Path | None = None,
        grace_ms: int = 5_000,
        output_bytes_max: int = OUTPUT_BYTES_MAX,
    ) -> None:
        self._argv = list(argv)
        self._cwd = cwd
        self._mark = secrets.token_hex(16)
        self._environment = {**environment, RUN: self._mark}
        self._stdin = stdin
        self._grace_ms = grace_ms
        self._kept = Kept(output_bytes_max), Kept(output_bytes_max)
        self._halt = asyncio.Event()
        self._turn = asyncio.Event()
        self._held = False
        self._paused_at = 0.0
        self._stood_still_s = 0.0
        self._heard_at = 0.0

    def pause(self, held: bool) -> None:
        """Stop all its processes where they are, or let them go on; meanwhile no limit counts."""
        self._held = held
        self._turn.set()

    def stop(self) -> None:
        """End it: SIGTERM to everything it started, SIGKILL after the grace."""
        self._halt.set()

    async def run(
        self, *, time_ms: int = 0, silence_ms: int = 0, hear: Callable[[bytes], None] | None = None
    ) -> Ended:
        """Run it to its end. `hear` gets standard output; limits of 0 are none. Never raises for what it does."""
        began = self._heard_at = time.monotonic()
        control, controller = os.pipe()
        reading, report = os.pipe()
        try:
            process = await self._start(control, report)
        except (OSError, ValueError) as error:
            for end in (controller, reading):
                os.close(end)
            return self._ended("not_started", began, detail=str(error))
        finally:
            os.close(control)
            os.close(report)
        try:
            why, said = await self._follow(process, controller, reading, began, time_ms, silence_ms, hear)
        finally:
            os.close(controller)  # the keeper sees it, whatever happened here
        if said is None:
            return self._ended(why or "lost", began, detail="its keeper was killed")
        if "not_started" in said:
            return self._ended("not_started", began, detail=str(said["not_started"]))
        how, code = ("signalled", said["signal"]) if "signal" in said else ("exited", said["exit"])
        return self._ended(why or how, began, code=int(str(code)), cpu_ms=int(str(said.get("cpu_ms", 0))))

    async def _start(self, control: int, report: int) -> Process:
        if not self._cwd.is_dir():
            raise OSError(f"{self._cwd} is no folder")
        with open(self._stdin or os.devnull, "rb") as stdin:  # noqa: ASYNC230, PTH123  a local file, not read here
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(KEEPER),
                str(control),
                str(report),
                str(self._grace_ms),
                *self._argv,
                cwd=self._cwd,
                env=self._environment,
                stdin=stdin,
                stdout=PIPE,
                stderr=PIPE,
                pass_fds=(control, report),
                start_new_session=True,
            )

    async def _follow(
        self,
        process: Process,
        controller: int,
        report: int,
        began: float,
        time_ms: int,
        silence_ms: int,
        hear: Callable[[bytes], None] | None,
    ) -> tuple[str, dict[str, object] | None]:
        """Read and wait: why the command had to be ended ("" if it had not), and what the keeper reports.

        The keeper's report decides when it is over, and not the process: whatever a killed keeper left holds the pipes.
        """
        assert process.stdout is not None
        assert process.stderr is not None
        reading = [
            asyncio.create_task(self._read(process.stdout, self._kept[0], hear)),
            asyncio.create_task(self._read(process.stderr, self._kept[1], None)),
        ]
        ending = asyncio.create_task(_until_closed(report))
        halting = asyncio.create_task(self._halt.wait())
        turning = asyncio.create_task(self._turn.wait())
        why = ""
        try:
            while not ending.done() and not why:
                until = self._next_limit(began, time_ms, silence_ms)
                left_s = None if until is None else max(until - time.monotonic(), 0)
                await asyncio.wait({ending, halting, turning}, timeout=left_s, return_when="FIRST_COMPLETED")
                if turning.done() and not ending.done():
                    self._turn.clear()
                    turning = asyncio.create_task(self._turn.wait())
                    self._obey(controller)
                if not ending.done():
                    why = self._reason(halting.done(), began, time_ms, silence_ms)
            if why:
                with contextlib.suppress(OSError):
                    os.write(controller, b"T")
                await asyncio.wait({ending}, timeout=self._grace_ms / 1000 + _LEAVE_S)
            if not ending.done():
                process.kill()
            said = _report(await ending)
            if said is None:
                await asyncio.to_thread(sweep, RUN, self._mark)
            reading.append(asyncio.create_task(_reaped(process)))
            await asyncio.wait(reading, timeout=_DRAIN_S)
        finally:
            for task in (*reading, ending, halting, turning):
                task.cancel()
            await asyncio.gather(*reading, ending, halting, turning, return_exceptions=True)
        return why, said

    def _obey(self, controller: int) -> None:
        now = time.monotonic()
        if self._held and not self._paused_at:
            self._paused_at = now
        elif not self._held and self._paused_at:
            self._stood_still_s += now - self._paused_at
            self._heard_at += now - self._paused_at
            self._paused_at = 0.0
        with contextlib.suppress(OSError):
            os.write(controller, b"P" if self._held else b"C")

    def _next_limit(self, began: float, time_ms: int, silence_ms: int) -> float | None:
        if self._paused_at:
            return None
        began += self._stood_still_s
        limits = [began + time_ms / 1000] if time_ms else []
        limits += [self._heard_at + silence_ms / 1000] if silence_ms else []
        return min(limits, default=None)

    def _reason(self, halted: bool, began: float, time_ms: int, silence_ms: int) -> str:
        now = time.monotonic()
        if halted:
            return "stopped"
        if self._paused_at:
            return ""
        began += self._stood_still_s
        if time_ms and now >= began + time_ms / 1000:
            return "timed_out"
        return "silent" if silence_ms and now >= self._heard_at + silence_ms / 1000 else ""

    async def _read(
        self, stream: asyncio.StreamReader, kept: Kept, hear: Callable[[bytes], None] | None
    ) -> None:
        while data := await stream.read(_READ_BYTES):
            self._heard_at = time.monotonic()
            kept.add(data)
            if hear is not None:
                hear(data)

    def _ended(self, how: str, began: float, *, code: int = 0, detail: str = "", cpu_ms: int = 0) -> Ended:
        spent_ms = int((time.monotonic() - began) * 1000)
        return Ended(how, code, detail, spent_ms, cpu_ms, *self._kept)


async def _reaped(process: Process) -> None:
    await process.wait()


async def _until_closed(number: int) -> bytes:
    """Everything that comes through a pipe; closes it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(number, "rb")
    )
    try:
        return await reader.read()
    finally:
        transport.close()


def _report(data: bytes) -> dict[str, object] | None:
    with contextlib.suppress(ValueError):
        said = json.loads(data)
        if isinstance(said, dict):
            return said
    return None

"""Stands between the sidecar and a command, so that nothing the command started outlives it.

Run as a program of its own, by path, with the standard library only: `keeper.py CONTROL REPORT GRACE_MS COMMAND …`.
CONTROL is a pipe from the sidecar: `T` asks to terminate (SIGTERM to everything, SIGKILL after GRACE_MS), `P` to pause and
`C` to continue (SIGSTOP, SIGCONT); its end says that the sidecar is dead (SIGKILL at once). The keeper is the reaper of all descendants (PR_SET_CHILD_SUBREAPER, Linux),
so that even a program that left its group and session is found. When nothing is left it writes one line of JSON to
REPORT: {"exit": n} or {"signal": n} or {"not_started": "why"}, and how much processor time went by.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_AGAIN_S = 0.02  # between two rounds of killing what keeps forking
_GIVE_UP_S = 5.0  # for what cannot be killed (another account, a stuck disk)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(root: int) -> list[int]:
    """Every living process below `root`; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    try:
        found = [entry for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208  speed
    except OSError:
        return []
    for entry in found:
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{entry}/stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                children.setdefault(int(fields[1]), []).append(int(entry))
    below, waiting = [], [root]
    while waiting:
        mine = children.get(waiting.pop(), [])
        below += mine
        waiting += mine
    return below


class Keeper:
    """One command from its start until nothing of it is left."""

    def __init__(self, control: int, grace_s: float, argv: Sequence[str]) -> None:
        self._control = control
        self._grace_s = grace_s
        self._argv = list(argv)
        self._child = 0
        self._status: int | None = None
        self._kill_at = 0.0
        self._given_up_at = 0.0
        self._heard = True
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)

    def run(self) -> dict[str, object]:
        """Start the command, wait until it and all it started are gone, and say how it ended."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._signalled)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        problem = self._start()
        if problem:
            return {"not_started": problem}
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):  # or the end of the command's output would never be seen
            os.dup2(nothing, standard)
        while not self._over():
            self._listen()
        return self._said()

    def _start(self) -> str:
        """Fork and exec; why it could not be, else an empty text."""
        parent = os.getpid()
        failed, fail = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            with contextlib.suppress(OSError):
                self._become(parent, fail)
            os._exit(127)
        os.close(fail)
        with os.fdopen(failed, "rb") as reading:
            problem = reading.read().decode("utf-8", "replace")
        if problem:
            os.waitpid(self._child, 0)
        return problem

    def _become(self, parent: int, fail: int) -> None:
        try:
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(127)
            signal.set_wakeup_fd(-1)
            for number in (
                signal.SIGCHLD,
                signal.SIGTERM,
                signal.SIGINT,
                signal.SIGHUP,
                signal.SIGPIPE,
                signal.SIGXFSZ,
            ):
                signal.signal(number, signal.SIG_DFL)
            os.execvp(self._argv[0], self._argv)  # noqa: S606  no shell is the point
        except OSError as error:
            os.write(fail, f"{self._argv[0]}: {error.strerror}".encode())

    def _signalled(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self._terminate()

    def _obey(self, order: int) -> None:
        if order == ord("T"):
            self._terminate()
        elif order == ord("C"):
            self._send(signal.SIGCONT)
        elif order == ord("P"):
            for _ in range(3):  # what was being started while we looked
                self._send(signal.SIGSTOP)

    def _terminate(self) -> None:
        if not self._kill_at:
            self._kill_at = time.monotonic() + self._grace_s
            self._send(signal.SIGTERM)
            self._send(signal.SIGCONT)  # what is paused could not hear it

    def _send(self, number: signal.Signals) -> bool:
        """Signal everything below; whether there was anything."""
        below = descendants(os.getpid())
        for pid in below:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        if self._child and not Path("/proc/self/stat").exists():  # pragma: no cover -- systems without /proc
            with contextlib.suppress(OSError):
                os.killpg(self._child, number)
        return bool(below)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._child:
                    self._status = status

    def _over(self) -> bool:
        """Is everything gone? Kills what has to go."""
        self._reap()
        now = time.monotonic()
        if self._status is not None and not self._given_up_at:
            self._given_up_at = now + _GIVE_UP_S
        if self._status is not None or (self._kill_at and now >= self._kill_at):
            left = self._send(signal.SIGKILL)
            self._reap()
            if self._status is not None:
                return not left or now >= self._given_up_at
        return False

    def _listen(self) -> None:
        """Wait for the sidecar, a child or the time to kill."""
        wait_s: float | None = None
        if self._status is not None or self._kill_at:
            wait_s = _AGAIN_S
        watched = [self._wake, *([self._control] if self._heard else [])]
        ready, _, _ = select.select(watched, [], [], wait_s)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if self._control in ready:
            asked = os.read(self._control, 64)
            if not asked:
                self._heard, self._kill_at = False, time.monotonic()
            for order in asked:
                self._obey(order)

    def _said(self) -> dict[str, object]:
        status = self._status or 0
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        said: dict[str, object] = {"cpu_ms": int((used.ru_utime + used.ru_stime) * 1000)}
        if os.WIFSIGNALED(status):
            said["signal"] = os.WTERMSIG(status)
        else:
            said["exit"] = os.WEXITSTATUS(status)
        return said


def main() -> None:
    """Keep the command named on the command line."""
    control, report, grace_ms = (int(argument) for argument in sys.argv[1:4])
    for end in (control, report):
        os.set_inheritable(end, False)
    said = Keeper(control, grace_ms / 1000, sys.argv[4:]).run()
    with contextlib.suppress(OSError):
        os.write(report, json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    main()

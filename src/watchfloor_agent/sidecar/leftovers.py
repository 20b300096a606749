"""Processes of an earlier life: what a command started and nobody could end, because everybody was killed at once.

Every command bears `WATCHFLOOR_SIDECAR=<id>` in its environment, and what it starts inherits that. A keeper catches
everything while it lives; this catches what a killed keeper left, by the mark. A program that cleared its environment
*and* whose keeper was killed is not found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "WATCHFLOOR_SIDECAR"
RUN = "WATCHFLOOR_RUN"
_ROUNDS = 50
_PAUSE_S = 0.02


def marked(name: str, value: str) -> list[int]:
    """Living processes of this account, other than this one and its ancestors, with the mark in their environment."""
    wanted = f"{name}={value}".encode()
    own = _ancestors()
    found = []
    with contextlib.suppress(OSError):
        for entry in os.listdir("/proc"):  # noqa: PTH208
            if entry.isdigit() and int(entry) not in own:
                with contextlib.suppress(OSError):
                    if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                        found.append(int(entry))
    return found


def sweep(name: str, value: str) -> int:
    """Kill them all, and again what they have started meanwhile; how many there were."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = marked(name, value)
        if not found:
            break
        killed.update(found)
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_S)
    return len(killed)


def _ancestors() -> set[int]:
    own, pid = set(), os.getpid()
    while pid > 0 and pid not in own:
        own.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return own

"""How long to wait before the next attempt, and what the process uses."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from watchfloor_agent.messages import Metrics

FIRST_MS = 1_000
LONGEST_MS = 60_000
LEAST_MS = 50  # never at once: a server that refuses at once is not asked in a tight loop
HINT_MS_MAX = 600_000  # a server may ask for ten minutes, not for ever
STEADY_MS = 10_000  # a session that lasted this long clears the record


class Backoff:
    """Full jitter: somewhere below a bound that doubles from `first_ms` to `longest_ms`, so that fleets spread out.

    Ten thousand agents whose server was restarted come back evenly over the first second, not all at its end.
    """

    def __init__(self, first_ms: int = FIRST_MS, longest_ms: int = LONGEST_MS) -> None:
        self._first_ms = first_ms
        self._longest_ms = longest_ms
        self._failures = 0

    def next_ms(self, hint_ms: int = 0) -> int:
        """Milliseconds until the next attempt; a server's hint (its jitter included) goes first."""
        base = min(self._longest_ms, self._first_ms << min(self._failures, 30))
        self._failures += 1
        if hint_ms > 0:
            return min(hint_ms, HINT_MS_MAX)
        return random.randint(min(LEAST_MS, base), base)  # noqa: S311  spreading out is no secret

    def clear(self) -> None:
        """The last session was a good one."""
        self._failures = 0


class Meter:
    """CPU since the last look and resident memory of this process, for heartbeats."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._at = time.monotonic()

    def read(self, queue: int) -> Metrics:
        """Metrics since the last call; `queue` is how many tasks are at work."""
        cpu, at = time.process_time(), time.monotonic()
        elapsed = max(at - self._at, 1e-3)
        milli = round(1000 * (cpu - self._cpu) / elapsed)
        self._cpu, self._at = cpu, at
        return Metrics(cpu_milli=max(milli, 0), memory_bytes=_resident_bytes(), queue=queue)


def _resident_bytes() -> int:
    """Resident memory; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0

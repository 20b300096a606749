"""Wall time that does not jump (DESIGN §2 *Time*, faults B4 and B5).

Instants come from the wall clock at start and from the monotonic clock since, so that deadlines measure elapsed time.
When the wall clock parts from that by more than 5 s, the offset is reported once and the old timeline goes on; smaller
drift is followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from watchfloor.kernel.instants import SECOND

ANOMALY_US = 5 * SECOND


def _wall() -> int:
    return time.time_ns() // 1_000


def _monotonic() -> int:
    return time.monotonic_ns() // 1_000


class GuardedClock:
    """Call it for the instant (µs UTC). `check` compares the clocks; `not_before` keeps time from running backwards."""

    def __init__(self, wall: Callable[[], int] = _wall, monotonic: Callable[[], int] = _monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._anchor = wall() - monotonic()
        self._parted = 0  # offset already reported
        self._checked = monotonic()

    def __call__(self) -> int:
        return self._anchor + self._monotonic()

    def not_before(self, at: int) -> None:
        """The ledger's last instant: a wall clock that was set back while the server was down must not freeze time."""
        behind = at - self()
        if behind > 0:
            self._anchor += behind

    def check(self) -> int:
        """0, or the offset in µs of an anomaly that was not reported before."""
        offset = self._wall() - self()
        now = self._monotonic()
        elapsed, self._checked = now - self._checked, now
        if abs(offset - self._parted) > ANOMALY_US:
            self._parted = offset
            return offset
        if abs(offset) <= ANOMALY_US:
            # Follow small drift; back only by slowing down, for time that ran backwards would be told twice.
            self._anchor += max(offset, -(elapsed // 2))
            self._parted = 0
        return 0

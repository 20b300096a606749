"""How telling people goes just now: which channels do not take messages, what was given up (spec 06 *Health*; fault F10)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from watchfloor.kernel.instants import HOUR

REMEMBERED_US = HOUR  # a channel that nobody tried for so long says nothing about now
KEPT_MAX = 10_000

Place = tuple[int, str, str]  # organisation, whose, name


class Condition:
    """Of this process, in memory. `clock` µs."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._failing: dict[Place, tuple[int, int]] = {}  # since when, last tried
        self._given_up: deque[int] = deque(maxlen=KEPT_MAX)

    def tried(self, place: Place, *, worked: bool) -> None:
        """One attempt by one channel is over."""
        if worked:
            self._failing.pop(place, None)
        elif len(self._failing) < KEPT_MAX or place in self._failing:
            now = self._clock()
            self._failing[place] = (self._failing.get(place, (now, now))[0], now)

    def given_up(self) -> None:
        """Somebody was reached by nothing."""
        self._given_up.append(self._clock())

    def failing(self) -> int:
        """How many channels did not take the last message they were tried with, within the last hour."""
        return len(self._lately())

    def _lately(self) -> list[int]:
        """Since when each of them fails."""
        after = self._clock() - REMEMBERED_US
        for place in [place for place, (_, last) in self._failing.items() if last < after]:
            del self._failing[place]
        return [since for since, _ in self._failing.values()]

    def told(self) -> tuple[str, str, int]:
        """(ok or degraded, what is wrong, since when)."""
        since, after = self._lately(), self._clock() - REMEMBERED_US
        lost = [at for at in self._given_up if at >= after]
        if not since and not lost:
            return "ok", "every channel took its last message", 0
        detail = (
            f"{len(since)} channels do not take messages, {len(lost)} notices reached nobody in the last hour"
        )
        return "degraded", detail, min([*since, *lost])

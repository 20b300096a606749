"""Ingress buckets: node-local, volatile, answered without an event (DESIGN 2b.10, spec 3.3)."""

from __future__ import annotations

from watchfloor.kernel.instants import MINUTE

_WARN_BELOW = 0.2  # a warning at 80 % of the bucket


class Bucket:
    """A token bucket of `per_minute` tokens, filled evenly. Instants in µs.

    It is *exhausted* by a request that finds it empty after a fifth had been there: whoever takes each token as it comes
    exhausts it once, whoever empties it again and again does so again and again (spec 3.3 *Runaway*).
    """

    __slots__ = ("_at", "_level", "_spent", "empty", "exhausted", "per_minute", "refused", "warned")

    def __init__(self, per_minute: int, at: int) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._at = at
        self.refused = 0
        self.warned = False
        self.empty = False  # since it was used up, until a fifth is there again
        self.exhausted = 0  # how often within a minute, where the newest take found it newly empty
        self._spent: tuple[int, ...] = ()

    def take(self, at: int) -> int:
        """0 when a token was there, else the milliseconds until there is one."""
        level = min(float(self.per_minute), self._level + (at - self._at) * self.per_minute / MINUTE)
        self._at = at
        self.exhausted = 0
        if level < 1.0:
            self._level = level
            self.refused += 1
            if not self.empty:
                self.empty = True
                self._spent = (*(then for then in self._spent[-7:] if at - then < MINUTE), at)
                self.exhausted = len(self._spent)
            return max(1, int((1.0 - level) * MINUTE / self.per_minute / 1_000) + 1)
        self._level = level - 1.0
        if self.empty and level > self.per_minute * _WARN_BELOW:
            self.empty = False
        return 0

    def spent(self, at: int) -> int:
        """How many tokens it lacks; none is taken."""
        return int(max(0.0, self.per_minute - self._level - (at - self._at) * self.per_minute / MINUTE))

    def low(self) -> bool:
        """Has the level just fallen below a fifth? True once until it has recovered."""
        if self._level < self.per_minute * _WARN_BELOW:
            if not self.warned:
                self.warned = True
                return True
        elif self._level > self.per_minute / 2:
            self.warned = False
        return False

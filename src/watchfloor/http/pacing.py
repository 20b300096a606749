"""Request rates of people, tokens and addresses: token buckets in a bounded LRU (spec 3.3 *Rate limits*).

These are ingress buckets against abuse: node-local, volatile, answered without an event (DESIGN 2b.10). Approvals,
stops and health are exempt, so that a flood never keeps a person from deciding.
"""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from watchfloor.http.floods import Floods
from watchfloor.kernel.limits import CHANNELS_PER_MINUTE, CHAT_PER_MINUTE, MESSAGES_PER_MINUTE

LOOKED_AT_MAX = 5_000  # of those asked for last, to say who is near: a few milliseconds
BUCKETS_MAX = 50_000  # callers remembered at a time, about 8 MB; the longest silent one is forgotten


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """`per_minute` requests on average, `burst` at once."""

    per_minute: int
    burst: int


RATES: dict[str, Rate] = {
    "public": Rate(per_minute=100, burst=50),  # per address, without a credential
    "authenticated": Rate(per_minute=1_000, burst=300),  # per credential
    "heavy": Rate(
        per_minute=10, burst=10
    ),  # per credential: exports, proofs over the whole ledger, dry runs of policy
    "queries": Rate(per_minute=60, burst=20),  # per credential: people's own SQL, sums of the analytics
    "chat": Rate(per_minute=CHAT_PER_MINUTE, burst=60),  # per credential: what is said to an agent or people
    "messages": Rate(
        per_minute=MESSAGES_PER_MINUTE, burst=60
    ),  # per credential: what is said to other agents
    "channels": Rate(per_minute=CHANNELS_PER_MINUTE, burst=60),  # per credential: joining, leaving, posting
    "sign_in": Rate(per_minute=10, burst=10),  # per address: guessing a link
    "sign_in_person": Rate(per_minute=10, burst=20),  # per handle, from wherever: guessing a password
    "sign_in_code": Rate(per_minute=1, burst=5),  # per person: guessing six digits
    "failed": Rate(per_minute=30, burst=30),  # per address: credentials that were not accepted (fault S4)
}


class Pacing:
    """All buckets of one server. `clock` gives monotonic seconds."""

    def __init__(
        self, rates: dict[str, Rate], clock: Callable[[], float], buckets_max: int = BUCKETS_MAX
    ) -> None:
        self._rates = rates
        self._clock = clock
        self._buckets_max = buckets_max
        self.floods = Floods()
        # Of those used up until a fifth is there again, and lately: when; `exhausted` says how often within a minute, where
        # the newest take found one newly empty.
        self._empty: set[tuple[str, str]] = set()
        self._spent: OrderedDict[tuple[str, str], tuple[float, ...]] = OrderedDict()
        self.exhausted = 0
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, rate_class: str, caller: str, rate: Rate | None = None) -> int:
        """Spend one token. Returns 0, or the milliseconds after which the next request will pass.

        `rate` is for classes that a policy sets; all others are in the table of rates.
        """
        rate = rate or self._rates[rate_class]
        key = (rate_class, caller)
        left = self._fill(rate, key)
        self.exhausted = 0
        if left < 1:
            if key not in self._empty:
                self._empty.add(key)
                self.exhausted = self._used_up(key)
            return max(1, int((1 - left) * 60_000 / rate.per_minute) + 1)
        if left > rate.burst / 5:
            self._empty.discard(key)
        self._buckets[key] = (left - 1, self._clock())
        return 0

    def spent(self, rate_class: str, caller: str, rate: Rate) -> int:
        """How many tokens the caller's bucket lacks; none is taken."""
        key = (rate_class, caller)
        return max(0, int(rate.burst - self._fill(rate, key))) if key in self._buckets else 0

    def nearest(self) -> dict[str, tuple[int, int]]:
        """By class of the table: how many callers were heard of lately, and what the one nearest to its limit lacks."""
        now, found = self._clock(), dict[str, tuple[int, int]]()
        for (name, _), (left, since) in itertools.islice(reversed(self._buckets.items()), LOOKED_AT_MAX):
            rate = self._rates.get(name)
            lacks = 0.0 if rate is None else rate.burst - left - max(0.0, now - since) * rate.per_minute / 60
            if rate is not None and lacks > 0:
                callers, most = found.get(name, (0, 0))
                found[name] = (callers + 1, max(most, math.ceil(lacks)))
        return found

    def _used_up(self, key: tuple[str, str]) -> int:
        """How often within a minute, this time included."""
        now = self._clock()
        times = (*(then for then in self._spent.pop(key, ())[-7:] if now - then < 60), now)
        self._spent[key] = times
        if len(self._spent) > self._buckets_max:
            self._spent.popitem(last=False)
        return len(times)

    def _fill(self, rate: Rate, key: tuple[str, str]) -> float:
        now = self._clock()
        left, since = self._buckets.pop(key, (float(rate.burst), now))
        left = min(float(rate.burst), left + max(0.0, now - since) * rate.per_minute / 60)
        self._buckets[key] = (left, now)
        while len(self._buckets) > self._buckets_max:
            self._empty.discard(self._buckets.popitem(last=False)[0])
        return left

    def __len__(self) -> int:
        return len(self._buckets)

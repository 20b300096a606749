"""What agents write and REST turned away, told to the record as the hub does: floods count for the runaway detector (spec 3.3).

Counted per agent and second, in memory. More than a runaway's rate within a second is reported at once, once; what a
minute's buckets refused is reported with the first refusal of the next minute. Nobody has to be connected for it.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from watchfloor.engine.requests import Lane
from watchfloor.fleet.messages import ReportThrottled
from watchfloor.kernel.messages import Refused
from watchfloor.registers.activity import pace_of

if TYPE_CHECKING:
    from watchfloor.http.asking import Call

AGENTS_MAX = 10_000  # remembered at a time; the longest silent one is forgotten
_SECOND_US, _MINUTE_US = 1_000_000, 60_000_000


class Turned:
    """What one agent was refused: in the second and in the minute that began at `second` and `minute`."""

    __slots__ = ("in_minute", "in_second", "minute", "second")

    def __init__(self, at: int) -> None:
        self.second = self.minute = at
        self.in_second = self.in_minute = 0


class Floods:
    """Refusals by (organisation, agent)."""

    def __init__(self) -> None:
        self._turned: OrderedDict[tuple[int, int], Turned] = OrderedDict()

    def count(self, org: int, agent: int, at: int, per_second: int) -> ReportThrottled | None:
        """One more was turned away at `at` (µs): the report that is due now, if any."""
        key = (org, agent)
        turned = self._turned.pop(key, None) or Turned(at)
        self._turned[key] = turned
        if len(self._turned) > AGENTS_MAX:
            self._turned.popitem(last=False)
        before = 0
        if at - turned.minute >= _MINUTE_US:
            before, turned.in_minute, turned.minute = turned.in_minute, 0, at
        if at - turned.second >= _SECOND_US:
            turned.second, turned.in_second = at, 0
        turned.in_second += 1
        turned.in_minute += 1
        if turned.in_second == per_second + 1:
            return ReportThrottled(subject=agent, count=turned.in_second, window_ms=1_000)
        return ReportThrottled(subject=agent, count=before, window_ms=60_000) if before else None


def turned_away(call: Call) -> None:
    """A request that did not get as far as the gate counts for the runaway detector, as on the socket."""
    agent = call.principal.subject
    often = call.pacing.exhausted  # of the take that refused this request
    pace = pace_of(agent, call.read)
    report = call.pacing.floods.count(call.org, agent, call.now, pace.requests_1s)
    if often >= pace.throttles_60s:
        report = ReportThrottled(subject=agent, count=often, window_ms=60_000, exhausted=often)
    state = call.state("agent", agent)
    if report is None or state is None or state.quarantined:
        return
    request = call.request(report, lane=Lane.OUTCOMES, keyed=False)
    with contextlib.suppress(Refused):
        call.services.engine.submit(request)

"""What an agent has been doing lately: the counters the gate's limits read (spec 3.1, 3.3).

Cells: `activity` by agent, `types` by (agent, action type), `spend` by agent. Windows are small rings of
(bucket, count); a fold never scans history, and the counts are exact to one bucket (500 ms and 1 s).
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionUnknown,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.actions.tables import of
from watchfloor.fleet.messages import AgentThrottled
from watchfloor.kernel.instants import DAY, HOUR, MINUTE, SECOND
from watchfloor.kernel.messages import Event
from watchfloor.kernel.runaway_terms import Pace
from watchfloor.kernel.subject import Read, Register
from watchfloor.registers.stops import obeyed

Cells = list[tuple[str, object, object]]
Ring = tuple[tuple[int, int], ...]

_HALF = SECOND // 2
_RING = 10  # buckets kept: 5 s of requests, 10 s of executions
_FAILURES = 8  # the risk score asks for four, the breaker for its own
_REPEATS = 4  # heavy hitters watched for repeated bodies


class Activity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`repeats`: (body, count, since) of the most repeated request bodies; `failures`, `throttles`: newest instants."""

    requests: Ring = ()
    executed: Ring = ()
    repeats: tuple[tuple[str, int, int], ...] = ()
    failures: tuple[int, ...] = ()
    throttles: tuple[int, ...] = ()
    hour: int = 0
    requests_hour: int = 0


class TypeUse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Permitted actions of one type by one agent: in all, and in the clock hour `hour`; `unheld` ran observed.

    Nobody looked at those, so they are not among what was supervised.
    """

    total: int = 0
    hour: int = 0
    in_hour: int = 0
    unheld: int = 0


class Spend(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Money of one UTC day in micro units: settled costs and what is still reserved."""

    day: int = 0
    spent_micro: int = 0
    reserved_micro: int = 0


_IDLE = Activity()
_UNUSED = TypeUse()
_UNSPENT = Spend()


def tick(ring: Ring, bucket: int) -> Ring:
    """The ring with one more in this bucket."""
    if ring and ring[-1][0] == bucket:
        return (*ring[:-1], (bucket, ring[-1][1] + 1))
    return (*ring[1 - _RING :], (bucket, 1))


def within(ring: Ring, since: int) -> int:
    """How many were counted in buckets not older than `since`."""
    total = 0
    for bucket, count in reversed(ring):
        if bucket < since:
            break
        total += count
    return total


def requests_within(activity: Activity | None, at: int, halves: int) -> int:
    return within(activity.requests, at // _HALF - halves + 1) if activity else 0


def executed_within(activity: Activity | None, at: int, seconds: int) -> int:
    return within(activity.executed, at // SECOND - seconds + 1) if activity else 0


def repeats_of(activity: Activity | None, body: str, at: int) -> int:
    """How often this very body came in the last 60 s."""
    if activity is None or not body:
        return 0
    for known, count, since in activity.repeats:
        if known == body:
            return count if at - since <= MINUTE else 0
    return 0


def recent(instants: tuple[int, ...], at: int, window: int) -> int:
    return sum(1 for instant in instants if at - instant <= window)


def pace_of(agent: int, read: Read) -> Pace:
    """What is a runaway of this agent, by the policy in force (spec 3.3): for refusals that no gate sees."""
    active = read("active_policy", "active")
    state = read("agent", agent)
    return of(active.document, active.digest).pace_of(agent, state.type if state is not None else "")


def _repeat(
    repeats: tuple[tuple[str, int, int], ...], body: str, at: int
) -> tuple[tuple[str, int, int], ...]:
    if not body:
        return repeats
    for index, (known, count, since) in enumerate(repeats):
        if known == body:
            entry = (body, count + 1, since) if at - since <= MINUTE else (body, 1, at)
            return (*repeats[:index], *repeats[index + 1 :], entry)
    if len(repeats) < _REPEATS:
        return (*repeats, (body, 1, at))
    # The rarest makes room, so a body that keeps coming stays however many others are mixed in; one whose minute is
    # over makes room first, however often it came.
    rarest = min(
        range(_REPEATS), key=lambda index: repeats[index][1] if at - repeats[index][2] <= MINUTE else 0
    )
    return (*repeats[:rarest], *repeats[rarest + 1 :], (body, 1, at))


def decided(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    agent, at = facts.agent, event.at
    old: Activity = read("activity", agent) or _IDLE
    hour = at // HOUR
    cells: Cells = [
        (
            "activity",
            agent,
            Activity(
                tick(old.requests, at // _HALF),
                old.executed,
                _repeat(old.repeats, event.body, at),
                old.failures,
                old.throttles,
                hour,
                old.requests_hour + 1 if old.hour == hour else 1,
            ),
        )
    ]
    if facts.verdict == "permitted":
        unheld = facts.grant is not None and facts.grant.basis == "observed"
        cells.append(_used(agent, facts.action_type, hour, read, unheld=unheld))
    if facts.reserves_micro:
        cells.append(_reserve(agent, at, facts.reserves_micro, read))
    return cells


def _used(
    agent: int, action_type: str, hour: int, read: Read, *, unheld: bool = False
) -> tuple[str, object, object]:
    key = (agent, action_type)
    use: TypeUse = read("types", key) or _UNUSED
    in_hour = use.in_hour + 1 if use.hour == hour else 1
    return ("types", key, TypeUse(use.total + 1, hour, in_hour, use.unheld + unheld))


def _reserve(agent: int, at: int, micro: int, read: Read) -> tuple[str, object, object]:
    spend = _today(read("spend", agent), at)
    return ("spend", agent, Spend(spend.day, spend.spent_micro, spend.reserved_micro + micro))


def _today(spend: Spend | None, at: int) -> Spend:
    """The day's spend; what is reserved is carried over midnight, what is spent is not."""
    day = at // DAY
    if spend is None:
        return Spend(day)
    return spend if spend.day == day else Spend(day, 0, spend.reserved_micro)


def spent_today(spend: Spend | None, at: int) -> int:
    """Micro units spent or reserved on the instant's UTC day."""
    today = _today(spend, at)
    return today.spent_micro + today.reserved_micro


def granted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionGranted)
    action = read("action", event.subject)
    return [] if action is None else [_used(facts.agent, action.action_type, event.at // HOUR, read)]


def started(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionStarted)
    old: Activity = read("activity", facts.agent) or _IDLE
    return [
        (
            "activity",
            facts.agent,
            msgspec.structs.replace(old, executed=tick(old.executed, event.at // SECOND)),
        )
    ]


def _settle(agent: int, at: int, released: int, cost: int, read: Read) -> Cells:
    if not released and not cost:
        return []
    spend = _today(read("spend", agent), at)
    return [
        ("spend", agent, Spend(spend.day, spend.spent_micro + cost, max(0, spend.reserved_micro - released)))
    ]


def completed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionCompleted)
    return _settle(facts.agent, event.at, facts.released_micro, facts.cost_micro, read)


def failed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionFailed)
    return [
        *(() if obeyed(facts, read) else _failure(facts.agent, event.at, read)),
        *_settle(facts.agent, event.at, facts.released_micro, facts.cost_micro, read),
    ]


def unknown(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionUnknown)
    return _failure(facts.agent, event.at, read)


def _failure(agent: int, at: int, read: Read) -> Cells:
    old: Activity = read("activity", agent) or _IDLE
    return [("activity", agent, msgspec.structs.replace(old, failures=(*old.failures[1 - _FAILURES :], at)))]


def closed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    return _settle(facts.agent, event.at, facts.released_micro, 0, read)


def settled(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionSettled)
    return _settle(facts.agent, event.at, facts.released_micro, facts.cost_micro, read)


def retried(event: Event, read: Read) -> Cells:
    """What the lost execution had reserved counts as spent, what the next one may cost is reserved."""
    facts = event.facts
    assert isinstance(facts, ActionRetried)
    lost, wanted = facts.charged_micro, facts.reserves_micro
    if not lost and not wanted:
        return []
    spend = _today(read("spend", facts.agent), event.at)
    reserved = max(0, spend.reserved_micro - lost) + wanted
    return [("spend", facts.agent, Spend(spend.day, spend.spent_micro + lost, reserved))]


def throttled(event: Event, read: Read) -> Cells:
    agent = event.subject
    old: Activity = read("activity", agent) or _IDLE
    throttles = (*old.throttles[1 - _FAILURES :], event.at)
    return [("activity", agent, msgspec.structs.replace(old, throttles=throttles))]


REGISTER = Register(
    name="activity",
    cells={"activity": Activity, "types": TypeUse, "spend": Spend},
    folds={
        ActionDecided: decided,
        ActionGranted: granted,
        ActionStarted: started,
        ActionCompleted: completed,
        ActionFailed: failed,
        ActionUnknown: unknown,
        ActionClosed: closed,
        ActionSettled: settled,
        ActionRetried: retried,
        AgentThrottled: throttled,
    },
)

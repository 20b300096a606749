"""The door of the hub: who may be judged at all, by stops and buckets (spec 3.3, DESIGN 2b.9, 2b.10).

Nothing here is recorded. What is turned away is answered, and counted where it looks like a flood (floods.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.actions.names import fold
from watchfloor.engine.rights import standing
from watchfloor.hub import protocol as wire
from watchfloor.hub.buckets import Bucket
from watchfloor.hub.delegations import ACTION_TYPES
from watchfloor.hub.mailroom import BETWEEN_AGENTS, RATES
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.limits import IN_FLIGHT_PER_AGENT
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.rate_terms import rates_of
from watchfloor.kernel.terms import TIERS
from watchfloor.registers.stops import names_of

if TYPE_CHECKING:
    from watchfloor.hub.hub import Hub
    from watchfloor.hub.session import Session


class Throttled(Exception):
    """An ingress bucket is empty; `exhausted`: how often within a minute, where this request found out."""

    def __init__(self, retry_after_ms: int, rate_class: str, *, exhausted: int = 0) -> None:
        super().__init__(rate_class)
        self.exhausted = exhausted
        self.retry_after_ms = retry_after_ms
        self.rate_class = rate_class


# Dry runs spend nothing of what requests have (spec 3.1); their own bucket is as large as that of light actions.
DRY_RUNS = "dry_run"
_RATED = {DRY_RUNS: "light"}


def admit(hub: Hub, session: Session, payload: wire.Payload) -> None:
    """May this request be judged at all? Raises Throttled or Refused; nothing is recorded."""
    if session.in_flight >= IN_FLIGHT_PER_AGENT:
        detail = f"at most {IN_FLIGHT_PER_AGENT} requests may wait"
        raise Refused("too_many_in_flight", detail, retryable=True, status=429)
    if type(payload) in RATES:
        _admit_speech(hub, session, payload)
    asked = asked_for(hub, session, payload)
    if asked is None:
        return
    tried = isinstance(payload, wire.ActionRequest) and payload.dry_run
    if not tried and hit(hub, session, *asked):
        raise Refused("stopped", "a stop is in force", status=403)
    rate_class = DRY_RUNS if tried else _rate_class(hub, session.org, asked[0])
    now = hub.clock()
    if session.buckets is None:
        session.buckets = {}
    bucket = session.buckets.get(rate_class)
    if bucket is None:
        bucket = session.buckets[rate_class] = Bucket(
            rates(hub, session)[_RATED.get(rate_class, rate_class)], now
        )
    wait = bucket.take(now)
    if wait:
        hub.throttled += 1
        raise Throttled(wait, rate_class, exhausted=bucket.exhausted)
    if bucket.low():
        session.push(wire.RateLimited(retry_after_ms=0, rate_class=rate_class, warning=True))


def rates(hub: Hub, session: Session) -> dict[str, int]:
    """Requests a minute by rate class, as the policy has them for the agent's tier."""
    engine = hub.engine
    active = engine.cell(session.org, "active_policy", "active")
    terms = active.document.rates
    if not terms.tiers:
        return rates_of(terms, "")
    read = engine.node(session.org).world.read
    tier, _ = standing(read, session.agent, active.document, hub.clock(), active.version)
    return rates_of(terms, TIERS[tier])


def asked_for(hub: Hub, session: Session, payload: wire.Payload) -> tuple[str, str, int] | None:
    """(action type, tool, task) of a frame that asks for a grant; None of one that asks for none."""
    if isinstance(payload, wire.ActionRequest):
        return payload.type, payload.tool, _task(payload.task_id)
    if isinstance(payload, wire.ActionRetry):
        subject, nonce = parse_id(payload.action_id, "action")
        state = hub.engine.state(session.org, "action", subject)
        if state is None or state.nonce != nonce or state.agent != session.agent:
            raise Refused("not_found", "there is no such action", status=404)
        return state.action_type, state.tool, state.task
    found = ACTION_TYPES.get(type(payload))
    return None if found is None else (found, "", _task(getattr(payload, "task_id", "")))


def _task(text: str) -> int:
    """The integer of a task's id, 0 where it is none: whoever builds the command says what is wrong with it."""
    try:
        return parse_id(text, "task")[0] if text else 0
    except Refused:
        return 0


def _admit_speech(hub: Hub, session: Session, payload: wire.Payload) -> None:
    """Chats, messages and channels have rate classes of their own (spec 3.3)."""
    if isinstance(payload, BETWEEN_AGENTS) and hit(hub, session, "", ""):
        raise Refused("stopped", "a stop is in force", status=403)
    wait, rate_class, warn = hub.mailroom.rate(session, payload)
    if wait:
        hub.throttled += 1
        raise Throttled(wait, rate_class)
    if warn:
        session.push(wire.RateLimited(retry_after_ms=0, rate_class=rate_class, warning=True))


def _rate_class(hub: Hub, org: int, action_type: str) -> str:
    """The rate class of the type's action class, cached per policy version."""
    active = hub.engine.cell(org, "active_policy", "active")
    cached = hub.classes.get(org)
    if cached is None or cached[0] != active.version:
        policy = active.document
        table = {
            kind: policy.classes[cls].rate for kind, cls in policy.types.items() if cls in policy.classes
        }
        cached = hub.classes[org] = (active.version, table)
        for session in hub.sessions.values():
            if session.org == org:
                session.buckets = None
    found = cached[1].get(action_type)
    return found if found is not None else cached[1].get(fold(action_type), "heavy")


def hit(hub: Hub, session: Session, action_type: str, tool: str, task: int = 0) -> bool:
    """Is a stop of this node's journal in force for it? Checked at ingress and at egress (DESIGN 2b.9)."""
    stops = hub.engine.stops
    if not stops.any:
        return False
    read = hub.engine.node(session.org).world.read
    names = names_of(session.agent, read, action_type=fold(action_type), tool=fold(tool), task=task)
    return bool(stops.hits(session.org, names))

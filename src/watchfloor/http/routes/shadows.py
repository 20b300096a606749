"""Candidates compared with the policy in force, and what the mode `observe` let run (spec 3.1, 3.6)."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

import msgspec

from watchfloor.engine.observing import UNHELD_FROM, Group, Sum, observe
from watchfloor.engine.shadowing import Comparison, Comparisons
from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import shadows as wire
from watchfloor.http.bodies.fields import Reason, Recorded
from watchfloor.http.ports import Engine
from watchfloor.http.problems import not_found
from watchfloor.http.replies import Reply
from watchfloor.http.routes.backtests import (
    candidate,
    difference_of,
    kinds_of,
    seq_before,
    source_of,
)
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.terms import holds
from watchfloor.policy.rules import PolicyState
from watchfloor.policy.shadow_messages import RemoveShadow, SetShadow
from watchfloor.policy.shadows import Shadow, find
from watchfloor.registers.directory import ActivePolicy, Person

_comparisons: WeakKeyDictionary[Engine, Comparisons] = WeakKeyDictionary()


def _policy(call: Call) -> tuple[int, PolicyState]:
    active: ActivePolicy | None = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    return active.subject, call.state("policy", active.subject)


async def list_shadows(call: Call) -> Reply:
    """Candidates that are or were kept, newest first."""
    rows, following = await lists.page(call, "policy_shadows", ("number",))
    fields = wire.ShadowItem.__struct_fields__
    items = tuple(wire.ShadowItem(**{name: row[name] for name in fields}) for row in rows)
    return Reply(body=wire.ShadowPage(items=items, next=following, seq=call.view_seq))


async def set_shadow(call: Call) -> Reply:
    """Keep a candidate and compare it with what is decided from now on. It decides nothing."""
    body: wire.SetShadowBody = call.body
    document = await candidate(call, body.document, body.version)
    subject, _ = _policy(call)
    command = SetShadow(subject=subject, document=document, name=body.name, reason=body.reason)
    recorded = await call.ask(command)
    return Reply(body=Recorded(seq=recorded.seq))


async def remove_shadow(call: Call) -> Reply:
    """Keep it no longer."""
    body: Reason = call.body
    subject, _ = _policy(call)
    command = RemoveShadow(subject=subject, name=call.path["shadow"], reason=body.reason)
    recorded = await call.ask(command)
    return Reply(body=Recorded(seq=recorded.seq))


async def _compared(call: Call) -> tuple[Shadow, Comparison, int, str]:
    """The shadow of the path, compared up to the head or for as long as one look may take."""
    _, policy = _policy(call)
    shadow = find(policy.shadows, call.path["shadow"])
    if shadow is None:
        raise not_found("shadow policy")
    comparisons = _comparisons.setdefault(call.services.engine, Comparisons())
    comparisons.forget(call.org, {one.name for one in policy.shadows})
    source, head = await source_of(call), call.services.engine.head(call.org)
    comparison = comparisons.of(call.org, shadow, source)
    ended = await comparison.caught_up(source, head)
    return shadow, comparison, max(0, head - comparison.one.after), ended


async def get_shadow(call: Call) -> Reply:
    """What a candidate would have said of everything decided since it was set, in numbers."""
    shadow, comparison, behind, ended = await _compared(call)
    retrial = comparison.one.retrial
    counts = retrial.counts
    body = wire.ShadowComparison(
        name=shadow.name,
        digest=shadow.digest,
        document=shadow.document,
        decisions=counts.rulings,
        same=counts.same,
        stricter=counts.stricter,
        looser=counts.looser,
        from_record=counts.from_record,
        kinds=kinds_of(retrial.kinds.items()),
        since_seq=shadow.since,
        compared_seq=comparison.one.after,
        behind=behind,
        ended=ended,
    )
    return Reply(body=body)


async def list_shadow_differences(call: Call) -> Reply:
    """Decisions that would have gone otherwise under a candidate, and why."""
    params: wire.ShadowsParams = call.params
    _, comparison, behind, _ = await _compared(call)
    found = sorted(comparison.one.retrial.differences, key=lambda one: -one.seq)
    if params.cursor:
        (below,) = lists.read_cursor(params.cursor, 1)
        found = [one for one in found if one.seq < below]
    shown = found[: params.limit]
    body = wire.ShadowDifferences(
        items=tuple(difference_of(call, one) for one in shown),
        next=lists.cursor_of(shown[-1].seq) if len(found) > len(shown) else None,
        behind=behind,
    )
    return Reply(body=body)


# What was observed ----------------------------------------------------------------------------------------------------


async def get_observed(call: Call) -> Reply:
    """What ran only because the mode was `observe`, who would have decided, and thresholds that fit what was recorded."""
    params: wire.ObservedParams = call.params
    active: ActivePolicy | None = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        raise not_found("policy")
    source, head = await source_of(call), call.services.engine.head(call.org)
    after = await seq_before(call, call.now - params.days * DAY)
    found = await asyncio.to_thread(observe, source, active.document, after, head)
    people: tuple[Person, ...] = call.services.engine.cell(call.org, "people", "all") or ()
    body = wire.ObservedReport(
        modes=msgspec.to_builtins(active.document.modes),
        decisions=found.judged,
        observed=found.observed,
        unheld=found.unheld,
        groups=tuple(_group(call, active, people, group, total) for group, total in found.groups),
        rules=tuple(wire.ObservedRule(rule=rule, count=count) for rule, count in found.rules),
        proposals=tuple(wire.ThresholdProposal(**msgspec.to_builtins(one)) for one in found.proposals),
        from_seq=after + 1,
        until_seq=found.until,
        ended=found.ended,
    )
    return Reply(body=body)


def _group(
    call: Call, active: ActivePolicy, people: tuple[Person, ...], group: Group, total: Sum
) -> wire.ObservedGroup:
    committee = active.document.committees.get(group.committee) if group.committee else None
    enabled = [one for one in people if one.enabled]
    if committee is not None:
        seats = committee.seats
        able = [
            one
            for one in enabled
            if any(one.handle == seat.person or (seat.role and holds(one.roles, seat.role)) for seat in seats)
        ]
    else:
        able = [one for one in enabled if holds(one.roles, group.role)]
    return wire.ObservedGroup(
        type=group.type,
        level=group.level,
        unheld=group.level >= UNHELD_FROM,
        count=total.actions,
        completed=total.completed,
        failed=total.failed,
        role=group.role,
        committee=group.committee,
        needed=group.needed,
        people=tuple(one.handle for one in able),
        actions=tuple(call.id_of("action", seq) for seq in reversed(total.newest)),
    )

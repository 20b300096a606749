"""Alerts: the list, one of them, acknowledging and resolving (spec 06 *Situation report*)."""

from __future__ import annotations

from typing import Any

from watchfloor.http import lists, telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies import alerts as wire
from watchfloor.http.bodies import fields
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import PREFIXES
from watchfloor.situation.kinds import ALERTS, Kind
from watchfloor.situation.messages import AcknowledgeAlert, ResolveAlert

_UNKNOWN = Kind("")
ACTIVE = "status <> 'resolved'"


def item(call: Call, row: dict[str, Any]) -> wire.AlertItem:
    """A row of `alerts` as lists show it."""
    kind = ALERTS.get(row["what"], _UNKNOWN)
    return wire.AlertItem(
        alert_id=row["id"],
        what=row["what"],
        severity=row["severity"],
        title=title(call, row),
        meaning=kind.meaning,
        by_hand=kind.by_hand,
        agent_id=call.id_of("agent", row["agent"]),
        thing_kind=row["thing_kind"],
        thing_id=call.id_of(row["thing_kind"], row["thing"]) if row["thing_kind"] in PREFIXES else "",
        source=row["source"],
        status=row["status"],
        how=row["how"],
        reason=row["reason"],
        raised_at=row["raised_at"],
        worsened_at=row["worsened_at"],
        until_at=row["until_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
    )


_TITLES = {
    "quarantined": "{agent} is in quarantine",
    "worker_unreachable": "{agent} gives no valid answers",
    "orphaned": "{agent} left while it had tasks",
    "stuck": "{agent} makes no progress with a task",
    "decision_waiting": "The time for a decision on {agent} runs out",
    "forced": "An action of {agent} was forced past the people",
    "ungated_call": "{agent} did what no grant had let it start",
    "identity_changed": "{agent} runs with a prompt or tools that nobody has approved",
    "outcome_unknown": "Executions of {agent} ended without a word",
    "key_expiring": "A key of {agent} is about to end",
}


def title(call: Call, row: dict[str, Any]) -> str:
    """The alert in a sentence, with names instead of numbers."""
    what, about = row["what"], row["about"]
    agent = call.state("agent", row["agent"]) if row["agent"] else None
    name = agent.name if agent is not None else "an agent"
    if what == "breaker_open":
        scope, _, target = about.partition(":")
        return f"The breaker of {name if scope == 'agent' else f'the tool {target}'} is open"
    if what == "stopped":
        stop = call.state("stop", row["thing"])
        return f"Stopped: {f'{stop.scope} {stop.target}'.strip().replace('_', ' ')}" if stop else "Stopped"
    if what == "anomaly":
        found = call.state("anomaly", row["thing"])
        kind = found.what.replace("_", " ") if found is not None else "anomaly"
        if agent is None and found is not None and found.about:
            name = telling.name_of(call, found.about.partition(" ")[0]) or found.about
        return f"{kind.capitalize()}: {name}" if name != "an agent" else kind.capitalize()
    if what == "undelivered":
        person = call.state("person", row["thing"])
        return f"A notice did not reach {person.handle if person is not None else 'somebody'}"
    if what == "budget":
        budget = call.state("budget", row["thing"])
        over = "is used up" if row["severity"] == "critical" else "runs low"
        return f"A budget of the {budget.scope} {over} ({budget.measure})" if budget else f"A budget {over}"
    told = _TITLES.get(what)
    if told is None:
        return ALERTS.get(what, _UNKNOWN).meaning.rstrip(".")
    sentence = told.format(agent=name)
    return sentence[0].upper() + sentence[1:] if agent is None else sentence


async def list_alerts(call: Call) -> Reply:
    """Alerts, newest first."""
    params: wire.AlertsParams = call.params
    agent = call.resolve("agent", params.agent)[0] if params.agent else None
    active = params.status == "active"
    where = {
        "status": None if active else params.status,
        "severity": params.severity,
        "what": params.what,
        "agent": agent,
    }
    also = (ACTIVE,) if active else ()
    rows, following = await lists.page(call, "alerts", ("alert",), where, also=also)
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.AlertPage(items=items, next=following, seq=call.view_seq))


async def get_alert(call: Call) -> Reply:
    """One alert."""
    subject, _ = call.resolve("alert", call.path["alert"])
    return Reply(body=item(call, await lists.viewed(call, "alerts", "alert", subject)))


async def acknowledge_alert(call: Call) -> Reply:
    """Say that you have seen it and are looking."""
    subject, _ = call.resolve("alert", call.path["alert"])
    recorded = await call.ask(AcknowledgeAlert(subject=subject))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def resolve_alert(call: Call) -> Reply:
    """Close what does not end by itself, and why. Not about an agent of your own."""
    body: wire.ResolveAlertBody = call.body
    subject, _ = call.resolve("alert", call.path["alert"])
    recorded = await call.ask(ResolveAlert(subject=subject, reason=body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))

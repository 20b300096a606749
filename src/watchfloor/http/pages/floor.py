"""Stops with the kill switch, agents and tasks as plain lists, and the story of one action."""

from __future__ import annotations

from typing import Any

from watchfloor.http import lists, replies, stopping, telling
from watchfloor.http.asking import Call
from watchfloor.http.bodies.agents import Breaker
from watchfloor.http.html import Child, Safe, foreign, tag
from watchfloor.http.pages import checks, layout, parameters, parts
from watchfloor.http.pages.inbox import shown
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import actions, agents, stops, tasks

PAGE = 50
_SCOPES = (
    ("organisation", "everything in the organisation"),
    ("agent", "one agent (its id)"),
    ("lineage", "an agent and all it spawned (its id)"),
    ("agent_type", "all agents of a type"),
    ("action_type", "all actions of a type"),
    ("tool", "everything that uses a tool"),
    ("workflow", "a task and all handed on below it (its id)"),
)


def table(columns: tuple[str, ...], rows: list[tuple[Child, ...]]) -> Safe:
    """A table that becomes a list of cards on a narrow screen."""
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in columns]))
    body = [
        tag(
            "tr",
            [tag("td", tag("span", cell), data_label=name) for name, cell in zip(columns, row, strict=True)],
        )
        for row in rows
    ]
    return tag("table", head, tag("tbody", body), class_="plain stack")


def more(path: str, following: str | None) -> Safe | None:
    """The link to the next page."""
    return (
        tag("p", tag("a", "Older", href=f"{path}?cursor={following}", class_="button")) if following else None
    )


# Stops ---------------------------------------------------------------------------------------------------------------


async def show_stops(call: Call) -> Reply:
    """The kill switch, what is stopped, and what was."""
    await shown(call)
    in_force, _ = await lists.page(call, "stops", ("stop",), also=("lifted_at = 0",), limit=200)
    lifted, _ = await lists.page(call, "stops", ("stop",), also=("lifted_at > 0",), limit=10)
    waiting = _unrecorded(call)
    return layout.page(
        call,
        "Stops",
        tag("h1", "Stops"),
        tag(
            "p",
            "A stop takes effect within two seconds, also while the database is away. Another person lifts it.",
            class_="lead",
        ),
        _throw(call) if call.principal.may("operator") else None,
        tag("h2", "In force"),
        tag("div", [_stop(call, row) for row in in_force], waiting)
        if in_force or waiting
        else layout.empty("Nothing is stopped", "Agents work as the policy allows."),
        tag("h2", "Lifted lately") if lifted else None,
        tag("div", [_stop(call, row) for row in lifted]) if lifted else None,
        here="/stops",
        script=True,
    )


def _unrecorded(call: Call) -> list[Safe]:
    """Stops of this node's journal that the ledger does not have yet."""
    engine = call.services.engine
    durable = engine.head(call.org)
    active = engine.cell(call.org, "stops", "active") or ()
    known = {entry.journal for entry in active if entry.subject <= durable}
    return [
        tag(
            "section",
            tag("h2", _what(stop.scope, stop.target), " ", parts.badge("waits for the ledger", "warn")),
            tag("p", foreign(stop.reason, 1_000)),
            class_="card",
        )
        for stop in engine.stops.in_force(call.org)
        if stop.id not in known
    ]


def _what(scope: str, target: str) -> Safe:
    name = "Everything" if scope == "organisation" else f"{parts.words(scope).capitalize()} "
    return tag("span", name, tag("bdi", target) if target else None)


def _stop(call: Call, row: dict[str, Any]) -> Safe:
    item = stops.item(call, row)
    name = telling.name_of(call, item.target) if item.scope == "agent" else ""
    lift: Child = None
    if not item.lifted_at and call.principal.may("supervisor"):
        own = item.person == call.principal.id
        lift = (
            tag("p", "You threw this stop, so somebody else lifts it.", class_="quiet small")
            if own
            else tag(
                "form",
                layout.token(call.principal),
                tag("label", "Why may work go on?", for_=f"reason-{item.stop_id}"),
                tag(
                    "input",
                    type="text",
                    id=f"reason-{item.stop_id}",
                    name="reason",
                    maxlength=500,
                    required=True,
                ),
                tag("div", tag("button", "Lift", type="submit", data_needs_server=True), class_="buttons"),
                method="post",
                action=f"/stops/{item.stop_id}/lift",
            )
        )
    by = telling.name_of(call, item.person) or item.person
    eased = [tag("li", _what(stage.scope, stage.target)) for stage in item.eased]
    return tag(
        "section",
        tag(
            "header",
            tag("h2", _what(item.scope, name or item.target)),
            parts.badge("lifted", "good") if item.lifted_at else parts.badge("in force", "bad"),
        ),
        tag("p", foreign(item.reason, 1_000)),
        tag("p", "Thrown by ", tag("bdi", by), " ", parts.moment(item.effective_at), class_="quiet small"),
        tag(
            "p",
            "Lifted by ",
            tag("bdi", telling.name_of(call, item.lifted_by) or item.lifted_by),
            " ",
            parts.moment(item.lifted_at),
            class_="quiet small",
        )
        if item.lifted_at
        else None,
        tag("p", "Lifted already for:", class_="quiet small") if eased else None,
        tag("ul", eased) if eased else None,
        lift,
        class_="card",
    )


def _throw(call: Call) -> Safe:
    options = [tag("option", text, value=name) for name, text in _SCOPES]
    return tag(
        "details",
        tag("summary", "Stop something"),
        tag(
            "form",
            layout.token(call.principal),
            tag("label", "What is to stop?", for_="scope"),
            tag("select", options, id="scope", name="scope"),
            tag("label", "Which? ", tag("span", "(not for everything)", class_="quiet"), for_="target"),
            tag(
                "input",
                type="text",
                id="target",
                name="target",
                maxlength=128,
                autocomplete="off",
                spellcheck="false",
            ),
            tag("label", "Why?", for_="reason"),
            tag("input", type="text", id="reason", name="reason", maxlength=500, required=True),
            tag("div", tag("button", "Stop it now", type="submit", class_="stop"), class_="buttons"),
            method="post",
            action="/stops",
        ),
        class_="card",
    )


async def stop_by_form(call: Call) -> Reply:
    """Throw a stop by form."""
    scope = call.form.get("scope", "")
    reason = call.form.get("reason", "").strip()[:500]
    if scope not in dict(_SCOPES) or not reason:
        raise Problem(422, "invalid_fields", "say what is to stop, and why")
    _, _, seq = await stopping.stop(call, scope, call.form.get("target", "").strip()[:128], reason)
    return replies.redirect(f"/stops?said=stopped&seq={seq}" if seq else "/stops?said=stopped_later")


async def lift_by_form(call: Call) -> Reply:
    """Lift a stop by form."""
    seq = await stopping.lift(call, call.path["stop"], call.form.get("reason", "").strip()[:500])
    return replies.redirect(f"/stops?said=lifted&seq={seq}")


# Agents --------------------------------------------------------------------------------------------------------------


async def show_agents(call: Call) -> Reply:
    """Agents, newest first."""
    await shown(call)
    rows, following = await lists.page(call, "agents", ("agent",), limit=PAGE)
    items = [agents.item(call, row) for row in rows]
    cells: list[tuple[Child, ...]] = [
        (
            tag("a", tag("bdi", item.name), href=f"/agents/{item.agent_id}"),
            item.type,
            parts.status_badge(item.state),
            f"{item.score} {item.tier.lower()}",
            item.tasks_open,
        )
        for item in items
    ]
    body = (
        table(("Name", "Type", "State", "Trust", "Tasks"), cells)
        if cells
        else layout.empty(
            "No agents yet", "Register one with POST /api/v1/agents/register or `watchfloor agent add`."
        )
    )
    return layout.page(
        call,
        "Agents",
        tag("h1", "Agents"),
        tag("section", body, class_="card") if cells else body,
        more("/agents", following),
        here="/agents",
    )


def _breaker(breaker: Breaker) -> str:
    """The breaker of an HTTP worker in words."""
    told = {"closed": "closed", "half_open": "half-open: the next task is a probe"}
    text = told.get(breaker.state) or "open: no task goes there for a minute"
    if not breaker.failures:
        return text
    return f"{text} ({breaker.failures} calls in a row without an answer, the last: {breaker.reason})"


async def show_agent(call: Call) -> Reply:
    """One agent: trust, what it may do, what it did lately."""
    subject, _ = await agents.find(call)
    row = await lists.viewed(call, "agents", "agent", subject)
    item = agents.item(call, row)
    rows, _ = await lists.page(call, "actions", ("action",), {"agent": subject}, limit=20)
    done = [actions.item(call, entry) for entry in rows]
    cells: list[tuple[Child, ...]] = [
        (
            tag("a", tag("bdi", one.type), href=f"/actions/{one.action_id}"),
            parts.status_badge(one.status),
            one.risk,
            parts.ago(one.decided_at, call.now),
        )
        for one in done
    ]
    return layout.page(
        call,
        item.name,
        tag("h1", tag("bdi", item.name)),
        tag(
            "p",
            parts.status_badge(item.state),
            parts.badge(item.type),
            parts.badge(item.structured_id),
            class_="badges",
        ),
        tag("section", tag("h2", "Trust"), parts.trust_meter(item.score, item.tier), class_="card"),
        tag(
            "section",
            tag("h2", "About"),
            parts.facts(
                (
                    ("Id", tag("code", item.agent_id)),
                    ("Owner", telling.name_of(call, item.owner) or item.owner),
                    ("Can", ", ".join(item.capabilities)),
                    ("Tools", ", ".join(item.tools) or "every tool"),
                    ("Version", item.version or "not named"),
                    ("Called at", tag("bdi", item.url) if item.url else "it connects by itself"),
                    *((("Breaker", _breaker(item.breaker)),) if item.breaker is not None else ()),
                    ("Registered", parts.moment(item.registered_at)),
                )
            ),
            class_="card",
        ),
        tag(
            "section",
            tag("h2", "Newest actions"),
            table(("Action", "Status", "Risk", "When"), cells)
            if cells
            else tag("p", "It has asked for nothing yet.", class_="quiet"),
            class_="card",
        ),
        here="/agents",
    )


# Tasks ---------------------------------------------------------------------------------------------------------------


async def show_tasks(call: Call) -> Reply:
    """Tasks, newest first."""
    await shown(call)
    rows, following = await lists.page(call, "tasks", ("task",), limit=PAGE)
    privates = await call.privates(row["submitted_seq"] for row in rows)
    items = [tasks.item(call, row, privates.get(row["submitted_seq"], {})) for row in rows]
    cells: list[tuple[Child, ...]] = [
        (
            tag("a", foreign(item.title or item.task_id, 120), href=f"/tasks/{item.task_id}"),
            parts.status_badge(item.status),
            item.priority,
            f"{item.attempts} of {item.attempts_max}",
            parts.ago(item.changed_at, call.now),
        )
        for item in items
    ]
    body = (
        table(("Task", "Status", "Priority", "Attempts", "Changed"), cells)
        if cells
        else layout.empty("No tasks yet", "Submit one with POST /api/v1/tasks or `watchfloor task submit`.")
    )
    return layout.page(
        call,
        "Tasks",
        tag("h1", "Tasks"),
        tag("section", body, class_="card") if cells else body,
        more("/tasks", following),
        here="/tasks",
    )


async def show_task(call: Call) -> Reply:
    """One task with its result, the platform's checks and its story."""
    detail = await tasks.detail(call)
    item = detail.task
    agent = telling.name_of(call, item.agent_id)
    return layout.page(
        call,
        item.title or item.task_id,
        tag("h1", foreign(item.title or item.task_id, 200)),
        tag(
            "p",
            parts.status_badge(item.status),
            parts.badge(item.priority),
            parts.badge(f"attempt {item.attempts} of {item.attempts_max}"),
            class_="badges",
        ),
        tag("section", tag("p", foreign(detail.description, 4_000)), class_="card")
        if detail.description
        else None,
        tag(
            "section",
            tag("h2", "About"),
            parts.facts(
                (
                    ("Id", tag("code", item.task_id)),
                    (
                        "Agent",
                        tag("a", tag("bdi", agent), href=f"/agents/{item.agent_id}")
                        if agent
                        else "nobody yet",
                    ),
                    ("Needs", ", ".join(item.needs) or "nothing in particular"),
                    ("Submitted", parts.moment(item.submitted_at)),
                    ("Reason", parts.words(item.reason) or "none"),
                )
            ),
            class_="card",
        ),
        tag("section", tag("h2", "Result"), parameters.tree(detail.result), class_="card")
        if detail.result is not None
        else None,
        checks.section(detail.criteria, detail.checks, detail.checks_detail),
        checks.rating(call, detail.review),
        tag("section", tag("h2", "The story"), parts.story(detail.timeline), class_="card"),
        here="/tasks",
    )


async def show_action(call: Call) -> Reply:
    """One action: what was asked, what the gate said, and what became of it."""
    detail = await actions.detail(call, call.path["action"])
    item = detail.action
    return layout.page(
        call,
        item.type,
        tag("h1", tag("bdi", f"{item.type}{f' with {item.tool}' if item.tool else ''}")),
        tag(
            "p",
            parts.status_badge(item.status),
            parts.risk_badge(item.risk, parts.band_of(item.risk)),
            parts.level_badge(item.level),
            class_="badges",
        ),
        tag("p", tag("a", "The decision on it", href=f"/inbox/{item.decision_id}", class_="button"))
        if item.decision_id
        else None,
        tag("section", tag("h2", "What was asked"), parameters.render(detail.params), class_="card"),
        tag("section", tag("h2", "What the gate said"), parts.trace(detail.trace), class_="card"),
        tag("section", tag("h2", "Risk"), parts.waterfall(detail.risk), class_="card"),
        tag("section", tag("h2", "The story"), parts.story(detail.timeline), class_="card"),
        here="/agents",
    )

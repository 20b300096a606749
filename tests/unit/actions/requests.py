"""Requests and evidence for tests of the gate: usual ones, with what a test says instead."""

from __future__ import annotations

from typing import Any

from tests.transcripts.world import START, World

from watchfloor.actions.derive import derive
from watchfloor.actions.gate import Gathered, Ruling, judge
from watchfloor.actions.messages import ActionDecided, Derived, Evidence, RequestAction
from watchfloor.actions.question import Question, ask
from watchfloor.actions.tables import build
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of
from watchfloor.policy.document import from_plain

AGENT = 7
ACTOR = Actor(kind="agent", id="agt_test", credential="key_test")
# An agent everybody trusts, doing what it did before: every rule passes for a read.
TRUSTED: dict[str, Any] = {
    "agent_state": 0,
    "scope_allows": True,
    "tool_permitted": True,
    "stops": (),
    "breaker_agent_until": 0,
    "breaker_tool_until": 0,
    "requests_1s": 0,
    "requests_5s": 0,
    "executed_10s": 0,
    "same_digest_60s": 0,
    "throttles_60s": 0,
    "spent_today_micro": 0,
    "tier": 4,
    "score": 850,
    "tasks_open": 0,
    "task_valid": True,
    "first_time": False,
    "failures_24h": 0,
    "auto_hour": 0,
    "requests_hour": 0,
    "standing": 0,
    "standing_until": 0,
    "of_type_before": 9,
}
# The same agent on its first day.
NEW: dict[str, Any] = TRUSTED | {"tier": 1, "score": 300, "first_time": True, "of_type_before": 0}


def seen(**fields: Any) -> Evidence:
    """Evidence about the trusted agent, with these fields instead."""
    return Evidence(**(TRUSTED | fields))


def policy(**sections: Any) -> Policy:
    """The default policy without its parameter factors, and these sections laid over it."""
    return from_plain({"factors": []} | sections)


_DERIVED = ("factors", "level_min", "violations", "held", "findings")


def question(
    cls: str = "read",
    *,
    rules: Policy | None = None,
    at: int = START,
    cost_micro: int = 0,
    task: int = 0,
    agent: int = AGENT,
    observed: bool = False,
    **fields: Any,
) -> Question:
    """What the gate is asked about an action of a class by the trusted agent; `factors` etc. go into the derived facts."""
    derived = {key: fields.pop(key) for key in _DERIVED if key in fields}
    tables = build(rules or policy())
    return ask(
        tables, Derived(cls, **derived), seen(**fields), at, cost_micro, task, agent, observed=observed
    )


def ruling(cls: str = "read", **fields: Any) -> Ruling:
    """The ruling on it."""
    return judge(question(cls, **fields))


def names(answer: Ruling) -> dict[str, tuple[str, int]]:
    """The rules that did not pass, with (answer, level)."""
    return {name: (kind, level) for name, kind, level in answer.failed}


def derived(
    params: object = None, *, type_name: str = "file.read", tool: str = "", rules: Policy | None = None
) -> Derived:
    """What is derived from a request."""
    return derive(build(rules or policy()), type_name, tool, params)


def request(
    world: World, rules: Policy | None = None, evidence: Evidence | None = None, **fields: Any
) -> ActionDecided:
    """The ruling on a request as it is recorded; by default a trusted agent's read."""
    document = rules or policy()
    usual: dict[str, Any] = {
        "agent": AGENT,
        "type": "file.read",
        "params": {"path": "README.md"},
        "action": b'{"params":{"path":"README.md"},"tool":"","type":"file.read"}',
        "salt": b"s" * 32,
        "private": b'{"action":{},"reason":"","salt":""}',
    }
    gathered = Gathered(
        policy=document,
        policy_version=1,
        policy_digest=digest_of(document),
        evidence=evidence or seen(),
        touched=fields.pop("touched", ()),
    )
    (event,) = world.perform(RequestAction(**(usual | fields)), ACTOR, gathered)
    assert isinstance(event.facts, ActionDecided)
    return event.facts

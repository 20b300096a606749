"""What the gate derives from the private parameters, to be recorded in their place (spec 03 §3.1, DESIGN 2b.1).

Theory of operation
-------------------
Rules may not look at parameters, which can be erased; they look at `Derived`: the action's class, the named risk
factors that hold, the level these demand, and the envelope's violations by name. No value of a parameter gets into
it. The class is the strictest that the policy gives to the type, the tool or a host; a tool stricter than the type
declared beside it is a *mismatch*: the class is `unknown`, and the factor `type_tool_mismatch` records the anomaly.

Doubt always goes to the strict side: a value that cannot be compared with a condition makes the condition hold (it
can only add risk), a limited parameter that is not a number exceeds its limit, a host or path that can be read in
two ways is a violation. Names of parameters are compared without case, values in lists one by one.
"""

from __future__ import annotations

from typing import Any

from watchfloor.actions import conditions, targets
from watchfloor.actions.messages import Derived
from watchfloor.actions.names import fold, folders, host_of, invisible, path_of, skeleton, zones
from watchfloor.actions.parameters import Found, Steps, holds_all, lower, values
from watchfloor.actions.tables import UNKNOWN, Tables, of
from watchfloor.actions.targets import Target
from watchfloor.kernel.compliance import Asked, Finding
from watchfloor.kernel.terms import Policy

Held = tuple[tuple[str, int], ...]
MISMATCH = "type_tool_mismatch"


def derive(
    tables: Tables, type_name: str, tool: str, params: object, salt: bytes = b"", agent: int = 0
) -> Derived:
    """Class, factors and violations of a request. `type_name` and `tool` as the agent wrote them; total.

    `salt` is the action's: digests of targets are made with it; zones are made for `agent`.
    """
    action_type, tool_name = fold(type_name), fold(tool)
    plain = (
        action_type.isascii()
        and action_type.isprintable()
        and tool_name.isascii()
        and tool_name.isprintable()
    )
    violations: list[str] = []
    if not plain and (_ambiguous(tables, action_type) or _ambiguous(tables, tool_name)):
        violations.append("ambiguous_name")
    if action_type in tables.forbidden_types:
        violations.append("forbidden_type")
    if tool_name in tables.forbidden_tools:
        violations.append("forbidden_tool")
    cls, factors = _class_by_name(tables, action_type, tool_name)
    level_min = 0
    touched: list[Target] = []
    lowered = lower(params)
    if not tables.host_names.isdisjoint(lowered):
        cls = _hosts(tables, lowered, cls, violations, touched)
    elif tables.allowed_hosts and cls == "external_api":
        violations.append("host_unnamed")
    if not tables.path_names.isdisjoint(lowered):
        _paths(tables, lowered, violations, touched)
    if tables.caps:
        _caps(tables, lowered, violations)
    for weight in tables.weights:
        if (not weight.needs or weight.needs in lowered) and holds_all(weight.tests, lowered):
            factors = (*factors, (weight.name, weight.points))
            level_min = max(level_min, weight.level_min)
    held: Held = ()
    findings: tuple[Finding, ...] = ()
    if tables.judges:  # trees of conditions, the organisation's rules and packs: most policies have none
        names = (action_type, tool_name, cls)
        more, least = _weighed_by_trees(tables, lowered, names)
        factors, level_min = (*factors, *more), max(level_min, least)
        held, findings = _judged(tables, lowered, names)
    if not violations and not touched and not held and not findings:
        return Derived(cls, factors, level_min)
    return Derived(
        cls,
        factors,
        level_min,
        tuple(dict.fromkeys(violations)),
        targets.digests(touched, salt),
        targets.zones_of(touched, agent),
        held,
        findings,
    )


def _weighed_by_trees(
    tables: Tables, params: dict[str, Any], names: conditions.Names
) -> tuple[list[tuple[str, int]], int]:
    """Factors with groups of conditions that hold, and the level these demand."""
    found = [weight for tree, weight in tables.trees if conditions.held(tree, params, names)]
    return [(weight.name, weight.points) for weight in found], max((w.level_min for w in found), default=0)


def _judged(
    tables: Tables, params: dict[str, Any], names: conditions.Names
) -> tuple[Held, tuple[Finding, ...]]:
    """What the organisation's rules saw of the request, and what packs found in it."""
    asked = Asked(*names, params)
    findings = tuple(finding for pack in tables.packs for finding in pack.judge(asked))
    return conditions.masks(tables.domain, params, names), findings


def _ambiguous(tables: Tables, name: str) -> bool:
    """Could a person take the folded name for another one that the policy knows, or not see all of it?"""
    return invisible(name) or (name not in tables.known and skeleton(name) in tables.shapes)


def _class_by_name(tables: Tables, action_type: str, tool: str) -> tuple[str, tuple[tuple[str, int], ...]]:
    cls = tables.types.get(action_type, UNKNOWN)
    if tool:
        by_tool = tables.tools.get(tool)
        if by_tool is not None and tables.bases[by_tool] > tables.bases[cls]:
            return UNKNOWN, ((MISMATCH, 0),)
    return cls, ()


def _hosts(
    tables: Tables, params: dict[str, Any], cls: str, violations: list[str], touched: list[Target]
) -> str:
    """Check every host against the envelope; the strictest class of action class and hosts."""
    named = False
    for steps in tables.host_fields:
        for value in _each(params, steps, violations, "ambiguous_host"):
            named = True
            host = host_of(value)
            if host is None:
                violations.append("ambiguous_host")
                continue
            touched.append(targets.host(host))
            inside = zones(host)
            if not tables.forbidden_hosts.isdisjoint(inside):
                violations.append("forbidden_host")
            if tables.allowed_hosts and tables.allowed_hosts.isdisjoint(inside):
                violations.append("host_not_allowed")
            for zone in inside:
                by_host = tables.hosts.get(zone)
                if by_host is not None and tables.bases[by_host] > tables.bases[cls]:
                    cls = by_host
    if tables.allowed_hosts and not named and cls == "external_api":
        violations.append("host_unnamed")
    return cls


def _paths(tables: Tables, params: dict[str, Any], violations: list[str], touched: list[Target]) -> None:
    for steps in tables.path_fields:
        for value in _each(params, steps, violations, "ambiguous_path"):
            path = path_of(value)
            if path is None:
                violations.append("ambiguous_path")
            else:
                touched.append(targets.path(path))
                violations.extend(_outside(tables, path))


def path_violations(tables: Tables, text: str) -> tuple[str, ...]:
    """What the envelope has against a path, by name."""
    path = path_of(text)
    return ("ambiguous_path",) if path is None else _outside(tables, path)


def _outside(tables: Tables, path: str) -> tuple[str, ...]:
    """The same of a normal path."""
    found = []
    if not tables.forbidden_paths.isdisjoint(folders(fold(path))):
        found.append("forbidden_path")
    if tables.allowed_paths and tables.allowed_paths.isdisjoint(folders(path)):
        found.append("path_not_allowed")
    return tuple(found)


def _each(params: dict[str, Any], steps: Steps, violations: list[str], ambiguous: str) -> list[str]:
    """The texts under a field; anything else that is there is ambiguous. Null is nothing."""
    found = values(params, steps)
    if found is None:
        violations.append(ambiguous)
        return []
    texts = []
    for value in found:
        if isinstance(value, str):
            texts.append(value)
        elif value is not None:
            violations.append(ambiguous)
    return texts


def _caps(tables: Tables, params: dict[str, Any], violations: list[str]) -> None:
    for cap in tables.caps:
        if cap.steps[0] in params:
            _capped(values(params, cap.steps), cap.name, cap.value_max, violations)


def _capped(found: Found, name: str, value_max: int, violations: list[str]) -> None:
    """Hard limits: above, below zero and unreadable are one name each, so that people see which."""
    if found is None:
        violations.append(f"limit:{name}")
        return
    for value in found:
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            violations.append(f"unreadable:{name}")
        elif value < 0:
            violations.append(f"negative:{name}")
        elif value > value_max:
            violations.append(f"limit:{name}")


# Targets -------------------------------------------------------------------------------------------------------------


def target_allowed(policy: Policy, digest: str, target: str) -> bool:
    """May an execution touch the target its executor attests? An absolute path, or a host or address (DESIGN 2b.11).

    An address is held against forbidden hosts only: allow-lists name hosts, and which name it was resolved from
    nobody here can know. No target attested is nothing to object to.
    """
    tables = of(policy, digest)
    if not target:
        return True
    if target.startswith("/"):
        return not path_violations(tables, target)
    host = host_of(target)
    if host is None:
        return False
    inside = zones(host)
    allowed = not tables.allowed_hosts or not tables.allowed_hosts.isdisjoint(inside)
    address = len(inside) == 1 and host not in tables.allowed_hosts and ("." in host or ":" in host)
    return tables.forbidden_hosts.isdisjoint(inside) and (allowed or address)

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

from collections.abc import Callable
from typing import Any

from watchfloor.actions import targets
from watchfloor.actions.messages import Derived
from watchfloor.actions.names import fold, folders, host_of, invisible, path_of, skeleton, zones
from watchfloor.actions.tables import UNKNOWN, Steps, Tables, Test, Weight, of
from watchfloor.actions.targets import Target
from watchfloor.kernel.terms import Policy

MISMATCH = "type_tool_mismatch"
# Values looked at under one field; more than that is not read but taken as the worst (hostile lists stay cheap).
VALUES_MAX = 256
_Found = list[Any] | None  # None: more than VALUES_MAX


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
    lowered = _lowered(params)
    if not tables.host_names.isdisjoint(lowered):
        cls = _hosts(tables, lowered, cls, violations, touched)
    elif tables.allowed_hosts and cls == "external_api":
        violations.append("host_unnamed")
    if not tables.path_names.isdisjoint(lowered):
        _paths(tables, lowered, violations, touched)
    for cap in tables.caps:
        if cap.steps[0] in lowered:
            _capped(_values(lowered, cap.steps), cap.name, cap.value_max, violations)
    for weight in tables.weights:
        if (not weight.needs or weight.needs in lowered) and _holds_all(weight, lowered):
            factors = (*factors, (weight.name, weight.points))
            level_min = max(level_min, weight.level_min)
    if not violations and not touched:
        return Derived(cls, factors, level_min)
    return Derived(
        cls,
        factors,
        level_min,
        tuple(dict.fromkeys(violations)),
        targets.digests(touched, salt),
        targets.zones_of(touched, agent),
    )


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
    found = _values(params, steps)
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


def _capped(found: _Found, name: str, value_max: int, violations: list[str]) -> None:
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


# Parameters ---------------------------------------------------------------------------------------------------------


def _lowered(params: object) -> dict[str, Any]:
    """The parameters with their outermost names in lower case, where they are not (`URL` must not hide from `url`).

    A list of objects is taken for all of them at once; other parameters have no names to look under.
    """
    if isinstance(params, dict):
        for key in params:
            if not key.islower():
                return _merged([params])
        return params
    return _merged(params) if isinstance(params, list) else {}


def _merged(objects: list[Any]) -> dict[str, Any]:
    merged: dict[str, list[Any]] = {}
    for one in objects:
        for key, value in one.items() if isinstance(one, dict) else ():
            merged.setdefault(key.lower(), []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in merged.items()}


def _values(params: dict[str, Any], steps: Steps) -> _Found:
    """Every value under a dotted path, through lists; the outermost names of `params` are lower case already."""
    value = params.get(steps[0], _ABSENT)
    if value is _ABSENT:
        return []
    if len(steps) == 1 and not isinstance(value, list):
        return [value]
    found: list[Any] = []
    return found if _walk(value, steps, 1, found) else None


_ABSENT = object()


def _walk(value: Any, steps: Steps, depth: int, found: list[Any]) -> bool:
    """Collect what lies under `steps[depth:]`. False when it is too much."""
    if isinstance(value, list):
        return len(value) <= VALUES_MAX and all(_walk(item, steps, depth, found) for item in value)
    if depth == len(steps):
        found.append(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.lower() == steps[depth] and not _walk(item, steps, depth + 1, found):
                return False
    return len(found) <= VALUES_MAX


# Conditions -----------------------------------------------------------------------------------------------------------


def _holds_all(weight: Weight, params: dict[str, Any]) -> bool:
    for test in weight.tests:  # noqa: SIM110 - a generator for each factor costs more than the tests
        if not _holds(test, _values(params, test.steps)):
            return False
    return True


def _holds(test: Test, found: _Found) -> bool:
    """Does one of the values satisfy the condition? What cannot be compared does; what is absent or null does not."""
    if found is None:
        return True
    if test.op == "exists":
        return bool(found) is (test.value is not False)
    compare = _COMPARE.get(test.op)
    return any(value is not None and (compare is None or compare(value, test.value)) for value in found)


def _same(value: Any, wanted: Any) -> bool | None:
    """Equality of like kinds; None when the kinds differ. True is not 1."""
    if isinstance(value, str) and isinstance(wanted, str):
        return fold(value) == wanted
    if type(value) is type(wanted):
        return bool(value == wanted)
    return None


def _ordered(compare: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, wanted: Any) -> bool:
        comparable = type(value) is int and type(wanted) is int
        return not comparable or compare(value, wanted)

    return holds


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: _same(value, wanted) is not False,
    "ne": lambda value, wanted: _same(value, wanted) is not True,
    "gt": _ordered(lambda value, wanted: value > wanted),
    "ge": _ordered(lambda value, wanted: value >= wanted),
    "lt": _ordered(lambda value, wanted: value < wanted),
    "le": _ordered(lambda value, wanted: value <= wanted),
    "in": lambda value, wanted: not isinstance(value, str) or fold(value) in wanted,
    "prefix": lambda value, wanted: not isinstance(value, str) or fold(value).startswith(wanted),
}


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

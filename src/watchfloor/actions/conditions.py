"""Trees of typed conditions, ready to be asked, and the organisation's rules made of them (spec 03 §3.6).

Theory of operation
-------------------
A rule may look at parameters, which can be erased, and at the evidence of a ruling, which is recorded. So it is asked twice:
where facts are derived from a request, every comparison of parameters and names that holds sets its bit (`masks`), and the
bits are recorded under the rule's name, if the rule can hold at all; the gate then asks the rule of the bits and the evidence
(`biting`), and can do so again at any time. There is no negation, so a rule of which nothing was recorded does not hold
unless evidence alone makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from watchfloor.actions.messages import Derived, Evidence
from watchfloor.actions.names import fold
from watchfloor.actions.parameters import COMPARE, Steps, Test, holds, values
from watchfloor.kernel.conditions import ACTION, AGENT, NAMED, PARAMETERS, Condition, DomainRule, sentence

Names = tuple[str, str, str]  # folded type and tool, and the class
_NAMES = {"type": 0, "tool": 1, "class": 2}
# What evidence answers: the agent's numbers by their places in the evidence.
_OF_AGENT: dict[str, Callable[[Evidence], int]] = {
    "trust": lambda seen: seen.score,
    "tier": lambda seen: seen.tier,
    "actions_of_type": lambda seen: seen.of_type_before,
    "failures_24h": lambda seen: seen.failures_24h,
    "tasks_open": lambda seen: seen.tasks_open,
    "requests_hour": lambda seen: seen.requests_hour,
}


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """One comparison. `bit` is its place among those of its rule."""

    of: str
    field: str
    test: Test
    bit: int

    @property
    def recorded(self) -> bool:
        """Is it answered where the request is, and its answer recorded?"""
        return self.of == PARAMETERS or (self.of == ACTION and self.field in NAMED)


class Group(msgspec.Struct, frozen=True):
    """All of the parts, or any."""

    every: bool
    parts: tuple[Leaf | Group, ...]


class Compiled(msgspec.Struct, frozen=True):
    """A rule of the organisation. `asked`: its comparisons that are answered where the request is; `said`: its sentence."""

    name: str
    deny: bool
    level: int
    tree: Group
    asked: tuple[Leaf, ...]
    needs: str  # an outermost parameter without which it cannot hold, or empty
    said: str


def test_of(condition: Condition) -> Test:
    """The comparison with its texts folded; names of parameters are compared in lower case."""
    value = condition.value
    if isinstance(value, str):
        value = fold(value)
    elif isinstance(value, tuple):
        value = tuple(map(fold, value))
    return Test(steps_of(condition.field), condition.op, value)


def steps_of(field: str) -> Steps:
    """A dotted path as steps."""
    return tuple(field.lower().split("."))


def tree_of(when: tuple[Condition, ...]) -> Group:
    """All of the conditions as one tree."""
    count = 0

    def part(one: Condition) -> Leaf | Group:
        nonlocal count
        if one.all or one.any:
            return Group(bool(one.all), tuple(part(inner) for inner in one.all or one.any))
        count += 1
        return Leaf(one.of, one.field, test_of(one), 1 << (count - 1))

    return Group(True, tuple(part(one) for one in when))


def compiled(rule: DomainRule) -> Compiled:
    tree = tree_of(rule.when)
    asked = tuple(leaf for leaf in _leaves(tree) if leaf.recorded)
    present = (
        part.test.steps[0]
        for part in tree.parts
        if isinstance(part, Leaf) and part.of == PARAMETERS and not _absence(part.test)
    )
    return Compiled(
        rule.name, rule.then == "deny", rule.level, tree, asked, next(present, ""), sentence(rule.when)
    )


def _absence(test: Test) -> bool:
    """Only the absence of a parameter is satisfied by its absence."""
    return test.op == "exists" and test.value is False


def _leaves(tree: Group) -> list[Leaf]:
    found: list[Leaf] = []
    for part in tree.parts:
        found += [part] if isinstance(part, Leaf) else _leaves(part)
    return found


def _true(node: Leaf | Group, leaf: Callable[[Leaf], bool]) -> bool:
    if isinstance(node, Leaf):
        return leaf(node)
    for part in node.parts:
        if _true(part, leaf) is not node.every:
            return not node.every
    return node.every


def _of_request(leaf: Leaf, params: dict[str, Any], names: Names) -> bool:
    if leaf.of == PARAMETERS:
        return holds(leaf.test, values(params, leaf.test.steps))
    return holds(leaf.test, [names[_NAMES[leaf.field]]])


def held(tree: Group, params: dict[str, Any], names: Names) -> bool:
    """Does a tree hold that looks at the request alone?"""
    return _true(tree, lambda leaf: _of_request(leaf, params, names))


def masks(rules: tuple[Compiled, ...], params: dict[str, Any], names: Names) -> tuple[tuple[str, int], ...]:
    """What is recorded of a request: of each rule that may hold, which comparisons of the request do."""
    found = []
    for rule in rules:
        if rule.needs and rule.needs not in params:
            continue
        mask = 0
        for leaf in rule.asked:
            if _of_request(leaf, params, names):
                mask |= leaf.bit
        if mask and _true(rule.tree, lambda leaf, mask=mask: bool(leaf.bit & mask) or not leaf.recorded):  # type: ignore[misc]
            found.append((rule.name, mask))
    return tuple(found)


def biting(
    rules: tuple[Compiled, ...], derived: Derived, seen: Evidence, risk: int, cost_micro: int
) -> tuple[Compiled, ...]:
    """The rules that hold, from what was recorded."""
    recorded = dict(derived.held)

    def evidence(leaf: Leaf) -> bool:
        if leaf.of == AGENT:
            value = _OF_AGENT[leaf.field](seen)
        else:
            value = risk if leaf.field == "risk" else cost_micro
        return COMPARE[leaf.test.op](value, leaf.test.value)

    def bites(rule: Compiled) -> bool:
        mask = recorded.get(rule.name, 0)
        return _true(rule.tree, lambda leaf: bool(mask & leaf.bit) if leaf.recorded else evidence(leaf))

    return tuple(rule for rule in rules if bites(rule))


def certain(rules: tuple[Compiled, ...], names: Names, risk: int) -> tuple[bool, int]:
    """(denied?, level) that rules come to whatever the parameters and the agent are.

    For an action that was judged before the rules were there: comparisons of what is not at hand count as not holding, and
    without negation what holds even so holds.
    """

    def known(leaf: Leaf) -> bool:
        if leaf.of != ACTION:
            return False
        if leaf.field in NAMED:
            return holds(leaf.test, [names[_NAMES[leaf.field]]])
        return leaf.field == "risk" and COMPARE[leaf.test.op](risk, leaf.test.value)

    found = [rule for rule in rules if _true(rule.tree, known)]
    return any(rule.deny for rule in found), max((rule.level for rule in found if not rule.deny), default=0)

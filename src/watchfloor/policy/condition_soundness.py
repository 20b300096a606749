"""What conditions, rules of the organisation, modes and packs must satisfy beyond their types (spec 03 §3.6, §3.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from watchfloor.kernel.compliance import PACKS, in_force
from watchfloor.kernel.conditions import (
    ACTION,
    ANSWERS,
    CONDITION_DEPTH_MAX,
    CONDITIONS_MAX,
    LIST_MAX,
    NAMED,
    OPERATORS,
    ORDERED,
    PARAMETERS,
    RULES_MAX,
    SUBJECTS_OF,
    Condition,
    leaves,
)
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.limits import NAME_CHARS_MAX
from watchfloor.kernel.loosening import plain
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.mode_terms import MODES, NAMED_MAX, observing
from watchfloor.kernel.strict import pointer_escape
from watchfloor.kernel.terms import PLATFORM_TYPES, Policy
from watchfloor.policy.faults import Fault

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELD = re.compile(r"[!-~]{1,128}")
_TEXTUAL = ("eq", "ne", "in", "prefix")


def conditions(path: str, when: tuple[Condition, ...], *, evidence: bool) -> Iterator[Fault]:
    """The faults of a list of conditions. `evidence`: may they look at risk and the agent? Factors, which make the risk, not."""
    if not when:
        yield Fault(path, "takes at least one condition")
        return
    if not _shallow(when, CONDITION_DEPTH_MAX):
        yield Fault(path, f"groups lie at most {CONDITION_DEPTH_MAX} deep")
    elif len(leaves(when)) > CONDITIONS_MAX:
        yield Fault(path, f"at most {CONDITIONS_MAX} comparisons in all")
    else:
        for number, one in enumerate(when):
            yield from _condition(f"{path}/{number}", one, evidence=evidence)


def _shallow(when: tuple[Condition, ...], depth: int) -> bool:
    inner = [group for one in when for group in (one.all, one.any) if group]
    return not inner or (depth > 0 and all(_shallow(group, depth - 1) for group in inner))


def _condition(path: str, one: Condition, *, evidence: bool) -> Iterator[Fault]:
    kinds = [bool(one.field), bool(one.all), bool(one.any)]
    if sum(kinds) != 1:
        yield Fault(
            path if any(kinds) else f"{path}/field",
            "has a field to compare, or `all`, or `any`: exactly one of them",
        )
        return
    if one.field:
        yield from _comparison(path, one, evidence=evidence)
        return
    for name, given in (
        ("op", one.op != "exists"),
        ("value", one.value is not None),
        ("of", one.of != PARAMETERS),
    ):
        if given:
            yield Fault(f"{path}/{name}", "belongs to a comparison, not to a group")
    for group in ("all", "any"):
        for number, inner in enumerate(getattr(one, group)):
            yield from _condition(f"{path}/{group}/{number}", inner, evidence=evidence)


def _comparison(path: str, one: Condition, *, evidence: bool) -> Iterator[Fault]:
    if one.of not in SUBJECTS_OF:
        yield Fault(f"{path}/of", f"one of {', '.join(SUBJECTS_OF)}")
        return
    if one.op not in OPERATORS:
        yield Fault(f"{path}/op", f"one of {', '.join(OPERATORS)}")
        return
    if one.of == PARAMETERS:
        if not _FIELD.fullmatch(one.field) or "" in one.field.split("."):
            yield Fault(f"{path}/field", "a dotted path of parameter names")
    elif one.of == ACTION and one.field in NAMED:
        if one.op not in _TEXTUAL:
            yield Fault(f"{path}/op", f"of a name, one of {', '.join(_TEXTUAL)}")
        elif not isinstance(one.value, str | tuple):
            yield Fault(f"{path}/value", "of a name, a text or a list of texts")
    else:
        yield from _evidence(path, one, allowed=evidence)
        return
    if not _fits(one):
        yield Fault(f"{path}/value", f"does not fit the operator {one.op}")
    elif isinstance(one.value, tuple) and len(one.value) > LIST_MAX:
        yield Fault(f"{path}/value", f"at most {LIST_MAX} members")


def _evidence(path: str, one: Condition, *, allowed: bool) -> Iterator[Fault]:
    strict = ORDERED.get((one.of, one.field))
    if strict is None:
        known = [name for who, name in ORDERED if who == one.of] + (sorted(NAMED) if one.of == ACTION else [])
        yield Fault(f"{path}/field", f"of the {one.of}, one of {', '.join(known)}")
    elif not allowed:
        yield Fault(f"{path}/field", "is known only when the risk is: use a rule, not a factor")
    elif one.op not in strict:
        # Law *Monotone oversight*: more trust or less risk never demands more.
        yield Fault(
            f"{path}/op",
            f"of {one.field.replace('_', ' ')}, one of {', '.join(strict)}: the other way would turn oversight around",
        )
    elif not isinstance(one.value, int) or isinstance(one.value, bool):
        yield Fault(f"{path}/value", "a number")


def _fits(one: Condition) -> bool:
    op, value = one.op, one.value
    if op in ("eq", "ne"):
        return value is not None and not isinstance(value, tuple)
    if op == "in":
        return isinstance(value, tuple) and bool(value)
    if op == "exists":
        return value is None or isinstance(value, bool)
    if op == "prefix":
        return isinstance(value, str) and bool(value)
    return isinstance(value, int) and not isinstance(value, bool)


def rules(document: Policy) -> Iterator[Fault]:
    """The organisation's own rules."""
    names = [rule.name for rule in document.rules]
    if len(names) > RULES_MAX:
        yield Fault("/rules", f"at most {RULES_MAX}")
        return
    for index, rule in enumerate(document.rules):
        path = f"/rules/{index}"
        if not _WORD.fullmatch(rule.name) or names.count(rule.name) > 1:
            yield Fault(f"{path}/name", "is a word of its own in lower-case letters, digits and underscores")
        if rule.then not in ANSWERS:
            yield Fault(f"{path}/then", f"one of {', '.join(ANSWERS)}")
        if not 1 <= rule.level <= 4:
            yield Fault(f"{path}/level", "lies between 1 and 4")
        yield from conditions(f"{path}/when", rule.when, evidence=True)


def modes(document: Policy) -> Iterator[Fault]:
    """Modes and packs, and that no pack in force forbids what the modes say."""
    terms = document.modes
    if terms.organisation not in MODES:
        yield Fault("/modes/organisation", f"one of {', '.join(MODES)}")
    for section, names in (("agents", terms.agents), ("types", terms.types)):
        if len(names) > NAMED_MAX:
            yield Fault(f"/modes/{section}", f"at most {NAMED_MAX}")
        for name, mode in names.items():
            place = f"/modes/{section}/{pointer_escape(name)}"
            if mode not in MODES:
                yield Fault(place, f"one of {', '.join(MODES)}")
            yield from _named(place, section, name)
    packs = document.compliance.packs
    for index, name in enumerate(packs):
        if name not in PACKS or packs.count(name) > 1:
            yield Fault(f"/compliance/packs/{index}", f"once, one of {', '.join(sorted(PACKS))}")
    for pack in in_force(document.compliance):
        if observing(terms) and not pack.observable:
            yield Fault("/modes", f"the pack {pack.name} forbids observing: its actions wait for people")


def agent_named(place: str, name: str) -> Iterator[Fault]:
    """A key that names an agent does so by its public id."""
    try:
        parse_id(name, "agent")
    except Refused:
        yield Fault(place, "the public id of an agent (agt_…)")


def _named(place: str, section: str, name: str) -> Iterator[Fault]:
    if section == "agents":
        yield from agent_named(place, name)
    elif not 0 < len(name) <= NAME_CHARS_MAX or not plain(name) or not name.isprintable():
        yield Fault(place, "names are compared folded, without blanks at their ends: write it so")
    elif name in PLATFORM_TYPES:
        yield Fault(place, "is carried out by the platform, and held in every mode")

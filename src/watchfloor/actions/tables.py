"""A policy document as the gate looks things up in it (spec 03 §3.1, §3.6).

Building takes a fraction of a millisecond and depends on the document alone, so it is done once per digest and kept
(`of`). Everything an agent writes is compared with folded names, host zones and path components from here.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

import msgspec

from watchfloor.actions.conditions import Compiled, Group, compiled, steps_of, test_of, tree_of
from watchfloor.actions.names import fold, path_of, skeleton
from watchfloor.actions.parameters import Steps, Test
from watchfloor.kernel.compliance import CompliancePack, in_force
from watchfloor.kernel.conditions import PARAMETERS, Condition
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.mode_terms import observing
from watchfloor.kernel.rate_terms import highest
from watchfloor.kernel.runaway_terms import Pace, RunawayLimits, pace
from watchfloor.kernel.terms import Factor, Policy

_Said = TypeVar("_Said")
UNKNOWN = "unknown"
_KEPT = 8  # documents: the active one, its predecessor, a few shadows and backtests


class Weight(msgspec.Struct, frozen=True, gc=False):
    """A parameter factor: when all tests hold, `points` of risk and at least `level_min`.

    `needs`: the outermost parameter without which it cannot hold, "" when it can.
    """

    name: str
    tests: tuple[Test, ...]
    points: int
    level_min: int
    needs: str


class Cap(msgspec.Struct, frozen=True, gc=False):
    """A hard parameter limit."""

    name: str
    steps: Steps
    value_max: int


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """One policy, compiled. Durations in µs where the gate adds them to instants."""

    policy: Policy
    types: dict[str, str]
    tools: dict[str, str]
    hosts: dict[str, str]
    known: frozenset[str]
    shapes: frozenset[str]  # skeletons of the known names
    bases: dict[str, int]
    host_fields: tuple[Steps, ...]
    path_fields: tuple[Steps, ...]
    host_names: frozenset[str]  # the fields' first steps: without one of them there is nothing to look for
    path_names: frozenset[str]
    weights: tuple[Weight, ...]
    caps: tuple[Cap, ...]
    forbidden_types: frozenset[str]
    forbidden_tools: frozenset[str]
    forbidden_hosts: frozenset[str]
    allowed_hosts: frozenset[str]
    forbidden_paths: frozenset[str]
    allowed_paths: frozenset[str]
    levels: tuple[int, int, int, int]  # by band
    execution_ms: dict[str, int]
    grant_us: int
    # Numbers the rules compare with, flat because the gate reads every one of them on every request.
    pace: Pace  # of all agents without limits of their own
    spend_micro: int
    tasks: tuple[int, ...]  # by tier
    score_min: int
    band_max: int  # highest band that may run unasked
    auto_hour: int
    hour_from: int
    hour_to: int
    supervised: int  # 0: no bootstrap
    score_base: int  # what everybody begins with
    requests_hour: int
    novel_after: int  # 0: a new target is nothing unusual
    # What few policies have: factors with groups, the organisation's rules, packs; and modes.
    judges: bool
    trees: tuple[tuple[Group, Weight], ...]
    domain: tuple[Compiled, ...]
    packs: tuple[CompliancePack, ...]
    prohibited: frozenset[str]
    observing: bool  # may anything be observed?
    agent_modes: dict[int, str]
    type_modes: dict[str, str]
    paced: bool  # has any agent, or type of agents, limits of its own?
    agent_paces: dict[int, RunawayLimits]
    type_paces: dict[str, RunawayLimits]

    def pace_of(self, agent: int, agent_type: str) -> Pace:
        """What is a runaway of this agent (spec 3.3): its own limits, those of its type, those of all."""
        if not self.paced:
            return self.pace
        return pace(self.policy.runaway, self.agent_paces.get(agent), self.type_paces.get(agent_type))


def build(policy: Policy) -> Tables:
    """The tables of a document. Classes nobody defined are `unknown`, and `unknown` is never below another class."""
    envelope = policy.envelope
    bases = {name: terms.base for name, terms in policy.classes.items()}
    bases[UNKNOWN] = max([100 if UNKNOWN not in bases else 0, *bases.values()])
    forbidden_types = frozenset(map(fold, envelope.forbidden_types))
    forbidden_tools = frozenset(map(fold, envelope.forbidden_tools))
    known = forbidden_types | forbidden_tools | {fold(name) for name in (*policy.types, *policy.tools)}
    levels = policy.levels
    packs = in_force(policy.compliance)
    trees = tuple((tree_of(one.when), _weight(one, ())) for one in policy.factors if not _flat(one))
    return Tables(
        policy=policy,
        types=_mapping(policy.types, bases),
        tools=_mapping(policy.tools, bases),
        hosts=_mapping(policy.hosts, bases),
        known=known,
        shapes=frozenset(map(skeleton, known)),
        bases=bases,
        host_fields=tuple(map(steps_of, policy.host_fields)),
        path_fields=tuple(map(steps_of, policy.path_fields)),
        host_names=frozenset(steps_of(field)[0] for field in policy.host_fields),
        path_names=frozenset(steps_of(field)[0] for field in policy.path_fields),
        weights=tuple(
            _weight(factor, tuple(map(test_of, factor.when))) for factor in policy.factors if _flat(factor)
        ),
        caps=tuple(Cap(cap.name, steps_of(cap.field), cap.value_max) for cap in envelope.parameter_limits),
        forbidden_types=forbidden_types,
        forbidden_tools=forbidden_tools,
        forbidden_hosts=frozenset(map(_zone, envelope.forbidden_hosts)),
        allowed_hosts=frozenset(map(_zone, envelope.allowed_hosts)),
        # Forbidding folds case and width (stricter); allowing takes the very spelling (stricter, too).
        forbidden_paths=frozenset(fold(path_of(path) or path) for path in envelope.forbidden_paths),
        allowed_paths=frozenset(path_of(path) or path for path in envelope.allowed_paths),
        levels=(levels.low, levels.medium, levels.high, levels.critical),
        execution_ms={name: terms.execution_timeout_ms for name, terms in policy.classes.items()},
        grant_us=policy.grant_ms * MILLISECOND,
        pace=pace(policy.runaway),
        spend_micro=envelope.spend_per_day_micro,
        tasks=policy.trust.tasks_per_tier,
        score_min=policy.auto.score_min,
        band_max=1 if policy.auto.medium_allowed else 0,
        auto_hour=policy.auto.per_hour,
        hour_from=policy.auto.usual_hour_from,
        hour_to=policy.auto.usual_hour_to,
        supervised=policy.auto.bootstrap_actions,
        score_base=policy.trust.base,
        # Half an hour at the largest of the per-minute rates, within one hour: more is an unusual volume (rule 9).
        requests_hour=30 * highest(policy.rates),
        novel_after=policy.auto.novel_after_zones,
        judges=bool(trees or policy.rules or packs),
        trees=trees,
        domain=tuple(map(compiled, policy.rules)),
        packs=packs,
        prohibited=frozenset(kind for pack in packs for kind in pack.prohibited),
        # A pack that forbids it is not argued with, even if a document says otherwise.
        observing=observing(policy.modes) and all(pack.observable for pack in packs),
        agent_modes=_agents(policy.modes.agents),
        type_modes={fold(name): mode for name, mode in policy.modes.types.items()},
        paced=bool(policy.runaway.agents or policy.runaway.agent_types),
        agent_paces=_agents(policy.runaway.agents),
        type_paces=policy.runaway.agent_types,
    )


_built: dict[str, Tables] = {}


def of(policy: Policy, digest: str) -> Tables:
    """The tables of the document with this digest (which the caller vouches for), built at most once in a while."""
    tables = _built.get(digest)
    if tables is None:
        tables = build(policy)
        while len(_built) >= _KEPT:
            del _built[next(iter(_built))]
        _built[digest] = tables
    return tables


def _mapping(mapping: dict[str, str], bases: dict[str, int]) -> dict[str, str]:
    return {fold(name): cls if cls in bases else UNKNOWN for name, cls in mapping.items()}


def _zone(host: str) -> str:
    return fold(host).strip(".")


def _agents(named: dict[str, _Said]) -> dict[int, _Said]:
    """By subject; what is no id of an agent is a fault of the policy (policy/soundness.py) and nobody here."""
    found = {}
    for public, said in named.items():
        with suppress(Refused):
            found[parse_id(public, "agent")[0]] = said
    return found


def _flat(factor: Factor) -> bool:
    """Are its conditions comparisons of parameters, all of which must hold? Most are, and they are asked faster."""
    return all(_plain(one) for one in factor.when)


def _plain(one: Condition) -> bool:
    return one.of == PARAMETERS and not one.all and not one.any


def _weight(factor: Factor, tests: tuple[Test, ...]) -> Weight:
    """Only the absence of a parameter can be satisfied by its absence."""
    present = (test.steps[0] for test in tests if test.op != "exists" or test.value is not False)
    return Weight(factor.name, tests, max(0, factor.points), factor.level_min, next(present, ""))

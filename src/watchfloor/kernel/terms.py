"""The terms that rules are judged by: the sections of the policy document as types (spec 03.6).

They live in the kernel because the gate, the councils and trust each read their own section while the policy
capability owns the whole document, and siblings never import each other. Defaults are those of spec 03. Points and
scores are integers; money is in micro units (10⁻⁶) of the organisation's currency.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.anomaly_terms import AnomalyTerms
from watchfloor.kernel.break_glass_terms import BreakGlassTerms
from watchfloor.kernel.compliance import ComplianceTerms
from watchfloor.kernel.conditions import Condition, DomainRule
from watchfloor.kernel.council_terms import CommitteeTerms, RoutingTerms, committees
from watchfloor.kernel.mode_terms import ModeTerms
from watchfloor.kernel.notice_terms import NoticeTerms
from watchfloor.kernel.rate_terms import RateTerms as RateTerms
from watchfloor.kernel.runaway_terms import RunawayTerms as RunawayTerms
from watchfloor.kernel.sign_in_terms import SignInTerms
from watchfloor.kernel.tribunal_terms import TribunalTerms

ACTIVATE_VERSION = "agent.activate_version"
APPLY_POLICY = "policy.apply"
# What the platform itself carries out on a person's request and after the gate: agents cannot ask for it.
PLATFORM_TYPES = frozenset((ACTIVATE_VERSION, APPLY_POLICY))


class _Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    pass


class ClassTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the policy says of one action class."""

    base: int  # risk points 0 to 100
    rate: str = "normal"  # rate class light, normal, heavy
    execution_timeout_ms: int = 600_000
    attempts: int = 1
    idempotent: bool = False


class Factor(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A parameter factor of the risk score: when all conditions hold, `points` are added and the name is shown."""

    name: str
    when: tuple[Condition, ...]
    points: int
    level_min: int = 0  # "amount above X" may also demand a level


class ParameterLimit(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hard limit nobody can approve away: a parameter above `value_max` (integer) is denied."""

    name: str
    field: str
    value_max: int


class EnvelopeTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    forbidden_types: tuple[str, ...] = ()
    forbidden_tools: tuple[str, ...] = ()
    forbidden_hosts: tuple[str, ...] = ("169.254.169.254", "metadata.google.internal")
    forbidden_paths: tuple[str, ...] = ("/etc", "/root", "/proc", "/sys", "/boot")
    allowed_hosts: tuple[str, ...] = ()  # empty: every host that is not forbidden
    allowed_paths: tuple[str, ...] = ()
    parameter_limits: tuple[ParameterLimit, ...] = ()
    spend_per_day_micro: int = 1_000_000_000  # 1,000 units of money per agent and day


class BreakerTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    failures: int = 3
    window_ms: int = 300_000
    open_ms: int = 900_000


class DelegationTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What agents may hand on: caps of one lineage of tasks, and of one lineage of spawned agents (spec 2.2)."""

    submit_tier_min: int = 1  # an untrusted agent hands nothing on
    delegate_tier_min: int = 3  # privileges of the tiers, spec 3.1 rule 5
    spawn_tier_min: int = 4
    depth_max: int = 4  # agents a task may come through
    fan_out_max: int = 16  # direct parts of one task
    tasks_max: int = 256  # tasks of one lineage, finished ones included
    open_max: int = 64  # open tasks one agent has handed on
    spawn_depth_max: int = 2
    spawn_fan_out_max: int = 8  # living agents that one agent has spawned
    spawn_agents_max: int = 32  # living agents of one lineage


class AutoTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Auto-approval (spec 3.1 rule 8)."""

    score_min: int = 800
    medium_allowed: bool = False
    look_back_ms: int = 86_400_000
    per_hour: int = 30
    usual_hour_from: int = 0  # UTC hours; 0 to 24 is "any hour is usual"
    usual_hour_to: int = 24
    # After so many supervised actions of a type an agent that lost no trust goes on at level 1; 0: never. Low risk only.
    bootstrap_actions: int = 5
    novel_after_zones: int = (
        8  # a new host or folder is unusual for an agent that has been in so many; 0: never
    )


class LevelTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    low: int = 0
    medium: int = 2
    high: int = 3
    critical: int = 4


class TrustKind(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    points: int
    decay_days: int


class EconomicsTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system takes a finished task to be worth, in thousandths of the value it was expected to have.

    0: it does not assess such tasks, people do.
    """

    verified_permille: int = 1_000
    unverified_permille: int = 0


def _kinds() -> dict[str, TrustKind]:
    return {
        "task_succeeded": TrustKind(points=10, decay_days=30),
        "action_completed": TrustKind(points=2, decay_days=30),
        "reviewed_positively": TrustKind(points=5, decay_days=30),
        "reviewed_negatively": TrustKind(points=-5, decay_days=30),
        "failed": TrustKind(points=-15, decay_days=14),
        "timed_out": TrustKind(points=-10, decay_days=14),
        "invalid_delegation": TrustKind(points=-20, decay_days=7),
        "security_violation": TrustKind(points=-50, decay_days=60),
    }


class TrustTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    base: int = 300
    kinds: dict[str, TrustKind] = msgspec.field(default_factory=_kinds)
    tiers: tuple[int, ...] = (0, 200, 400, 600, 800, 950)  # lower bound of each of the six tiers
    hysteresis: int = 10
    demotion_grace_ms: int = 0  # a tier falls only when the score has stayed below for so long; 0: at once
    successes_per_day: int = 20  # task_succeeded/action_completed beyond this number a day count nothing
    tasks_per_tier: tuple[int, ...] = (0, 1, 3, 5, 10, 1_000)


def _classes() -> dict[str, ClassTerms]:
    return {
        "read": ClassTerms(base=5, rate="light", idempotent=True),
        "write": ClassTerms(base=30),
        "execute": ClassTerms(base=35, rate="heavy"),
        "external_api": ClassTerms(base=30),
        "data_access": ClassTerms(base=30),
        "user_facing": ClassTerms(base=35),
        "delegate": ClassTerms(base=45),
        "spawn": ClassTerms(base=60, rate="heavy"),
        "system_config": ClassTerms(base=65, rate="heavy"),
        "financial": ClassTerms(base=80, rate="heavy"),
        "unknown": ClassTerms(base=90, rate="heavy"),
    }


def _types() -> dict[str, str]:
    return {
        "file.read": "read",
        "repository.read": "read",
        "search.query": "read",
        "file.write": "write",
        "repository.patch": "write",
        "command.run": "execute",
        "http.get": "external_api",
        "http.post": "external_api",
        "database.query": "data_access",
        "message.send": "user_facing",
        "task.delegate": "delegate",
        "agent.spawn": "spawn",
        "config.change": "system_config",
        "policy.change": "system_config",
        "payment.send": "financial",
        APPLY_POLICY: "system_config",  # level 3 by its base, and never below 2 whatever a policy says of it
        ACTIVATE_VERSION: "write",  # of one agent; a factor below asks for level 3
    }


class IdentityTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`required`: every agent has to show a client certificate that is pinned to it (spec 2.1 *mTLS*)."""

    required: bool = False


class Policy(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an organisation configures, version one of the document. `grant_ms`: life of an unused grant."""

    name: str = "default"
    classes: dict[str, ClassTerms] = msgspec.field(default_factory=_classes)
    types: dict[str, str] = msgspec.field(default_factory=_types)  # action type → class; others are `unknown`
    tools: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # tool → class, strictest of the mappings wins
    hosts: dict[str, str] = msgspec.field(default_factory=dict)  # host → class
    host_fields: tuple[str, ...] = ("url", "host")
    path_fields: tuple[str, ...] = ("path", "file")
    factors: tuple[Factor, ...] = (
        # Whoever changes source code is looked at by a supervisor, however trusted the agent is.
        Factor(name="changes_source_code", when=(Condition(field="diff"),), points=10, level_min=3),
        # The same for whoever changes what an agent is (spec 2.1): its prompt and its tool permissions.
        Factor(name="changes_an_agent", when=(Condition(field="agent_version"),), points=0, level_min=3),
    )
    rules: tuple[DomainRule, ...] = ()  # the organisation's own, of typed conditions
    envelope: EnvelopeTerms = EnvelopeTerms()
    breaker: BreakerTerms = BreakerTerms()
    runaway: RunawayTerms = RunawayTerms()
    rates: RateTerms = RateTerms()
    auto: AutoTerms = AutoTerms()
    levels: LevelTerms = LevelTerms()
    routing: RoutingTerms = RoutingTerms()
    committees: dict[str, CommitteeTerms] = msgspec.field(default_factory=committees)
    tribunal: TribunalTerms = TribunalTerms()
    trust: TrustTerms = TrustTerms()
    delegation: DelegationTerms = DelegationTerms()
    break_glass: BreakGlassTerms = BreakGlassTerms()
    identity: IdentityTerms = IdentityTerms()
    economics: EconomicsTerms = EconomicsTerms()
    anomalies: AnomalyTerms = AnomalyTerms()
    sign_in: SignInTerms = SignInTerms()
    notices: NoticeTerms = NoticeTerms()
    compliance: ComplianceTerms = ComplianceTerms()
    modes: ModeTerms = ModeTerms()
    grant_ms: int = 900_000


TIERS = ("UNTRUSTED", "PROBATIONARY", "TRUSTED", "VERIFIED", "CERTIFIED", "ELITE")
ROLES = ("auditor", "operator", "supervisor", "director", "admin")
_RANK = {"operator": 1, "supervisor": 2, "director": 3, "admin": 4}


def holds(roles: tuple[str, ...] | list[str], needed: str) -> bool:
    """Does somebody with these roles have the rights of `needed`? A role includes those before it except auditor."""
    if needed in roles:
        return True
    rank = _RANK.get(needed)
    return rank is not None and any(_RANK.get(role, 0) >= rank for role in roles)

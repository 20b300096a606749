"""What a policy document must satisfy beyond its types, and every place where it does not (spec 03 §3.6).

Decoding has settled names and types of fields; these checks settle what a type cannot say: ranges with their units,
references between sections, orders that the gate's laws rest on. All faults are reported at once, each with a JSON
pointer, because nobody likes to learn of them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from watchfloor.kernel.anomaly_terms import ANOMALIES, OF_PEOPLE, AnomalyTerms
from watchfloor.kernel.codec import NotCanonical
from watchfloor.kernel.instants import DAY, MILLISECOND
from watchfloor.kernel.limits import (
    ATTEMPTS_PER_DECISION_MAX,
    FAN_OUT_MAX,
    HANDED_ON_MAX,
    LINEAGE_DEPTH_MAX,
    LINEAGE_MAX,
    NAME_CHARS_MAX,
)
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.runaway_terms import NAMED_MAX as PACES_MAX
from watchfloor.kernel.sign_in_terms import SignInTerms
from watchfloor.kernel.strict import pointer_escape
from watchfloor.kernel.terms import (
    ROLES,
    TIERS,
    DelegationTerms,
    EnvelopeTerms,
    Policy,
    RunawayTerms,
    TrustTerms,
)
from watchfloor.policy import condition_soundness
from watchfloor.policy.digest import canonical_bytes
from watchfloor.policy.faults import Fault, between
from watchfloor.policy.routing_soundness import routing_problems

DOCUMENT_BYTES_MAX = 48 * 1024  # with its envelope it stays below FACTS_BYTES_MAX
RATES = ("light", "normal", "heavy")
KINDS_NEEDED = (  # what the learning process records; a policy may weigh them 0 but not forget them
    "task_succeeded", "action_completed", "reviewed_positively", "reviewed_negatively",
    "failed", "timed_out", "invalid_delegation", "security_violation",
)  # fmt: skip
_DAY_MS = DAY // MILLISECOND
_LOOK_BACK_MS = _DAY_MS  # what the evidence of a ruling counts (`failures_24h`)
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELD = re.compile(r"[!-~]{1,128}")
_HOST = re.compile(r"[a-z0-9_:.\-]{1,253}")


def problems(document: Policy) -> tuple[Fault, ...]:
    """Every fault of a document; empty when it is sound."""
    try:
        size = len(canonical_bytes(document))
    except NotCanonical as error:
        path, _, what = str(error).partition(": ")
        return (Fault(path, what),)
    if size > DOCUMENT_BYTES_MAX:
        return (Fault("/", f"{size} bytes, at most {DOCUMENT_BYTES_MAX}"),)
    return tuple(_all(document))


def check_sound(document: Policy, field: str = "/document") -> None:
    """Raises Refused `invalid_policy` (422) with the first fault of a document under `field`."""
    faults = problems(document)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        detail = f"{faults[0].path}: {faults[0].what}{more}"
        raise Refused("invalid_policy", detail, field=f"{field}{faults[0].path}", status=422)


def _all(document: Policy) -> Iterator[Fault]:
    if not 0 < len(document.name) <= NAME_CHARS_MAX or not document.name.isprintable():
        yield Fault("/name", f"takes 1 to {NAME_CHARS_MAX} printable characters")
    yield from _classes(document)
    for section in ("types", "tools", "hosts"):
        yield from _mapping(f"/{section}", getattr(document, section), document.classes)
    for section in ("host_fields", "path_fields"):
        yield from _fields(f"/{section}", getattr(document, section))
    yield from _factors(document)
    yield from condition_soundness.rules(document)
    yield from condition_soundness.modes(document)
    yield from _envelope(document.envelope)
    yield from _numbers(document)
    yield from _auto_and_levels(document)
    yield from routing_problems(document)
    yield from _trust(document.trust)
    yield from _delegation(document.delegation)
    yield from _anomalies(document.anomalies)
    yield from _sign_in(document.sign_in)
    for name in ("verified_permille", "unverified_permille"):
        part: int = getattr(document.economics, name)
        yield from between(f"/economics/{name}", part, 0, 1000, "thousandths")


def _classes(document: Policy) -> Iterator[Fault]:
    highest = max((terms.base for terms in document.classes.values()), default=0)
    if "unknown" not in document.classes:
        yield Fault("/classes", "needs the class `unknown`, for what the policy does not name")
    elif document.classes["unknown"].base < highest:
        yield Fault(
            "/classes/unknown/base",
            f"is the highest of all bases ({highest}): the unknown is treated strictest",
        )
    for name, terms in document.classes.items():
        path = f"/classes/{pointer_escape(name)}"
        if not _WORD.fullmatch(name):
            yield Fault(path, "is named in lower-case letters, digits and underscores")
        yield from between(f"{path}/base", terms.base, 0, 100, "risk points")
        if terms.rate not in RATES:
            yield Fault(f"{path}/rate", f"one of {', '.join(RATES)}")
        yield from between(f"{path}/execution_timeout_ms", terms.execution_timeout_ms, 1_000, _DAY_MS, "ms")
        yield from between(f"{path}/attempts", terms.attempts, 1, ATTEMPTS_PER_DECISION_MAX)


def _mapping(path: str, mapping: Mapping[str, str], classes: Mapping[str, object]) -> Iterator[Fault]:
    for name, cls in mapping.items():
        place = f"{path}/{pointer_escape(name)}"
        if not 0 < len(name) <= NAME_CHARS_MAX or name != name.strip().lower() or not name.isprintable():
            yield Fault(place, "names are compared in lower case without blanks at their ends: write it so")
        if cls not in classes:
            yield Fault(place, f"is not a class of this policy: {cls}")


def _fields(path: str, fields: tuple[str, ...]) -> Iterator[Fault]:
    for index, field in enumerate(fields):
        if not _FIELD.fullmatch(field) or "" in field.split("."):
            yield Fault(f"{path}/{index}", "a dotted path of parameter names")


def _factors(document: Policy) -> Iterator[Fault]:
    names = [factor.name for factor in document.factors]
    for index, factor in enumerate(document.factors):
        path = f"/factors/{index}"
        if not _WORD.fullmatch(factor.name) or names.count(factor.name) > 1:
            yield Fault(f"{path}/name", "is a word of its own in lower-case letters, digits and underscores")
        # A negative factor would let parameters talk the risk down (spec 3.1: nothing lowers another's answer).
        yield from between(f"{path}/points", factor.points, 0, 100, "risk points")
        yield from between(f"{path}/level_min", factor.level_min, 0, 4)
        yield from condition_soundness.conditions(f"{path}/when", factor.when, evidence=False)


def _envelope(envelope: EnvelopeTerms) -> Iterator[Fault]:
    for section in ("forbidden_hosts", "allowed_hosts"):
        for index, host in enumerate(getattr(envelope, section)):
            if not _HOST.fullmatch(host) or host.startswith("."):
                yield Fault(
                    f"/envelope/{section}/{index}", "a host name or address in lower case, without a scheme"
                )
    for section in ("forbidden_paths", "allowed_paths"):
        for index, path in enumerate(getattr(envelope, section)):
            steps = path.split("/")
            if not path.strip("/") and path != "/":
                yield Fault(f"/envelope/{section}/{index}", "a path")
            elif ".." in steps or "\\" in path or not path.isprintable():
                yield Fault(f"/envelope/{section}/{index}", "a normal path: no `..`, no backslash, printable")
    names = [limit.name for limit in envelope.parameter_limits]
    for index, limit in enumerate(envelope.parameter_limits):
        place = f"/envelope/parameter_limits/{index}"
        if not _WORD.fullmatch(limit.name) or names.count(limit.name) > 1:
            yield Fault(f"{place}/name", "is a word of its own in lower-case letters, digits and underscores")
        yield from _fields(f"{place}/field", (limit.field,))
        yield from between(f"{place}/value_max", limit.value_max, 0, 2**53 - 1)
    yield from between(
        "/envelope/spend_per_day_micro", envelope.spend_per_day_micro, 0, 2**53 - 1, "micro units"
    )


# The least and the most of each; a register keeps eight throttles.
_PACES = (
    ("requests_per_second", 1_000_000), ("executed_per_10s", 10_000_000),
    ("same_digest_per_60s", 100_000_000), ("throttles_per_minute", 8),
)  # fmt: skip


def _own_paces(terms: RunawayTerms) -> Iterator[Fault]:
    """Limits that agents, or types of agents, have of their own; 0 is what all have."""
    for section, named in (("agents", terms.agents), ("agent_types", terms.agent_types)):
        if len(named) > PACES_MAX:
            yield Fault(f"/runaway/{section}", f"at most {PACES_MAX}")
        for name, own in named.items():
            place = f"/runaway/{section}/{pointer_escape(name)}"
            if section == "agents":
                yield from condition_soundness.agent_named(place, name)
            elif not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
                yield Fault(place, f"takes 1 to {NAME_CHARS_MAX} printable characters")
            for limit, most in _PACES:
                yield from between(f"{place}/{limit}", getattr(own, limit), 0, most)


def _numbers(document: Policy) -> Iterator[Fault]:
    breaker, runaway, rates = document.breaker, document.runaway, document.rates
    yield from between("/breaker/failures", breaker.failures, 1, 16)
    yield from between("/breaker/window_ms", breaker.window_ms, 1_000, _DAY_MS, "ms")
    yield from between("/breaker/open_ms", breaker.open_ms, 1_000, _DAY_MS, "ms")
    for name, most in _PACES:
        yield from between(f"/runaway/{name}", getattr(runaway, name), 1, most)
    yield from _own_paces(runaway)
    for rate in RATES:
        yield from between(f"/rates/{rate}", getattr(rates, rate), 1, 100_000_000, "a minute")
    for tier, own in rates.tiers.items():
        path = f"/rates/tiers/{pointer_escape(tier)}"
        if tier not in TIERS:
            yield Fault(path, f"one of {', '.join(TIERS)}")
        for rate in RATES:
            yield from between(f"{path}/{rate}", getattr(own, rate), 0, 100_000_000, "a minute")
    yield from between("/grant_ms", document.grant_ms, 1_000, _DAY_MS, "ms")


def _delegation(terms: DelegationTerms) -> Iterator[Fault]:
    tiers = (terms.submit_tier_min, terms.delegate_tier_min, terms.spawn_tier_min)
    for name, tier in zip(("submit", "delegate", "spawn"), tiers, strict=True):
        yield from between(f"/delegation/{name}_tier_min", tier, 0, len(TIERS) - 1)
    yield from between("/delegation/depth_max", terms.depth_max, 0, LINEAGE_DEPTH_MAX)
    yield from between("/delegation/fan_out_max", terms.fan_out_max, 0, FAN_OUT_MAX)
    yield from between("/delegation/tasks_max", terms.tasks_max, 0, LINEAGE_MAX)
    yield from between("/delegation/open_max", terms.open_max, 0, HANDED_ON_MAX)
    yield from between("/delegation/spawn_depth_max", terms.spawn_depth_max, 0, LINEAGE_DEPTH_MAX)
    yield from between("/delegation/spawn_fan_out_max", terms.spawn_fan_out_max, 0, FAN_OUT_MAX)
    yield from between("/delegation/spawn_agents_max", terms.spawn_agents_max, 0, LINEAGE_MAX)


def _auto_and_levels(document: Policy) -> Iterator[Fault]:
    auto, levels = document.auto, document.levels
    yield from between("/auto/score_min", auto.score_min, 0, 1000)
    if auto.look_back_ms != _LOOK_BACK_MS:
        yield Fault("/auto/look_back_ms", f"is {_LOOK_BACK_MS} (24 h): failures are counted over that")
    yield from between("/auto/per_hour", auto.per_hour, 0, 100_000_000)
    yield from between("/auto/usual_hour_from", auto.usual_hour_from, 0, 23)
    yield from between("/auto/usual_hour_to", auto.usual_hour_to, 1, 24)
    if auto.usual_hour_from == auto.usual_hour_to:
        yield Fault("/auto/usual_hour_to", "differs from usual_hour_from; 0 to 24 is any hour")
    yield from between("/auto/bootstrap_actions", auto.bootstrap_actions, 0, 1_000_000)
    yield from between("/auto/novel_after_zones", auto.novel_after_zones, 0, 64)
    ladder = (levels.low, levels.medium, levels.high, levels.critical)
    for name, level in zip(("low", "medium", "high", "critical"), ladder, strict=True):
        yield from between(f"/levels/{name}", level, 0, 4)
    if list(ladder) != sorted(ladder):
        # Law *Monotone oversight*: less risk never demands more.
        yield Fault("/levels", "more risk never has a lower level: low, medium, high, critical must not fall")


def _trust(trust: TrustTerms) -> Iterator[Fault]:
    yield from between("/trust/base", trust.base, 0, 1000)
    for name in KINDS_NEEDED:
        if name not in trust.kinds:
            yield Fault("/trust/kinds", f"needs `{name}`; points 0 make it weightless")
    for name, kind in trust.kinds.items():
        path = f"/trust/kinds/{pointer_escape(name)}"
        if not _WORD.fullmatch(name) or name == "manual":
            yield Fault(path, "is named in lower-case letters, digits and underscores; `manual` is taken")
        yield from between(f"{path}/points", kind.points, -1000, 1000)
        yield from between(f"{path}/decay_days", kind.decay_days, 1, 60, "days")
    bounds = trust.tiers
    if (
        len(bounds) != len(TIERS)
        or bounds[0] != 0
        or bounds[-1] > 1000
        or sorted(set(bounds)) != list(bounds)
    ):
        yield Fault("/trust/tiers", f"{len(TIERS)} lower bounds that rise from 0 to at most 1000")
    yield from between("/trust/hysteresis", trust.hysteresis, 0, 100, "points")
    yield from between("/trust/demotion_grace_ms", trust.demotion_grace_ms, 0, 30 * DAY // MILLISECOND, "ms")
    yield from between("/trust/successes_per_day", trust.successes_per_day, 0, 10_000)
    tasks = trust.tasks_per_tier
    if len(tasks) != len(TIERS) or sorted(tasks) != list(tasks) or tasks[0] < 0 or tasks[-1] > 1_000_000:
        yield Fault("/trust/tasks_per_tier", f"{len(TIERS)} numbers from 0 that do not fall")


# The least and the most of each threshold: registers keep no more than 16 marks of a kind, 24 hours, 7 days.
_ANOMALY_RANGES = (
    ("drop_points", 1, 1000, "points"), ("violations", 2, 16, "events"), ("failure_times", 1, 100, "times"),
    ("failure_events", 2, 1_000, "events"), ("praise_each_way", 2, 16, "reviews"), ("farming_days", 1, 7, "days"),
    ("hugging_hours", 1, 24, "hours"), ("together_agents", 2, 20, "agents"), ("together_ms", 1_000, 3_600_000, "ms"),
    ("review_ms", 100, 600_000, "ms"), ("reviews", 5, 64, "reviews"), ("bias_reviews", 5, 100, "reviews"),
    ("bias_permille", 50, 1_000, "thousandths"),
)  # fmt: skip

_CONTAINABLE = tuple(what for what in ANOMALIES if what not in OF_PEOPLE)


def _anomalies(terms: AnomalyTerms) -> Iterator[Fault]:
    for name, low, high, unit in _ANOMALY_RANGES:
        yield from between(f"/anomalies/{name}", getattr(terms, name), low, high, unit)
    for index, what in enumerate(terms.contain):
        if what not in _CONTAINABLE:
            yield Fault(f"/anomalies/contain/{index}", f"one of {', '.join(_CONTAINABLE)}")


def _sign_in(terms: SignInTerms) -> Iterator[Fault]:
    for name in ("password", "link", "oidc", "totp"):
        for index, role in enumerate(getattr(terms, name)):
            if role not in ROLES:
                yield Fault(f"/sign_in/{name}/{index}", f"one of {', '.join(ROLES)}")
    if "admin" not in terms.link:
        yield Fault("/sign_in/link", "admins can always be let in by a link, else nobody could mend the rest")
    yield from between("/sign_in/password_chars_min", terms.password_chars_min, 12, 64, "characters")

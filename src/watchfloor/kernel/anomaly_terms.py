"""What counts as an anomaly, and which of them contain their agents: a section of the policy (spec 3.4)."""

from __future__ import annotations

import msgspec

# Every kind of anomaly with what it means, as people read it.
ANOMALIES = {
    "trust_drop": "Trust fell sharply within an hour.",
    "failure_rate": "Fails far more often than it used to.",
    "violations": "Several security violations within an hour.",
    "reciprocal_reviews": "Owners praise each other's agents.",
    "farming": "Trust grows from one kind of trivial action alone.",
    "limit_hugging": "Stays just below the hourly limit of automatic approval, hour after hour.",
    "coordinated": "Several agents did the same within moments, beyond chance.",
    "cost_report": "Says that something cost far more than anybody expected. Confirmed, the rest counts.",
    "rubber_stamp": "A reviewer decides faster than anybody can read.",
    "reviewer_bias": "A reviewer's approvals of an agent, an owner or a type are far from everybody else's.",
}
OF_PEOPLE = ("rubber_stamp", "reviewer_bias")  # no agent is contained for them


class AnomalyTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of the detectors. `contain` names the kinds that quarantine their agents at once; none by default."""

    drop_points: int = 50  # more than that within an hour
    violations: int = 3  # that many within an hour
    failure_times: int = 3  # more than that many times the agent's own baseline
    failure_events: int = 5  # outcomes within 24 h, fewer say nothing
    praise_each_way: int = 3  # positive reviews within 30 days, in both directions
    farming_days: int = 3  # of the last seven on which the cap was reached by one action type alone
    hugging_hours: int = 3  # of the last 24 that ended between nine tenths of the limit and the limit
    together_agents: int = 3
    together_ms: int = 60_000
    review_ms: int = 3_000  # a mean review below this is a rubber stamp
    reviews: int = 20  # so many reviews in a row are looked at
    bias_reviews: int = 20  # of the reviewer, and of the others, fewer say nothing
    bias_permille: int = 300  # so far apart the rates of approval are at least
    contain: tuple[str, ...] = ()

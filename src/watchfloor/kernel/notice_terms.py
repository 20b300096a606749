"""Who is told of what, and what a link in a notice may do: a section of the policy (spec 3.2 *Routing*, 06 *Notifications*)."""

from __future__ import annotations

import msgspec

KINDS = (
    "decision",  # somebody's agreement is needed
    "warned",  # two thirds of the time are over
    "escalated",  # nobody decided on the rung before
    "taken_over",  # a backup decides in place of somebody
    "forced",  # break-glass, and a review of it that nobody made
    "quarantined",
    "offline",
    "supervision",  # a domain passed to another agent, or to people
    "anomaly",
    "breaker",
    "stopped",
    "budget",
    "notified",  # what ran at level 1, counted
    "tier",  # an agent rises or falls
    # and alerts that nothing above tells already
    "worker_unreachable",
    "orphaned",
    "stuck",
    "undecided",
    "ungated_call",
    "identity_changed",
    "outcome_unknown",
    "dead_letter",
    "key_expiring",
    "undelivered",
    "clock",
    "rollback",
)
SEVERITIES = ("info", "warning", "immediate")


class _Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    pass


class AlertTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """News of these kinds (none named: every kind) from a severity on: told to `tell` besides those it goes to anyway.

    `channels` are shared ones of the organisation, tried in their order until one takes it. `instead`: nobody but `tell`
    is told. `everywhere`: each person is told by all their channels at once.
    """

    kinds: tuple[str, ...] = ()
    severity_min: str = "info"
    tell: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    instead: bool = False
    everywhere: bool = False


class NoticeTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`links_level_max`: the highest level at which a link in a notice lets its person vote without signing in, 0: none does.

    Such a link works for `links_ms` at most.
    """

    alerts: tuple[AlertTerms, ...] = ()
    links_level_max: int = 3
    links_ms: int = 86_400_000

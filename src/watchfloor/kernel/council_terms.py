"""Who decides, who is told when, and how long they have: the routing section of the policy as types (spec 3.2).

The level says who must agree (`role` and `needed`, or a committee); targets say who is told, rung by rung. A target is
`role:<role>`, `person:<handle>` or `schedule:<name>`.
"""

from __future__ import annotations

import msgspec


class _Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    pass


class RouteTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who decides a level: role, number of distinct persons, the longest it may take, and what silence means.

    `committee` names a committee of the policy that decides instead of the role; `tell` who hears of it first.
    """

    role: str
    needed: int = 1
    deadline_ms: int = 300_000
    unanswered: str = "expired"  # expired or denied; never approved
    committee: str = ""
    tell: tuple[str, ...] = ()


class Seat(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person by handle, or everybody who holds a role. With `veto`, their denial alone denies."""

    person: str = ""
    role: str = ""
    weight: int = 1
    veto: bool = False


class CommitteeTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rule`: count (`needed` members agree), all (every member), weight (their weights reach `needed`).

    With `needed` 0 and rule count it is two, or all of them where there are fewer.
    """

    seats: tuple[Seat, ...]
    rule: str = "count"
    needed: int = 0


class UrgencyTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first deadline of a decision of level 3 or 4, and what follows: escalate or expire."""

    wait_ms: int
    then: str = "escalate"


class DeadlineTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By effective urgency; at level 2 only the time counts, and what follows is `expired`."""

    immediate: UrgencyTerms = UrgencyTerms(wait_ms=900_000)
    high: UrgencyTerms = UrgencyTerms(wait_ms=3_600_000)
    normal: UrgencyTerms = UrgencyTerms(wait_ms=14_400_000, then="expire")
    low: UrgencyTerms = UrgencyTerms(wait_ms=86_400_000, then="expire")


class Rung(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of the escalation chain: who is told, and how long they have from then on."""

    tell: tuple[str, ...]
    wait_ms: int


class Assignment(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A committee for some actions: all that is named must fit; nothing named fits everything of that level or above."""

    committee: str
    level_min: int = 4
    types: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


class BackupTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who decides in place of whom. `of` is a target, a person also as one of a role or on duty; `by` targets, first to last.

    It takes over when nobody whom `of` means was seen for `offline_ms`, or each of them has more than `waiting_max`
    decisions waiting (0: that does not count); and at once when the action is of `types` or `classes` (a specialist).
    """

    of: str
    by: tuple[str, ...]
    offline_ms: int = 0
    waiting_max: int = 0
    types: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


_LADDER = (
    Rung(tell=("schedule:on_call",), wait_ms=300_000),
    Rung(tell=("role:supervisor",), wait_ms=900_000),
    Rung(tell=("role:director",), wait_ms=1_800_000),
)


class RoutingTerms(_Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ladder` is climbed `1 + loops` times before silence denies; `warn_permille` of a wait brings a warning.

    Whoever loosens the policy may not decide on what it affects for `loosened_days`; whoever edits the parameters of what
    waits may decide on their own version up to `editor_level_max`, 0: never. `backups` say who is told in place
    of those who are away or have too much; who may decide they do not change.
    """

    confirm: RouteTerms = RouteTerms(
        role="operator", deadline_ms=300_000, tell=("schedule:on_call", "role:operator")
    )
    approve: RouteTerms = RouteTerms(
        role="supervisor", deadline_ms=86_400_000, unanswered="denied", tell=("role:supervisor",)
    )
    committee: RouteTerms = RouteTerms(
        role="director",
        needed=2,
        deadline_ms=86_400_000,
        unanswered="denied",
        committee="directors",
        tell=("role:director",),
    )
    assignments: tuple[Assignment, ...] = ()
    deadlines: DeadlineTerms = DeadlineTerms()
    ladder: tuple[Rung, ...] = _LADDER
    loops: int = 0
    warn_permille: int = 667
    loosened_days: int = 7
    editor_level_max: int = 2
    backups: tuple[BackupTerms, ...] = ()


def committees() -> dict[str, CommitteeTerms]:
    """What a policy has when it names none: the directors, two of them or all where there are fewer."""
    return {"directors": CommitteeTerms(seats=(Seat(role="director"),))}

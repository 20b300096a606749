"""What routing, committees and the escalation chain must satisfy beyond their types (spec 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from watchfloor.kernel.council_terms import BackupTerms, CommitteeTerms, RouteTerms, RoutingTerms, Seat
from watchfloor.kernel.instants import DAY, MILLISECOND
from watchfloor.kernel.limits import RUNGS_MAX, SEATS_MAX
from watchfloor.kernel.loosening import plain
from watchfloor.kernel.notice_terms import KINDS, SEVERITIES, NoticeTerms
from watchfloor.kernel.strict import pointer_escape
from watchfloor.kernel.terms import ROLES, Policy
from watchfloor.kernel.tribunal_terms import MAJORITY, NEVER, UNANIMOUS
from watchfloor.policy.faults import Fault, between

URGENCIES = ("immediate", "high", "normal", "low")
_DECIDING = tuple(role for role in ROLES if role != "auditor")
_WAIT_MS_MAX = 7 * DAY // MILLISECOND
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TARGET = re.compile(r"person:[!-~]{1,128}|schedule:[a-z][a-z0-9_]{0,63}")
_TOLD_MAX = 16
_RULES_MAX = 32
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def routing_problems(document: Policy) -> Iterator[Fault]:
    """Every fault of who decides, who is told and for how long."""
    routing = document.routing
    for name, committee in document.committees.items():
        yield from _committee(f"/committees/{pointer_escape(name)}", name, committee)
    for name in ("confirm", "approve", "committee"):
        yield from _route(f"/routing/{name}", getattr(routing, name), document)
    for index, assignment in enumerate(routing.assignments):
        path = f"/routing/assignments/{index}"
        yield from _named(f"{path}/committee", assignment.committee, document)
        yield from between(f"{path}/level_min", assignment.level_min, 2, 4)
        for number, name in enumerate(assignment.types):
            if not plain(name):
                yield Fault(
                    f"{path}/types/{number}",
                    "fits no action: names are recorded in lower case, without blanks",
                )
        for number, cls in enumerate(assignment.classes):
            if cls not in document.classes:
                yield Fault(f"{path}/classes/{number}", f"is not a class of this policy: {cls}")
    yield from _times(routing)
    for index, backup in enumerate(routing.backups):
        yield from _backup(f"/routing/backups/{index}", backup, document)
    yield from _notices(document.notices)
    yield from tribunal_problems(document)
    yield from between("/break_glass/grant_ms", document.break_glass.grant_ms, 10_000, 900_000, "ms")
    yield from between("/break_glass/review_ms", document.break_glass.review_ms, 60_000, _WAIT_MS_MAX, "ms")
    yield from _told("/break_glass/tell", document.break_glass.tell)
    if not document.break_glass.tell:
        yield Fault("/break_glass/tell", "somebody hears of it at once")


def tribunal_problems(document: Policy) -> Iterator[Fault]:
    """A tribunal that could rule, and never about level 3 or 4 alone: no field says so."""
    terms = document.tribunal
    if terms.level_min not in (0, 2, 3, 4):
        yield Fault("/tribunal/level_min", "0 (none is asked), 2, 3 or 4")
    for index, cls in enumerate(terms.classes):
        if cls not in document.classes:
            yield Fault(f"/tribunal/classes/{index}", f"is not a class of this policy: {cls}")
    yield from between("/tribunal/size", terms.size, 3, 5, "validators")
    yield from between("/tribunal/score_min", terms.score_min, 0, 1_000)
    yield from between("/tribunal/per_owner_max", terms.per_owner_max, 1, 5)
    yield from between("/tribunal/votes_min", terms.votes_min, 2, terms.size, "votes")
    yield from between("/tribunal/confidence_min_milli", terms.confidence_min_milli, 100, 1_000)
    yield from between("/tribunal/majority_permille", terms.majority_permille, 501, 1_000)
    yield from between("/tribunal/wait_ms", terms.wait_ms, 1_000, 600_000, "ms")
    if terms.decides not in (NEVER, UNANIMOUS, MAJORITY):
        yield Fault("/tribunal/decides", "never, unanimous or majority, and of level 2 only")


def _times(routing: RoutingTerms) -> Iterator[Fault]:
    for name in URGENCIES:
        terms = getattr(routing.deadlines, name)
        yield from between(f"/routing/deadlines/{name}/wait_ms", terms.wait_ms, 10_000, _WAIT_MS_MAX, "ms")
        if terms.then not in ("escalate", "expire"):
            yield Fault(f"/routing/deadlines/{name}/then", "escalate or expire: no answer never grants")
    for index, rung in enumerate(routing.ladder):
        path = f"/routing/ladder/{index}"
        yield from between(f"{path}/wait_ms", rung.wait_ms, 10_000, _WAIT_MS_MAX, "ms")
        yield from _told(f"{path}/tell", rung.tell)
        if not rung.tell:
            yield Fault(f"{path}/tell", "a rung tells somebody")
    yield from between("/routing/loops", routing.loops, 0, RUNGS_MAX)
    if len(routing.ladder) * (1 + routing.loops) > RUNGS_MAX:
        yield Fault("/routing/loops", f"the chain has at most {RUNGS_MAX} rungs, loops counted")
    if len(routing.backups) > _RULES_MAX:
        yield Fault("/routing/backups", f"at most {_RULES_MAX}")
    yield from between("/routing/warn_permille", routing.warn_permille, 0, 999)
    yield from between("/routing/editor_level_max", routing.editor_level_max, 0, 4)
    yield from between("/routing/loosened_days", routing.loosened_days, 0, 365, "days")


def _backup(path: str, backup: BackupTerms, document: Policy) -> Iterator[Fault]:
    yield from _told(f"{path}/of", (backup.of,))
    yield from _told(f"{path}/by", backup.by)
    if not backup.by or backup.of in backup.by:
        yield Fault(f"{path}/by", "somebody else takes over")
    for name, low in (("offline_ms", 60_000), ("waiting_max", 1)):
        value: int = getattr(backup, name)
        if value:
            yield from between(f"{path}/{name}", value, low, _WAIT_MS_MAX)
    for number, name in enumerate(backup.types):
        if not plain(name):
            yield Fault(f"{path}/types/{number}", "fits no action: names are recorded in lower case")
    for number, cls in enumerate(backup.classes):
        if cls not in document.classes:
            yield Fault(f"{path}/classes/{number}", f"is not a class of this policy: {cls}")
    if not (backup.offline_ms or backup.waiting_max or backup.types or backup.classes):
        yield Fault(path, "never takes over: set offline_ms, waiting_max, types or classes")


def _notices(notices: NoticeTerms) -> Iterator[Fault]:
    yield from between("/notices/links_level_max", notices.links_level_max, 0, 4)
    yield from between("/notices/links_ms", notices.links_ms, 60_000, _WAIT_MS_MAX, "ms")
    if len(notices.alerts) > _RULES_MAX:
        yield Fault("/notices/alerts", f"at most {_RULES_MAX}")
    for index, alert in enumerate(notices.alerts):
        path = f"/notices/alerts/{index}"
        for number, kind in enumerate(alert.kinds):
            if kind not in KINDS:
                yield Fault(f"{path}/kinds/{number}", f"one of {', '.join(KINDS)}")
        if alert.severity_min not in SEVERITIES:
            yield Fault(f"{path}/severity_min", f"one of {', '.join(SEVERITIES)}")
        yield from _told(f"{path}/tell", alert.tell)
        for number, name in enumerate(alert.channels[: _TOLD_MAX + 1]):
            if number >= _TOLD_MAX or not _CHANNEL.fullmatch(name):
                yield Fault(f"{path}/channels/{number}", f"at most {_TOLD_MAX} names of shared channels")
        if alert.instead and not alert.tell:
            yield Fault(f"{path}/instead", "then `tell` says who is told")


def _route(path: str, route: RouteTerms, document: Policy) -> Iterator[Fault]:
    if route.role not in _DECIDING:
        yield Fault(f"{path}/role", f"one of {', '.join(_DECIDING)}")
    yield from between(f"{path}/needed", route.needed, 1, 50, "persons")
    yield from between(f"{path}/deadline_ms", route.deadline_ms, 10_000, _WAIT_MS_MAX, "ms")
    if route.unanswered not in ("expired", "denied"):
        yield Fault(f"{path}/unanswered", "expired or denied: no answer never grants")
    if route.committee:
        yield from _named(f"{path}/committee", route.committee, document)
    yield from _told(f"{path}/tell", route.tell)


def _named(path: str, committee: str, document: Policy) -> Iterator[Fault]:
    if committee not in document.committees:
        yield Fault(path, f"is not a committee of this policy: {committee}")


def _committee(path: str, name: str, committee: CommitteeTerms) -> Iterator[Fault]:
    if not _WORD.fullmatch(name):
        yield Fault(path, "is named in lower-case letters, digits and underscores")
    if not 1 <= len(committee.seats) <= SEATS_MAX:
        yield Fault(f"{path}/seats", f"1 to {SEATS_MAX}")
    for index, seat in enumerate(committee.seats):
        yield from _seat(f"{path}/seats/{index}", seat)
    if committee.rule not in ("count", "all", "weight"):
        yield Fault(f"{path}/rule", "count, all or weight")
    yield from between(f"{path}/needed", committee.needed, 0, 1_000_000)
    if committee.rule == "weight" and committee.needed < 1:
        yield Fault(f"{path}/needed", "the weight that must agree, at least 1")
    # Seats for roles may be any number of people; with named seats only it can be seen here that it never can be met.
    named = all(seat.person for seat in committee.seats)
    possible = sum(seat.weight if committee.rule == "weight" else 1 for seat in committee.seats)
    if named and committee.rule != "all" and committee.needed > possible:
        yield Fault(f"{path}/needed", f"all seats together have {possible}")


def _seat(path: str, seat: Seat) -> Iterator[Fault]:
    if bool(seat.person) is bool(seat.role):
        yield Fault(path, "a seat is for a person or for a role")
    if seat.role and seat.role not in _DECIDING:
        yield Fault(f"{path}/role", f"one of {', '.join(_DECIDING)}")
    yield from between(f"{path}/weight", seat.weight, 1, 1_000)


def _told(path: str, targets: tuple[str, ...]) -> Iterator[Fault]:
    if len(targets) > _TOLD_MAX:
        yield Fault(path, f"at most {_TOLD_MAX} targets")
    for index, target in enumerate(targets):
        role = target.removeprefix("role:")
        if not (_TARGET.fullmatch(target) or (role != target and role in _DECIDING)):
            yield Fault(f"{path}/{index}", "role:<role>, person:<handle> or schedule:<name>")

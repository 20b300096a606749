"""Who decides, who is told and for how long: every fault of those sections has its place (spec 3.2)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.policy.test_soundness import broken, put

from watchfloor.kernel.terms import Policy
from watchfloor.policy.routing_soundness import routing_problems

SEAT = {"role": "director"}
NAMED = {"person": "ada"}
BACKUP = {"of": "person:ada", "by": ("person:ben",), "offline_ms": 600_000}
RUNG = {"tell": ("role:director",), "wait_ms": 60_000}


def test_the_default_document_is_sound() -> None:
    assert list(routing_problems(Policy())) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("routing/approve/role", "auditor", "/routing/approve/role"),
        ("routing/approve/needed", 0, "/routing/approve/needed"),
        ("routing/approve/deadline_ms", 1, "/routing/approve/deadline_ms"),
        ("routing/approve/unanswered", "approved", "/routing/approve/unanswered"),
        ("routing/approve/committee", "nobody", "/routing/approve/committee"),
        ("routing/confirm/tell", ("everybody",), "/routing/confirm/tell/0"),
        ("routing/confirm/tell", ("role:auditor",), "/routing/confirm/tell/0"),
        ("routing/confirm/tell", ("role:admin",) * 17, "/routing/confirm/tell"),
        ("routing/deadlines/high/wait_ms", 1, "/routing/deadlines/high/wait_ms"),
        ("routing/deadlines/high/then", "grant", "/routing/deadlines/high/then"),
        ("routing/ladder", ({**RUNG, "wait_ms": 5},), "/routing/ladder/0/wait_ms"),
        ("routing/ladder", ({**RUNG, "tell": ()},), "/routing/ladder/0/tell"),
        ("routing/ladder", ({**RUNG, "tell": ("schedule:On Call",)},), "/routing/ladder/0/tell/0"),
        ("routing/ladder", (RUNG,) * 33, "/routing/loops"),
        ("routing/loops", 33, "/routing/loops"),
        ("routing/warn_permille", 1_000, "/routing/warn_permille"),
        ("routing/assignments", ({"committee": "nobody"},), "/routing/assignments/0/committee"),
        ("routing/assignments", ({"committee": "directors", "level_min": 1},), "/routing/assignments/0/level_min"),
        ("routing/assignments", ({"committee": "directors", "classes": ("magic",)},), "/routing/assignments/0/classes/0"),
        ("routing/assignments", ({"committee": "directors", "types": ("a.b", "Payment.Send")},), "/routing/assignments/0/types/1"),
        ("routing/assignments", ({"committee": "directors", "types": ("payment.send ",)},), "/routing/assignments/0/types/0"),
        ("routing/backups", (BACKUP,) * 33, "/routing/backups"),
        ("routing/backups", ({**BACKUP, "of": "everybody"},), "/routing/backups/0/of/0"),
        ("routing/backups", ({**BACKUP, "by": ("nobody",)},), "/routing/backups/0/by/0"),
        ("routing/backups", ({**BACKUP, "by": ()},), "/routing/backups/0/by"),
        ("routing/backups", ({**BACKUP, "by": ("person:ada",)},), "/routing/backups/0/by"),
        ("routing/backups", ({**BACKUP, "offline_ms": 5},), "/routing/backups/0/offline_ms"),
        ("routing/backups", ({**BACKUP, "waiting_max": -1},), "/routing/backups/0/waiting_max"),
        ("routing/backups", ({**BACKUP, "types": ("A.b",)},), "/routing/backups/0/types/0"),
        ("routing/backups", ({**BACKUP, "classes": ("magic",)},), "/routing/backups/0/classes/0"),
        ("routing/backups", ({**BACKUP, "offline_ms": 0},), "/routing/backups/0"),
        ("notices/links_level_max", 5, "/notices/links_level_max"),
        ("notices/links_ms", 1, "/notices/links_ms"),
        ("notices/alerts", ({},) * 33, "/notices/alerts"),
        ("notices/alerts", ({"kinds": ("weather",)},), "/notices/alerts/0/kinds/0"),
        ("notices/alerts", ({"severity_min": "loud"},), "/notices/alerts/0/severity_min"),
        ("notices/alerts", ({"tell": ("role:auditor",)},), "/notices/alerts/0/tell/0"),
        ("notices/alerts", ({"channels": ("#ops",)},), "/notices/alerts/0/channels/0"),
        ("notices/alerts", ({"channels": ("ops",) * 17},), "/notices/alerts/0/channels/16"),
        ("notices/alerts", ({"instead": True},), "/notices/alerts/0/instead"),
        ("committees/The Board", {"seats": (SEAT,)}, "/committees/The Board"),
        ("committees/board", {"seats": ()}, "/committees/board/seats"),
        ("committees/board", {"seats": (SEAT,) * 65}, "/committees/board/seats"),
        ("committees/board", {"seats": ({},)}, "/committees/board/seats/0"),
        ("committees/board", {"seats": ({**SEAT, **NAMED},)}, "/committees/board/seats/0"),
        ("committees/board", {"seats": ({"role": "auditor"},)}, "/committees/board/seats/0/role"),
        ("committees/board", {"seats": ({**SEAT, "weight": 0},)}, "/committees/board/seats/0/weight"),
        ("committees/board", {"seats": (SEAT,), "rule": "loudest"}, "/committees/board/rule"),
        ("committees/board", {"seats": (SEAT,), "needed": -1}, "/committees/board/needed"),
        ("committees/board", {"seats": (SEAT,), "rule": "weight"}, "/committees/board/needed"),
        ("committees/board", {"seats": (NAMED,), "needed": 2}, "/committees/board/needed"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found_where_it_is_broken(path: str, value: Any, fault: str) -> None:
    assert fault in broken(put(path, value))


def test_committees_of_every_rule_are_sound() -> None:
    board = {"seats": (SEAT, {**NAMED, "weight": 3, "veto": True})}
    for terms in ({"rule": "all"}, {"rule": "weight", "needed": 4}, {"rule": "count", "needed": 2}):
        assert broken(put("committees/board", {**board, **terms})) == []

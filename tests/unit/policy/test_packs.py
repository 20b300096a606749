"""Packs of healthcare, finance and aviation: each is sound and rules as spec 3.7 says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from tests.unit.actions.requests import TRUSTED

from watchfloor.actions.derive import derive
from watchfloor.actions.gate import Ruling, judge
from watchfloor.actions.messages import Evidence
from watchfloor.actions.question import ask
from watchfloor.actions.tables import build
from watchfloor.councils.panels import Candidate, committee_for, seated
from watchfloor.engine.packs import NAMES, pack, packs
from watchfloor.kernel.terms import Policy
from watchfloor.policy.document import dump, load
from watchfloor.policy.soundness import problems

AT = 1_790_000_000_000_000
LEVELS = {
    "healthcare": {"chart.read": 1, "clinical_note.write": 2, "medication.order": 3, "treatment_plan.change": 4},
    "finance": {"market_data.read": 0, "trade.place": 3, "risk_limits.change": 4},
    "aviation": {"schedule.read": 0, "flight_plan.file": 3, "maintenance.release": 4},
}  # fmt: skip
SAID = [(name, kind, level) for name, levels in LEVELS.items() for kind, level in levels.items()]
WORSE: tuple[dict[str, Any], ...] = (
    {"score": 500}, {"score": 100, "tier": 1}, {"first_time": True}, {"failures_24h": 3}, {"auto_hour": 99},
)  # fmt: skip


def document(name: str) -> Policy:
    found = pack(name)
    assert found is not None
    return found.document


def ruled(policy: Policy, kind: str, **seen: Any) -> Ruling:
    tables = build(policy)
    evidence = msgspec.convert(list((TRUSTED | seen).values()), Evidence)
    return judge(ask(tables, derive(tables, kind, "", {}), evidence, AT))


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_is_sound_says_what_it_is_and_comes_back_from_its_own_text(name: str) -> None:
    found = pack(name)
    assert found is not None
    assert found in packs()
    assert problems(found.document) == ()
    assert found.document.name == name
    assert found.meaning.lower().startswith(name)
    assert load(dump(found.document)) == found.document


def test_there_is_no_other_pack() -> None:
    assert pack("../document") is None


@pytest.mark.parametrize(("name", "kind", "level"), SAID)
def test_a_trusted_agent_meets_the_levels_of_the_domain(name: str, kind: str, level: int) -> None:
    assert ruled(document(name), kind).level == level


@pytest.mark.parametrize(("name", "kind", "level"), SAID)
def test_no_other_agent_meets_a_lower_one(name: str, kind: str, level: int) -> None:
    for seen in WORSE:
        assert ruled(document(name), kind, **seen).level >= level


@pytest.mark.parametrize("name", NAMES)
def test_what_the_domain_prohibits_is_denied_whoever_asks(name: str) -> None:
    policy = document(name)
    assert len(policy.envelope.forbidden_types) >= 4
    for kind in policy.envelope.forbidden_types:
        assert ruled(policy, kind).verdict == "denied"
    assert ruled(policy, "nobody.knows").level == 4


@pytest.mark.parametrize(
    ("name", "committee", "members", "needed"),
    [
        ("healthcare", "care_team", 3, 2),
        ("finance", "risk_committee", 5, 3),
        ("aviation", "safety_board", 3, 3),
    ],
)
def test_the_committee_of_the_domain_decides_level_four(
    name: str, committee: str, members: int, needed: int
) -> None:
    policy = document(name)
    assert committee_for(policy.routing, 4, "any.type", "unknown") == committee
    terms = policy.committees[committee]

    def sitting(handles: Iterable[str]) -> Any:
        return seated(terms, (Candidate(f"per_{one}", one, ("operator",)) for one in handles))

    handles = [seat.person for seat in terms.seats]
    whole = sitting(handles)
    assert (len(whole.members), whole.needed, whole.missing) == (members, needed, 0)
    assert sitting(handles[: needed - 1]).missing == 1

"""The interface of compliance packs: what judges an action before it runs (spec 03 §3.7, gate group 4).

Theory of operation
-------------------
A pack is asked while the gate derives facts from a request, where the parameters are at hand, and answers with findings:
*deny*, or *raise* to a level. Findings are recorded with the ruling, so that it can be judged again when the parameters are
erased; what a pack says can only make a ruling stricter. A pack is pure: it sees what `Asked` holds and nothing else.

Of the four things spec 3.7 asks of a module this is the first, judging. The others (a log after the action, a report for a
period, the preservation of evidence) read the ledger and need no part of the gate; they come with the regimes that use them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

DENY, RAISE = "deny", "raise"


class ComplianceTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`packs`: the compliance packs in force, by name."""

    packs: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request as a pack sees it: folded names, the class the server gave it, parameters with lower-case outer names."""

    action_type: str
    tool: str
    cls: str
    params: Mapping[str, Any]


# (rule, answer, level): `rule` is `pack.name`, answer DENY or RAISE, level 0 for DENY.
Finding = tuple[str, str, int]


class CompliancePack(msgspec.Struct, frozen=True, kw_only=True):
    """`judge` before the action. `prohibited`: types it always denies, so that a grant of before is not started either.

    `sentences` says of each rule, by the name in its findings, why. `observable`: may actions be observed under it?
    """

    name: str
    meaning: str
    judge: Callable[[Asked], tuple[Finding, ...]]
    sentences: Mapping[str, str]
    prohibited: frozenset[str] = frozenset()
    observable: bool = False


def of_domain(
    name: str, meaning: str, prohibited: tuple[str, ...], levels: Mapping[str, int]
) -> CompliancePack:
    """A pack that prohibits types and gives types their least level, whatever the policy's own classes say of them."""
    forbidden = frozenset(prohibited)
    denied = ((f"{name}.prohibited", DENY, 0),)
    raised = {kind: ((f"{name}.level", RAISE, level),) for kind, level in levels.items() if level}

    def judge(asked: Asked) -> tuple[Finding, ...]:
        return denied if asked.action_type in forbidden else raised.get(asked.action_type, ())

    sentences = {
        f"{name}.prohibited": f"the pack {name} prohibits this type of action",
        f"{name}.level": f"the pack {name} gives this type of action its least level",
    }
    return CompliancePack(name=name, meaning=meaning, judge=judge, sentences=sentences, prohibited=forbidden)


_PACKS = (
    of_domain(
        "healthcare",
        "charts under notice, notes confirmed, medication approved, treatment plans by the care team",
        (
            "chart.delete",
            "clinical_note.delete",
            "medication_record.delete",
            "access_log.change",
            "consent.override",
        ),
        {
            "chart.read": 1,
            "clinical_note.write": 2,
            "medication.order": 3,
            "medication.change": 3,
            "medication.stop": 3,
            "treatment_plan.create": 4,
            "treatment_plan.change": 4,
        },
    ),
    of_domain(
        "finance",
        "market data unasked, trades approved, risk limits by the risk committee",
        ("trade.backdate", "trade.wash", "trade_record.delete", "control.disable", "access_log.change"),
        {"trade.place": 3, "trade.change": 3, "trade.cancel": 3, "risk_limits.change": 4},
    ),
    of_domain(
        "aviation",
        "schedules unasked, flight plans approved, maintenance by the safety board",
        ("maintenance_record.delete", "flight_recorder.erase", "airworthiness.override", "access_log.change"),
        {
            "flight_plan.file": 3,
            "flight_plan.change": 3,
            "maintenance.schedule": 4,
            "maintenance.release": 4,
            "maintenance.defer": 4,
        },
    ),
)
PACKS: Mapping[str, CompliancePack] = {one.name: one for one in _PACKS}


def in_force(terms: ComplianceTerms) -> tuple[CompliancePack, ...]:
    """The packs a policy names; an unknown name is a fault of the policy (policy/soundness.py) and none here."""
    return tuple(PACKS[name] for name in terms.packs if name in PACKS)


def why(rule: str) -> str:
    """The sentence of a finding."""
    pack = PACKS.get(rule.partition(".")[0])
    return pack.sentences.get(rule, rule) if pack is not None else rule

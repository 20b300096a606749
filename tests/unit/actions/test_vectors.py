"""The gate's golden vectors: any changed answer needs a higher RULES_VERSION (DESIGN §1 law *Evidence*).

`vectors.json` is published: inputs (a policy and what each vector lays over it, request, evidence laid over a trusted
agent's) and what the gate derives, scores and rules. After a deliberate change raise `gate.RULES_VERSION` and run

    pytest tests/unit/actions/test_vectors.py --rewrite-vectors

which writes the answers of every vector; inputs are edited in the file by hand, a new one with "answer": null.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.actions.requests import AGENT, request, seen

from watchfloor.actions import gate
from watchfloor.actions.catalogue import RULES
from watchfloor.actions.messages import BudgetSeen
from watchfloor.policy.document import from_plain

FILE = Path(__file__).parent / "vectors.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = DOCUMENT["vectors"]


def laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """One document over another, member by member. The vectors bring their own default, so that ours may change."""
    merged = dict(under)
    for key, value in over.items():
        merged[key] = laid_over(merged[key], value) if isinstance(value, dict) and key in merged else value
    return merged


def _same(value: Any) -> Any:
    return value


_LISTS: dict[str, Callable[[Any], Any]] = {
    "stops": tuple,
    "budgets": lambda rows: msgspec.convert(rows, tuple[BudgetSeen, ...]),
}


def answer_to(vector: dict[str, Any]) -> dict[str, Any]:
    """What today's gate answers."""
    rules = from_plain(laid_over(DOCUMENT["policy"], vector["policy"]))
    world = World(at=START + vector.get("hours_later", 0) * 3_600_000_000)
    evidence = seen(**{name: _LISTS.get(name, _same)(value) for name, value in vector["evidence"].items()})
    facts = request(world, rules, evidence, **({"params": {}} | vector["request"]))
    assert facts.agent == AGENT
    plain = {
        "type": facts.action_type,
        "derived": facts.derived,
        "factors": gate.explain_risk(rules, facts.policy_digest, facts),
        "risk": facts.risk,
        "urgency": facts.urgency,
        "verdict": facts.verdict,
        "level": facts.level,
        "failed": facts.failed,
        "basis": "" if facts.grant is None else facts.grant.basis,
        "execution_ms": 0 if facts.grant is None else facts.grant.execution_ms,
        "reserves_micro": facts.reserves_micro,
        "reserves_tokens": facts.reserves_tokens,
    }
    return dict(json.loads(msgspec.json.encode(plain)))


def rewritten(
    document: dict[str, Any], version: int, answer: Callable[[dict[str, Any]], Any]
) -> dict[str, Any]:
    """The document with these answers. Raises ValueError when a known answer changed and the version did not rise."""
    old = document["vectors"]
    changed = [vector["name"] for vector in old if vector["answer"] not in (None, answer(vector))]
    if changed and version <= document["rules_version"]:
        raise ValueError(f"raise gate.RULES_VERSION above {document['rules_version']} first: {changed}")
    return document | {
        "rules_version": version,
        "vectors": [vector | {"answer": answer(vector)} for vector in old],
    }


@pytest.fixture(scope="module", autouse=True)
def _rewrite(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-vectors"):
        document = rewritten(DOCUMENT, gate.RULES_VERSION, answer_to)
        FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        pytest.skip("written; run again to compare")


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_gate_answers_as_published(vector: dict[str, Any]) -> None:
    assert answer_to(vector) == vector["answer"], (
        "a changed answer needs a higher gate.RULES_VERSION, then --rewrite-vectors"
    )


def test_the_vectors_are_those_of_todays_rules() -> None:
    assert DOCUMENT["rules_version"] == gate.RULES_VERSION


def test_the_vectors_show_every_rule_and_every_verdict() -> None:
    shown = {entry[0] for vector in VECTORS for entry in vector["answer"]["failed"]}
    assert shown == {rule.name for rule in RULES}
    assert {vector["answer"]["verdict"] for vector in VECTORS} == {"permitted", "pending", "denied"}
    assert {vector["answer"]["level"] for vector in VECTORS} == {0, 1, 2, 3, 4}
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)


def test_a_changed_answer_is_only_accepted_with_a_higher_version() -> None:
    document = {"rules_version": 3, "vectors": [{"name": "a", "answer": 1}, {"name": "new", "answer": None}]}
    with pytest.raises(ValueError, match=r"above 3 first: \['a'\]"):
        rewritten(document, 3, lambda vector: 2)
    assert rewritten(document, 4, lambda vector: 2)["vectors"][0]["answer"] == 2
    assert rewritten(document, 3, lambda vector: 1)["vectors"][1]["answer"] == 1

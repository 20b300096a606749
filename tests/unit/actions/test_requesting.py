"""A request becomes one event: what is refused, what is recorded (spec 3.1, DESIGN 2b.1)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from tests.transcripts.world import START, World
from tests.unit.actions.requests import ACTOR, AGENT, policy, request, seen

from watchfloor.actions import rules
from watchfloor.actions.gate import Gathered
from watchfloor.actions.messages import ActionDecided, RequestAction
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.subject import Given
from watchfloor.policy.digest import digest_of


def test_the_event_holds_the_request_the_evidence_and_the_grant() -> None:
    world, action, salt = World(), b'{"type":"x"}', b"z" * 32
    facts = request(
        world, type=" File.READ", tool="Pager ", action=action, salt=salt, task=4, generation=2, cost_micro=9
    )
    assert (facts.action_type, facts.tool, facts.agent) == ("file.read", "pager", AGENT)
    assert facts.digest == sha256(salt + action).hexdigest()
    assert facts.policy_digest == digest_of(policy())
    assert facts.evidence == seen(zones_new=1)
    assert (facts.task, facts.generation, facts.cost_micro, facts.reserves_micro) == (4, 2, 9, 9)
    assert facts.nonce == nonce_from(sha256(b"entropy 0").digest())
    assert facts.grant is not None
    assert world.events[0].private  # the private part is committed to


def test_the_draft_carries_the_salt_the_digest_was_made_with() -> None:
    """The engine must not salt again: the digest in the facts and the commitment are of one salt."""
    document = policy()
    evidence = Gathered(policy=document, policy_version=1, policy_digest=digest_of(document), evidence=seen())
    command = RequestAction(agent=1, type="file.read", action=b"{}", salt=b"s" * 32, private=b"{}")
    given = Given(at=START, subject=1, entropy=b"e" * 32, actor=ACTOR, evidence=evidence)
    (draft,) = rules.request(None, command, given)
    assert (draft.salt, draft.private) == (b"s" * 32, b"{}")


def test_nothing_is_reserved_for_what_is_denied_and_something_for_what_waits() -> None:
    assert request(World(), evidence=seen(stops=(3,)), cost_micro=9).reserves_micro == 0
    waiting = request(World(), evidence=seen(score=100), cost_micro=9)
    assert (waiting.verdict, waiting.reserves_micro) == ("pending", 9)
    unsaid = request(World())
    assert (unsaid.cost_micro, unsaid.reserves_micro, unsaid.reserves_tokens) == (0, 0, 0)


def test_urgency_is_the_agents_claim_until_risk_says_more() -> None:
    assert request(World(), urgency="low").urgency == "low"
    assert request(World(), urgency="high").urgency == "high"
    assert request(World(), type="unheard.of", urgency="low").urgency == "immediate"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"type": ""}, ("invalid_name", "/type", 422)),
        ({"type": " \t"}, ("invalid_name", "/type", 422)),
        ({"type": "x" * 129}, ("invalid_name", "/type", 422)),
        ({"tool": "x" * 129}, ("invalid_name", "/tool", 422)),
        ({"type": "a\ud800"}, ("not_canonical", "/type", 422)),
        ({"urgency": "yesterday"}, ("unknown_choice", "/urgency", 422)),
        ({"cost_micro": -2}, ("out_of_range", "/cost_micro", 422)),
        ({"tokens": -2}, ("out_of_range", "/tokens", 422)),
        ({"cost_micro": INTEGER_MAX + 1}, ("out_of_range", "/cost_micro", 422)),
    ],
)
def test_nonsense_is_refused(fields: dict[str, Any], refusal: tuple[str, str, int]) -> None:
    with pytest.raises(Refused) as refused:
        request(World(), **fields)
    assert (refused.value.code, refused.value.field, refused.value.status) == refusal


def test_a_deceptive_name_is_no_nonsense_but_a_recorded_attempt() -> None:
    facts = request(World(), type="file\u200b.read")
    assert (facts.verdict, facts.derived.violations) == ("denied", ("ambiguous_name",))
    assert request(World(), type="größe.lesen").action_type == "grösse.lesen"


def test_an_action_is_judged_once() -> None:
    world = World()
    request(world)
    with pytest.raises(Refused) as refused:
        request(world, subject=1)
    assert refused.value.code == "already_judged"


def test_a_dry_run_drafts_the_same_event() -> None:
    assert request(World(), dry_run=True) == request(World())


def test_every_kind_of_facts_is_declared_once() -> None:
    folded = {facts for subject in rules.SUBJECTS for facts in subject.evolve}
    assert folded == set(rules.FACTS)
    assert len(rules.FACTS) == len(set(rules.FACTS))
    assert ActionDecided in folded

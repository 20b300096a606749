"""What people see of trust, policies and people, and the timeline of a story (spec 3.4, 3.6, 7)."""

from __future__ import annotations

import pytest
from tests.unit.views.floor import PERSON, Floor
from tests.unit.views.history import decided

from watchfloor.kernel.terms import Policy
from watchfloor.people import messages as people
from watchfloor.policy.messages import PolicyApplied
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work import messages as work


@pytest.fixture
def floor() -> Floor:
    return Floor()


# Trust, policy, people -----------------------------------------------------------------------------------------------


def test_trust_moves_the_agent_and_keeps_its_history(floor: Floor) -> None:
    agent = floor.agent()
    changed = TrustChanged(
        counted=False,
        moves_at=0,
        points=10,
        reason="",
        score=310,
        score_before=300,
        source=4,
        tier=1,
        tier_before=1,
        what="task_succeeded",
    )
    floor.add(changed, agent)
    floor.add(TrustReassessed(moves_at=0, score=150, score_before=310, tier=0, tier_before=1), agent)
    assert floor.one("SELECT score, tier FROM agents") == {"score": 150, "tier": 0}
    first, second = floor.rows("SELECT * FROM trust_history ORDER BY seq")
    assert (first["what"], first["points"], first["counted"], first["source"]) == ("task_succeeded", 10, 0, 4)
    assert (second["what"], second["score_before"], second["tier_before"]) == ("reassessed", 310, 1)


def test_every_version_of_the_policy_is_kept(floor: Floor) -> None:
    for version in (1, 2):
        facts = PolicyApplied(
            digest=f"d{version}", document=Policy(name="ours"), nonce=1, reason="first", version=version
        )
        floor.add(facts, 1, actor=PERSON)
    assert [row["digest"] for row in floor.rows("SELECT * FROM policies ORDER BY version")] == ["d1", "d2"]
    assert {row["applied_by"] for row in floor.rows("SELECT * FROM policies")} == {"per_1"}


def test_people_their_roles_and_their_credentials(floor: Floor) -> None:
    floor.add(people.OrganisationFounded(name="Acme", nonce=1, origin="acme.test/ledger"))
    person = floor.add(
        people.PersonJoined(handle="grace", nonce=3, roles=("operator",)), private=True
    ).subject
    floor.add(people.RolesChanged(roles=("director", "auditor")), person)
    issued = people.CredentialIssued(
        credential="tok_1", expires_at=0, purpose="token", scopes=("agents:read",)
    )
    floor.add(issued, person, actor=PERSON)
    assert floor.one("SELECT name, id FROM organisations") == {"name": "Acme", "id": "org_test"}
    assert floor.one("SELECT roles, enabled FROM people") == {"roles": '["director","auditor"]', "enabled": 1}
    floor.add(people.CredentialRevoked(credential="tok_1", reason="lost"), person, actor=PERSON)
    end = floor.add(people.PersonDisabled(), person)
    row = floor.one("SELECT * FROM credentials")
    assert (row["scopes"], row["reason"], row["revoked_by"]) == ('["agents:read"]', "lost", "per_1")
    assert floor.one("SELECT enabled, disabled_at FROM people") == {"enabled": 0, "disabled_at": end.at}


def test_a_story_is_every_event_of_its_correlation_in_order_and_nothing_else(floor: Floor) -> None:
    agent = floor.agent()
    task = floor.task()
    floor.add(decided(agent))
    assigned = floor.add(
        work.TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1),
        task,
        story="tsk_x",
        cause=task,
    )
    lines = floor.rows("SELECT * FROM timeline WHERE org = 1 AND story = 'tsk_x' ORDER BY seq")
    assert [(line["seq"], line["type"], line["cause"]) for line in lines] == [
        (task, "task.submitted/1", 0),
        (assigned.seq, "task.assigned/1", task),
    ]

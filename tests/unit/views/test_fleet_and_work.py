"""What people see of agents and tasks after what happened (spec 2)."""

from __future__ import annotations

import pytest
from tests.unit.views.floor import Floor

from watchfloor.fleet import messages as fleet
from watchfloor.kernel.messages import Facts
from watchfloor.trust import messages as trust
from watchfloor.work import messages as work


@pytest.fixture
def floor() -> Floor:
    return Floor()


# Agents ------------------------------------------------------------------------------------------------------------


def test_a_registered_agent_is_offline_with_its_first_key_and_no_trust_yet(floor: Floor) -> None:
    agent = floor.agent()
    row = floor.one("SELECT * FROM agents")
    assert (row["agent"], row["name"], row["state"], row["presence"]) == (agent, "ada", "offline", "offline")
    assert (row["id"][:4], row["capabilities"], row["score"], row["tier"]) == (
        "agt_",
        '["python"]',
        None,
        None,
    )
    assert floor.one("SELECT * FROM agent_keys")["issued_by"] == "per_1"


def test_an_agent_is_what_its_session_its_tasks_and_its_containment_say(floor: Floor) -> None:
    agent = floor.agent()
    floor.add(fleet.AgentConnected(node="n1", session="s1"), agent)
    assert floor.state(agent) == "idle"
    task = floor.task()
    floor.add(work.TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1), task)
    assert floor.state(agent) == "assigned"
    floor.add(work.TaskAccepted(agent=agent, generation=1), task)
    assert floor.state(agent) == "working"
    floor.add(work.TaskProgressed(generation=1, percent=10, status="blocked"), task)
    assert floor.state(agent) == "blocked"
    floor.add(fleet.AgentDegraded(session="s1"), agent)
    assert floor.state(agent) == "degraded"
    floor.add(fleet.AgentRecovered(session="s1"), agent)
    assert floor.state(agent) == "blocked"
    floor.add(fleet.AgentQuarantined(reason="runaway"), agent)
    assert floor.state(agent) == "quarantined"
    floor.add(fleet.AgentReleased(reason="looked at"), agent)
    floor.add(fleet.AgentDisconnected(reason="closed", session="s1"), agent)
    assert floor.state(agent) == "offline"
    floor.add(fleet.AgentRetired(reason=""), agent)
    assert floor.state(agent) == "retired"


def test_each_version_of_an_agent_has_what_came_of_the_work_accepted_under_it(floor: Floor) -> None:
    agent = floor.agent()

    def worked(*, well: bool, pause: int) -> None:
        """A task accepted now, ended `pause` events later."""
        task = floor.task()
        floor.add(work.TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1), task)
        floor.add(work.TaskAccepted(agent=agent, generation=1), task)
        for _ in range(pause):
            floor.add(fleet.NodeStarted(incarnation="a", node="n1", version="1"))
        if well:
            ended: Facts = work.TaskSucceeded(
                agent=agent, cost_micro=0, generation=1, tokens=0, verified=True
            )
        else:
            ended = work.TaskDeadLettered(agent=agent, generation=1, reason="failed")
        floor.add(ended, task)

    worked(well=True, pause=3)
    proposed = fleet.VersionProposed(
        label="2",
        number=2,
        previous=1,
        prompt_digest="",
        reason="better",
        rollback_to=0,
        tools=(),
        tools_digest="",
    )
    floor.add(proposed, agent)
    floor.add(
        fleet.VersionActivated(
            action=0, approved_by=("per_2",), label="2", number=2, previous=1, rollback=False, tools=()
        ),
        agent,
    )
    worked(well=True, pause=1)
    worked(well=False, pause=0)
    floor.add(reviewed("reviewed_positively"), agent)
    first, second = floor.rows("SELECT * FROM agent_versions ORDER BY number")
    names = ("tasks", "succeeded", "completion_us", "reviews_positive", "reviews_negative")
    assert [first[name] for name in names] == [1, 1, 4_000, 0, 0], "an event is a millisecond"
    assert [second[name] for name in names] == [2, 1, 2_000, 1, 0]
    assert (first["state"], second["state"], second["approved_by"]) == ("replaced", "active", '["per_2"]')


def reviewed(what: str) -> trust.TrustChanged:
    return trust.TrustChanged(
        counted=True,
        moves_at=0,
        points=5,
        reason="",
        score=405,
        score_before=400,
        source=1,
        tier=2,
        tier_before=2,
        what=what,
    )


def test_a_node_that_starts_again_ends_its_earlier_sessions_and_no_later_ones(floor: Floor) -> None:
    floor.add(fleet.NodeStarted(incarnation="a", node="n1", version="1"))
    before, elsewhere, after = floor.agent("a"), floor.agent("b"), floor.agent("c")
    floor.add(fleet.AgentConnected(node="n1", session="s1"), before)
    floor.add(fleet.AgentConnected(node="n2", session="s2"), elsewhere)
    floor.add(fleet.NodeStarted(incarnation="b", node="n1", version="1"))
    floor.add(fleet.AgentConnected(node="n1", session="s3"), after)
    assert [row["presence"] for row in floor.rows("SELECT presence FROM agents ORDER BY agent")] == [
        "offline",
        "online",
        "online",
    ]


def test_instances_number_agents_of_one_role_and_category_from_0(floor: Floor) -> None:
    floor.agent("a")
    floor.agent("b", agent_type="planner")
    floor.agent("c")
    assert [row["instance"] for row in floor.rows("SELECT instance FROM agents ORDER BY agent")] == [0, 0, 1]


def test_a_rotated_key_shows_its_overlap_and_its_successor(floor: Floor) -> None:
    agent = floor.agent()
    issued = fleet.KeyIssued(credential="key_2", expires_at=9, overlap_until_at=7, rotates="key_ada")
    floor.add(issued, agent)
    floor.add(fleet.KeyRevoked(credential="key_2", reason="leaked"), agent)
    old, new = floor.rows("SELECT * FROM agent_keys ORDER BY issued_at")
    assert (old["replaced_by"], old["until_at"], old["revoked_at"]) == ("key_2", 7, 0)
    assert (new["rotates"], new["reason"]) == ("key_ada", "leaked")
    assert new["revoked_at"] > new["issued_at"]


def test_throttling_shows_on_the_agent(floor: Floor) -> None:
    agent = floor.agent()
    floor.add(fleet.AgentThrottled(count=40, window_ms=60_000), agent)
    assert floor.one("SELECT throttled_count FROM agents")["throttled_count"] == 40


# Tasks -------------------------------------------------------------------------------------------------------------


def test_a_verified_task_points_at_its_report_and_at_the_platforms_check(floor: Floor) -> None:
    agent, task = floor.agent(), floor.task()
    floor.add(work.TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1), task)
    floor.add(work.TaskAccepted(agent=agent, generation=1), task)
    reported = floor.add(
        work.TaskReported(agent=agent, cost_micro=5, generation=1, tokens=9), task, private=True
    )
    row = floor.one("SELECT * FROM tasks")
    assert (row["status"], row["reported_at"], row["finished_at"]) == ("running", reported.at, 0)
    done = floor.add(
        work.TaskSucceeded(agent=agent, cost_micro=5, generation=1, tokens=9, verified=True),
        task,
        private=True,
    )
    row = floor.one("SELECT * FROM tasks")
    assert (row["status"], row["verified"], row["finished_at"]) == ("succeeded", 1, done.at)
    assert (row["submitted_seq"], row["report_seq"], row["verification_seq"]) == (
        task,
        reported.seq,
        done.seq,
    )
    assert (row["lane"], row["submitted_by"], row["story"], row["cost_micro"]) == (1, "per_1", "tsk_x", 5)


def test_a_task_that_fails_its_check_goes_back_to_the_queue_and_ends_in_the_dead_letter(floor: Floor) -> None:
    agent, task = floor.agent(), floor.task()
    floor.add(work.TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1), task)
    checked = floor.add(
        work.TaskAttemptFailed(agent=agent, generation=1, reason="not_verified", retry_at=77),
        task,
        private=True,
    )
    row = floor.one("SELECT * FROM tasks")
    assert (row["status"], row["reason"], row["retry_at"]) == ("failed", "not_verified", 77)
    assert (row["verification_seq"], row["report_seq"]) == (checked.seq, 0)
    floor.add(work.TaskRequeued(), task)
    assert floor.one("SELECT status FROM tasks")["status"] == "queued"
    assert floor.one("SELECT tasks_open FROM agents")["tasks_open"] == 0
    dead = floor.add(work.TaskDeadLettered(agent=agent, generation=2, reason="timed_out"), task)
    row = floor.one("SELECT * FROM tasks")
    assert (row["status"], row["finished_at"], row["reason"]) == ("dead_letter", dead.at, "timed_out")
    floor.add(work.TaskRetried(), task)
    row = floor.one("SELECT * FROM tasks")
    assert (row["status"], row["finished_at"], row["attempt"], row["reason"]) == ("queued", 0, 0, "")


def test_a_rating_stands_beside_the_task(floor: Floor) -> None:
    agent, task = floor.agent(), floor.task()
    rated = floor.add(work.TaskReviewed(agent=agent, owner="per_2", verdict="negative"), task, private=True)
    row = floor.one("SELECT * FROM tasks")
    assert (row["review"], row["review_seq"], row["reviewed_at"]) == ("negative", rated.seq, rated.at)
    assert row["reviewed_by"] == rated.actor.id


def test_an_orphaned_task_waits_resumes_and_can_be_cancelled(floor: Floor) -> None:
    agent, task = floor.agent(), floor.task(priority="unheard-of")
    floor.add(work.TaskAssigned(accept_by_at=1, agent=agent, attempt=1, generation=1), task)
    floor.add(work.TaskOrphaned(agent=agent, generation=1, until_at=88), task)
    assert floor.one("SELECT status, until_at, lane FROM tasks") == {
        "status": "orphaned",
        "until_at": 88,
        "lane": 4,
    }
    floor.add(work.TaskResumed(agent=agent, generation=1), task)
    assert floor.one("SELECT status, until_at FROM tasks") == {"status": "running", "until_at": 0}
    floor.add(work.TaskCancelled(agent=agent, generation=1, reason="changed my mind"), task)
    late = floor.add(work.TaskReportedLate(agent=agent, generation=1, report="completed"), task)
    row = floor.one("SELECT * FROM tasks")
    assert (row["status"], row["reason"], row["updated_seq"]) == ("cancelled", "changed my mind", late.seq)

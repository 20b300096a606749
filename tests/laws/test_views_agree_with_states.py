"""Views and states are two folds of the same events, written by different hands: where both tell, they agree.

The histories are those of the simulation: real rules, processes, crashes, retries and time (DESIGN §1 *Replay*).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.oracle import events_of
from tests.simulation.scene import ORG, Scene

from watchfloor.actions.containment import BreakerState, StandingState, StopState
from watchfloor.actions.life import ActionState
from watchfloor.councils.decision import Decision
from watchfloor.councils.quorum import approvers
from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.view_writer import Writer
from watchfloor.fleet.agent import Agent
from watchfloor.kernel.ids import public_id
from watchfloor.people.rules import Person
from watchfloor.registers.delivery import session_current
from watchfloor.trust.rules import TrustState
from watchfloor.work.life import Task

SEEDS = range(40)
CLOSED = {"grant_expired": "expired"}


class Both:
    """One simulated run, its final states and the views of its events."""

    def __init__(self, seed: int, folder: Path) -> None:
        scene = Scene(seed, faulty=(0.0, 0.1)[seed % 2])
        scene.run(150)
        self.world = scene.world
        self.events = events_of(scene)
        self.writer = Writer(folder / "views.db", TABLES, PROJECTORS, EVERY)
        self.writer.open({ORG: len(self.events)})
        self.writer.add(ORG, self.events)
        self.writer.commit()

    def rows(self, table: str) -> list[dict[str, Any]]:
        cursor = self.writer.connection.execute(f"SELECT * FROM {table} WHERE org = ?", (ORG,))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def pairs(self, table: str, kind: str, key: str) -> list[tuple[dict[str, Any], Any]]:
        """Every row with the state of its subject; every subject that began has a row."""
        rows = self.rows(table)
        # What was not to be (a refused delegation) is recorded under a number of its own, and never began.
        begun = {
            event.subject
            for event in self.events
            if event.kind == kind
            and event.subject == event.seq
            and self.world.read(kind, event.subject) is not None
        }
        assert {row[key] for row in rows} == begun
        return [(row, self.world.read(kind, row[key])) for row in rows]


@pytest.fixture(params=SEEDS)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    return Both(request.param, tmp_path)


def test_views_tell_of_every_subject_what_its_state_tells(both: Both) -> None:
    for check in (tasks, actions, decisions, agents, trust, people, containment):
        check(both)
    both.writer.close()


def tasks(both: Both) -> None:
    for row, state in both.pairs("tasks", "task", "task"):
        assert isinstance(state, Task)
        assert row["id"] == public_id("task", row["task"], state.nonce) == row["story"]
        assert (row["status"], row["generation"]) == (state.status, state.generation)
        assert json.loads(row["needs"]) == list(state.needs)
        assert (row["priority"], row["only_agent"]) == (state.priority, state.only_agent)
        assert bool(row["finished_at"]) == (state.status in ("succeeded", "dead_letter", "cancelled"))
        if state.agent:
            assert row["agent"] == state.agent
        if state.status not in ("queued", "dead_letter", "cancelled"):
            assert row["attempt"] == state.attempts


def actions(both: Both) -> None:
    for row, state in both.pairs("actions", "action", "action"):
        assert isinstance(state, ActionState)
        wanted = CLOSED.get(state.reason, state.reason) if state.status == "closed" else state.status
        assert row["status"] == wanted
        assert row["id"] == public_id("action", row["action"], state.nonce)
        assert (row["type"], row["tool"], row["class"]) == (state.action_type, state.tool, state.cls)
        assert (row["agent"], row["task"], row["level"]) == (state.agent, state.task, state.level)
        assert (row["risk"], row["urgency"], row["execution"]) == (state.risk, state.urgency, state.execution)
        if state.status == "granted":
            assert state.grant is not None
            assert (row["basis"], row["expires_at"]) == (state.grant.basis, state.grant.expires_at)
        if state.status == "closed":
            assert row["reason"] == state.reason
        ended = ("completed", "failed", "denied", "closed")
        assert bool(row["finished_at"]) == (state.status in ended)


def decisions(both: Both) -> None:
    for row, state in both.pairs("decisions", "decision", "decision"):
        assert isinstance(state, Decision)
        assert (row["status"], row["action"], row["agent"]) == (state.status, state.action, state.agent)
        assert (row["needed"], row["role"], row["deadline_at"]) == (
            state.needed,
            state.role,
            state.deadline_at,
        )
        assert (row["decided_at"], row["opened_at"]) == (state.decided_at, state.opened_at)
        assert row["approvals"] == len(approvers(state.votes))
        votes = [vote for vote in both.rows("votes") if vote["decision"] == row["decision"]]
        accepted = [
            (vote["person"], vote["vote"], bool(vote["late"])) for vote in votes if not vote["refused"]
        ]
        assert accepted == [(vote.person, vote.vote, vote.late) for vote in state.votes]
        refused = [(vote["person"], vote["refused"]) for vote in votes if vote["refused"]]
        assert set(refused) == set(state.refused)


def agents(both: Both) -> None:
    for row, state in both.pairs("agents", "agent", "agent"):
        assert isinstance(state, Agent)
        assert (row["name"], row["owner"]) == (state.name, state.owner)
        # A node that started anew has ended its earlier sessions, however late each disconnection is recorded.
        assert row["presence"] == (state.presence if session_current(state, both.world.read) else "offline")
        assert bool(row["quarantined_at"]) == state.quarantined
        assert bool(row["retired_at"]) == state.retired
        if state.presence != "offline":
            assert (row["node"], row["session"]) == (state.node, state.session)
        held = [
            task["task"]
            for task in both.rows("tasks")
            if task["agent"] == row["agent"]
            and task["status"] in ("assigned", "running", "blocked", "orphaned")
        ]
        assert row["tasks_open"] == len(held)
        keys = {key["credential"]: key for key in both.rows("agent_keys") if key["agent"] == row["agent"]}
        for key in state.keys:
            shown = keys[key.id]
            assert (shown["expires_at"], bool(shown["revoked_at"])) == (key.expires_at, bool(key.revoked_at))


def trust(both: Both) -> None:
    history = both.rows("trust_history")
    for row in both.rows("agents"):
        state = both.world.read("trust", row["agent"])
        if state is None:
            assert (row["score"], row["tier"]) == (None, None)
            continue
        assert isinstance(state, TrustState)
        assert (row["score"], row["tier"]) == (state.score, state.tier)
        newest = max(
            (line for line in history if line["agent"] == row["agent"]), key=lambda line: line["seq"]
        )
        assert (newest["score"], newest["tier"]) == (state.score, state.tier)


def people(both: Both) -> None:
    for row, state in both.pairs("people", "person", "person"):
        assert isinstance(state, Person)
        assert (row["handle"], json.loads(row["roles"])) == (state.handle, list(state.roles))
        assert bool(row["enabled"]) != state.disabled


def containment(both: Both) -> None:
    for row, state in both.pairs("stops", "stop", "stop"):
        assert isinstance(state, StopState)
        assert (row["scope"], row["target"], bool(row["lifted_at"])) == (
            state.scope,
            state.target,
            state.lifted,
        )
    for row, state in both.pairs("standing_approvals", "standing", "standing"):
        assert isinstance(state, StandingState)
        assert (row["type"], bool(row["revoked_at"])) == (state.action_type, state.revoked)
    newest: dict[tuple[str, str], BreakerState] = {}
    for event in both.events:
        if event.type == "breaker.opened/1":
            state = both.world.read("breaker", event.subject)
            newest[(state.scope, state.target)] = state
    shown = {(row["scope"], row["target"]): row["until_at"] for row in both.rows("breakers")}
    assert shown == {key: state.until_at for key, state in newest.items()}


def test_every_story_of_a_task_is_complete_from_submission_to_trust(both: Both) -> None:
    """Everything that happened to a task, its actions, their decisions, and the trust they moved is in its timeline."""
    lines = {(line["story"], line["seq"]) for line in both.rows("timeline")}
    stories = {row["task"]: row["id"] for row in both.rows("tasks")}
    of_action = {
        row["action"]: stories[row["task"]] for row in both.rows("actions") if row["task"] in stories
    }
    of_decision = {
        row["decision"]: of_action[row["action"]]
        for row in both.rows("decisions")
        if row["action"] in of_action
    }
    tables = {"task": stories, "action": of_action, "decision": of_decision}
    told: dict[int, str] = {}
    for event in both.events:
        story = tables.get(event.kind, {}).get(event.subject, "")
        if event.type == "trust.changed/1":
            story = told.get(event.cause, "")
        if story:
            told[event.seq] = story
            assert (story, event.seq) in lines, f"{event.type} at {event.seq} is missing from {story}"
    both.writer.close()

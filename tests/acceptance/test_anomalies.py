"""Every kind of anomaly of spec 3.4 shown from outside: only commands that agents and people send, and what the views tell.

On the floor of the thirty days, with a clock made up; reviewers' anomalies and the routes are shown on a running server
(tests/integration/http/test_reviewers.py, test_anomalies.py).
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.acceptance.month.floor import BEGINS, POLICY, Month
from tests.simulation.scene import CATALOGUE, ORG

from watchfloor.actions import messages as actions
from watchfloor.councils.messages import CastVote
from watchfloor.fleet.messages import ConnectAgent, RegisterAgent
from watchfloor.kernel.anomaly_terms import AnomalyTerms
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, HOUR, MINUTE
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.terms import Policy
from watchfloor.trust.messages import AdjustTrust
from watchfloor.work import messages as work

CONTAINING = msgspec.structs.replace(POLICY, anomalies=AnomalyTerms(contain=("coordinated",)))


class Stage(Month):
    """The floor with everything done at once, at instants the test names. `number` of times its views were made."""

    number = 0

    def until(self, instant: int) -> None:
        """Time passes, in steps of an hour so that clocks ring near their instants."""
        while self.now < instant:
            self.now = min(instant, self.now + HOUR)
            self._ring()

    def person(self, handle: str) -> Actor:
        return Actor(kind="person", id=self.people[handle], credential="tok")

    def act(self, who: int, *, kind: str = "file.read", path: str = "", fails: bool = False) -> str:
        """Ask; where people have to agree they do; carry it out. The gate's verdict."""
        agent, actor = self.agents[who]
        self._number += 1
        params = {"path": path or f"work/part-{self._number}.md"}
        action = canonical({"params": params, "tool": "kit", "type": kind})
        command = actions.RequestAction(
            agent=agent,
            type=kind,
            tool="kit",
            params=params,
            action=action,
            salt=self.random.randbytes(32),
            private=b'{"action":' + action + b"}",
        )
        answer = self.ask(command, actor, agent=agent)
        facts: Any = answer.event.facts if answer.event is not None else None
        if facts.verdict == "pending":
            decision = self.read("waiting", answer.seq)
            digest = self.read("decision", decision).digest
            vote = CastVote(subject=decision, person=self.people["bob"], vote="approve", digest=digest)
            self.ask(vote, self.person("bob"))
        if facts.verdict != "denied":
            self._execute_now(answer.seq, actor, fails=fails)
        verdict: str = facts.verdict
        return verdict

    def _execute_now(self, subject: int, actor: Actor, *, fails: bool) -> None:
        state = self.read("action", subject)
        rest = {"subject": subject, "agent": state.agent}
        start = actions.StartAction(
            **rest, grant=state.grant.number, execution=f"e{subject}", digest=state.digest
        )
        self.ask(start, actor, agent=state.agent)
        ends = actions.FailAction if fails else actions.CompleteAction
        self.ask(ends(**rest, execution=f"e{subject}"), actor, agent=state.agent)

    def task(self, who: int) -> int:
        """A task done and verified; its subject."""
        agent, actor = self.agents[who]
        task = self.ask(work.SubmitTask(agent=agent, criteria=1, private=canonical({"title": "t"}))).seq
        number: int = self.read("task", task).generation
        self.ask(work.AcceptTask(subject=task, agent=agent, generation=number), actor, agent=agent)
        self.ask(work.CompleteTask(subject=task, agent=agent, generation=number), actor, agent=agent)
        self.ask(work.RecordVerification(subject=task, generation=number, passed=True))
        return task

    def agent_of(self, handle: str) -> int:
        """One more agent, of this person; its place."""
        place = len(self.agents)
        key = f"key_{place}"
        register = RegisterAgent(
            name=f"agent-{place}",
            type="worker",
            capabilities=("build",),
            owner=self.people[handle],
            credential=key,
            expires_at=self.now + 300 * DAY,
        )
        answer = self.ask(register)
        nonce: int = answer.event.facts.nonce  # type: ignore[union-attr]
        self.ask(ConnectAgent(subject=answer.seq, node="node-1", session=f"i1.{place}"))
        actor = Actor(kind="agent", id=public_id("agent", answer.seq, nonce), credential=key)
        self.agents.append((answer.seq, actor))
        return place


Found = dict[str, dict[str, Any]]


def found(stage: Stage, folder: Path) -> Found:
    """Anomalies by kind, with the types of the events that show them."""
    stage.number += 1
    (folder / str(stage.number)).mkdir()
    views = stage.views(folder / str(stage.number))
    rows = asyncio.run(views.rows("SELECT * FROM anomalies WHERE org = :org"))
    for row in rows:
        shown = [stage.store.rows[ORG][seq - 1][1] for seq in json.loads(row["evidence"])]
        row["shown"] = {CATALOGUE.decode(data).type for data in shown}
    assert len({row["what"] for row in rows}) == len(rows), "each is said once"
    return {row["what"]: row for row in rows}


def staged(policy: Policy = POLICY) -> Stage:
    stage = Stage(policy=policy)
    stage.until(BEGINS + 2 * HOUR)
    return stage


def test_a_series_of_violations_and_the_fall_of_trust_it_brings(tmp_path: Path) -> None:
    stage = staged()
    for _ in range(3):
        assert stage.act(0, path="/etc/shadow") == "denied"
        stage.until(stage.now + 10 * MINUTE)
    anomalies = found(stage, tmp_path)
    assert anomalies.keys() == {"violations", "trust_drop"}
    assert anomalies["violations"]["shown"] == {"action.decided/1"}
    assert anomalies["violations"]["measured"] == 3
    assert anomalies["trust_drop"]["measured"] == 100, "of two violations already: more than 50 points"


def test_failing_far_more_often_than_before(tmp_path: Path) -> None:
    stage = staged()
    for _ in range(25):
        stage.act(0)
        stage.until(stage.now + 5 * MINUTE)
    stage.until(BEGINS + 2 * DAY + 8 * HOUR)
    for number in range(5):
        stage.act(0, fails=True)
        if number < 4:
            assert "failure_rate" not in found(stage, tmp_path), "fewer than five say nothing"
        stage.until(stage.now + 20 * MINUTE)
    anomalies = found(stage, tmp_path)
    assert anomalies.keys() == {"failure_rate", "trust_drop"}
    assert anomalies["failure_rate"]["shown"] == {"action.failed/1"}
    assert anomalies["failure_rate"]["measured"] == 1000


def test_owners_who_praise_each_others_agents(tmp_path: Path) -> None:
    stage = staged()
    other = stage.agent_of("eve")
    for _ in range(3):
        for place, reviewer in ((0, "eve"), (other, "own")):
            task = stage.task(place)
            review = work.ReviewTask(subject=task, verdict="positive", reason="great")
            stage.ask(review, stage.person(reviewer))
            stage.until(stage.now + HOUR)
    anomalies = found(stage, tmp_path)
    assert anomalies.keys() == {"reciprocal_reviews"}
    row = anomalies["reciprocal_reviews"]
    assert row["shown"] == {"task.reviewed/1"}
    assert set(row["about"].split()) == {stage.people["eve"], stage.people["own"]}
    assert json.loads(row["agents"]) == sorted((stage.agents[0][0], stage.agents[other][0]))


def test_trust_that_grows_from_one_trivial_action_alone(tmp_path: Path) -> None:
    stage = staged()
    for day in range(3):
        stage.until(BEGINS + day * DAY + 8 * HOUR)
        for _ in range(21):
            stage.act(0)
            stage.act(1)
            stage.until(stage.now + 3 * MINUTE)
        stage.task(1)  # vouched work besides: that is no farming
    anomalies = found(stage, tmp_path)
    assert anomalies.keys() == {"farming"}
    assert anomalies["farming"]["agent"] == stage.agents[0][0]
    assert anomalies["farming"]["measured"] == 3


def test_staying_just_below_the_hourly_limit(tmp_path: Path) -> None:
    stage = staged()
    for place in (0, 1):
        stage.ask(
            AdjustTrust(subject=stage.agents[place][0], points=600, reason="known"), stage.person("cyd")
        )
    for hour in range(4):
        stage.until(BEGINS + (8 + hour) * HOUR)
        for number in range(27):
            assert stage.act(0) == "permitted"
            if number < 10:
                stage.act(1)
            stage.until(stage.now + MINUTE)
    anomalies = found(stage, tmp_path)
    assert anomalies.keys() == {"limit_hugging"}
    row = anomalies["limit_hugging"]
    assert (row["agent"], row["about"], row["measured"]) == (stage.agents[0][0], "file.read", 3)


@pytest.mark.parametrize("policy", [POLICY, CONTAINING], ids=["told", "contained"])
def test_several_at_once_beyond_chance_and_contained_where_the_policy_says_so(
    tmp_path: Path, policy: Policy
) -> None:
    stage = staged(policy)
    for place in range(3):
        stage.act(place, path="/etc/shadow")
    anomalies = found(stage, tmp_path)
    assert anomalies.keys() == {"coordinated"}
    concerned = [agent for agent, _ in stage.agents[:3]]
    assert json.loads(anomalies["coordinated"]["agents"]) == concerned
    contained = policy is CONTAINING
    assert [stage.read("agent", agent).quarantined for agent, _ in stage.agents[:4]] == [contained] * 3 + [
        False
    ]

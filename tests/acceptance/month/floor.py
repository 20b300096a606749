"""A fleet at work for thirty days: what it asks for, what people say, and what became of it.

Everything an agent or a person does goes through the sequencer, as it does in the server; the clock, the store and the
dice are those of the simulation. What is made up is the world outside, and these numbers are all of it:

- an agent reads or searches twenty times a working day, writes five times, proposes one patch and does two checked tasks;
- one action in a hundred (of reads one in a thousand) is a mistake. What a mistake does when it runs: it fails;
- people open a decision 10 to 90 s after it came and decide within 5 to 60 s more; two in a hundred nobody opens. They
  recognise nine mistakes of ten, and take one good action in a hundred for a mistake;
- one task in fifty does not pass the platform's check.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Any

from tests.simulation.scene import CATALOGUE, ORG, RULES, WIRING
from tests.simulation.store import SimulatedStore

from watchfloor.actions import messages as actions
from watchfloor.councils.messages import CastVote, NoteSeen
from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.requests import Answer, Lane, Request
from watchfloor.engine.sequencer import Sequencer
from watchfloor.engine.view_writer import Writer
from watchfloor.fleet.messages import ConnectAgent, RegisterAgent
from watchfloor.http import figures
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import nonce_from, public_id
from watchfloor.kernel.instants import DAY, HOUR, MINUTE, SECOND
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Refused
from watchfloor.kernel.system import Advance, StartNode
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.contract import OrganisationRow
from watchfloor.people.messages import AddPerson, FoundOrganisation
from watchfloor.policy.messages import ApplyPolicy
from watchfloor.work import messages as work

BEGINS = 20_760 * DAY  # a Wednesday
DAYS = 30
AGENTS = 6
READS, WRITES = 20, 5
READING = ("file.read", "search.query", "repository.read")
WORKDAY = range(8, 18)
POLICY = Policy()  # as it ships


class Month:
    """`path` and `totals` are read from the views with the SQL of the analytics."""

    def __init__(self, seed: int = 1, policy: Policy = POLICY) -> None:
        self.random = Random(seed)
        self.now = BEGINS
        self.store = SimulatedStore(self.random, 0.0)
        self.core = Sequencer(WIRING, RULES, CATALOGUE, self.store)
        self.people: dict[str, str] = {}
        self.agents: list[tuple[int, Actor]] = []
        self.events = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._found(policy)

    # -- asking ------------------------------------------------------------------------------------------------------

    def ask(self, command: Command, actor: Actor = SYSTEM, entropy: bytes = b"", agent: int = 0) -> Answer:
        """One command, durable."""
        answers: list[Answer] = []
        request = Request(
            org=ORG,
            command=command,
            actor=actor,
            entropy=entropy or self.random.randbytes(32),
            agent=agent,
            lane=Lane.PEOPLE,
            done=answers.append,
        )
        self.core.step([request], self.now)
        pending = self.core.take()
        self.store.commit(pending.batch)
        self.core.committed(pending)
        for owed in pending.owed:
            owed.request.done(owed.answer)
        (answer,) = answers
        if answer.refused is not None:
            raise answer.refused
        assert not answer.failed, answer.failed
        return answer

    def _found(self, policy: Policy) -> None:
        entropy = self.random.randbytes(32)
        public = public_id("organisation", 1, nonce_from(entropy))
        self.core.found(ORG, public)
        self.store.orgs.append(OrganisationRow(ORG, public, "month", self.now))
        self.ask(FoundOrganisation(name="month", origin="month"), entropy=entropy)
        self.ask(ApplyPolicy(document=policy, reason="month"))
        roles = {
            "dan": "operator",
            "eve": "operator",
            "bob": "supervisor",
            "cyd": "director",
            "own": "operator",
        }
        for handle, role in roles.items():
            answer = self.ask(AddPerson(handle=handle, roles=(role,)))
            facts: Any = answer.event.facts if answer.event is not None else None
            self.people[handle] = public_id("person", answer.seq, facts.nonce)
        self.ask(StartNode(subject=1, node="node-1", incarnation="i1", version="month"))
        for number in range(AGENTS):
            key = f"key_{number}"
            answer = self.ask(
                RegisterAgent(
                    name=f"agent-{number}",
                    type="worker",
                    capabilities=("build",),
                    owner=self.people["own"],
                    credential=key,
                    expires_at=self.now + 300 * DAY,
                )
            )
            nonce: int = answer.event.facts.nonce  # type: ignore[union-attr]
            actor = Actor(kind="agent", id=public_id("agent", answer.seq, nonce), credential=key)
            self.ask(ConnectAgent(subject=answer.seq, node="node-1", session=f"i1.{number}"))
            self.agents.append((answer.seq, actor))

    def read(self, name: str, key: Any) -> Any:
        return self.core.nodes[ORG].world.read(name, key)

    # -- time --------------------------------------------------------------------------------------------------------

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        self.at(self.now + int(seconds * SECOND), then)

    def at(self, instant: int, then: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._due, (instant, self._number, then))

    def run(self) -> Month:
        """All days; then what is under way comes to its end."""
        for day in range(DAYS):
            for agent, actor in self.agents:
                self._plan(BEGINS + day * DAY, agent, actor)
        for minute in range(0, DAYS * 24 * 60, 5):
            self.at(BEGINS + minute * MINUTE, self._ring)
        while self._due:
            instant, _, then = heappop(self._due)
            self.now = max(self.now, instant)
            then()
        return self

    def _ring(self) -> None:
        """Due dates and continuations, as the shell's ticker does."""
        while due := list(self.core.nodes[ORG].timers.overdue(self.now, 64)):
            for command in due:
                self.ask(command)
        for name in self.read("continuations", "all") or ():
            self.ask(Advance(subject=1, name=name))

    def _plan(self, day_at: int, agent: int, actor: Actor) -> None:
        dice = self.random
        kinds = [dice.choice(READING) for _ in range(READS)] + ["file.write"] * WRITES + ["repository.patch"]
        for kind in kinds:
            at = day_at + dice.choice(WORKDAY) * HOUR + dice.randrange(HOUR)
            self.at(at, lambda kind=kind: self._request(agent, actor, kind))  # type: ignore[misc]
        for _ in range(2):
            at = day_at + dice.choice(WORKDAY) * HOUR + dice.randrange(HOUR // 2)
            self.at(at, lambda: self._task(agent, actor))

    # -- actions -----------------------------------------------------------------------------------------------------

    def _request(self, agent: int, actor: Actor, kind: str) -> None:
        self._number += 1
        params: dict[str, Any] = {"path": f"work/part-{self._number}.md"}
        if kind == "repository.patch":
            params["diff"] = "x"
        action = canonical({"params": params, "tool": "kit", "type": kind})
        mistake = self.random.random() < (0.001 if kind in READING else 0.01)
        answer = self.ask(
            actions.RequestAction(
                agent=agent,
                type=kind,
                tool="kit",
                params=params,
                action=action,
                salt=self.random.randbytes(32),
                private=b'{"action":' + action + b"}",
            ),
            actor,
            agent=agent,
        )
        facts: Any = answer.event.facts if answer.event is not None else None
        subject = answer.seq
        if facts.verdict == "permitted":
            self.after(1, lambda: self._execute(subject, actor, mistake))
        elif facts.verdict == "pending" and self.random.random() >= 0.02:
            person = self.people["bob" if facts.level > 2 else self.random.choice(("dan", "eve"))]
            self.after(self.random.uniform(10, 90), lambda: self._open(subject, actor, person, mistake))

    def _open(self, subject: int, actor: Actor, person: str, mistake: bool) -> None:
        decision = self.read("waiting", subject)
        if decision is None:
            return
        self.ask(NoteSeen(subject=decision, person=person), Actor(kind="person", id=person, credential="tok"))
        self.after(self.random.uniform(5, 60), lambda: self._vote(decision, subject, actor, person, mistake))

    def _vote(self, decision: int, subject: int, actor: Actor, person: str, mistake: bool) -> None:
        no = self.random.random() < (0.9 if mistake else 0.01)
        state = self.read("decision", decision)
        command = CastVote(
            subject=decision,
            person=person,
            vote="deny" if no else "approve",
            digest=state.digest,
            session="token",
        )
        self.ask(command, Actor(kind="person", id=person, credential="tok"))
        self.after(1, lambda: self._execute(subject, actor, mistake))

    def _execute(self, subject: int, actor: Actor, mistake: bool) -> None:
        state = self.read("action", subject)
        if state.status != "granted":
            return
        execution = f"e{subject}"
        start = actions.StartAction(
            subject=subject,
            agent=state.agent,
            grant=state.grant.number,
            execution=execution,
            digest=state.digest,
        )
        self.ask(start, actor, agent=state.agent)
        if self.read("action", subject).status != "executing":
            return
        ends: Command = actions.CompleteAction(subject=subject, agent=state.agent, execution=execution)
        if mistake:
            ends = actions.FailAction(subject=subject, agent=state.agent, execution=execution)
        self.after(3, lambda: self._quietly(ends, actor, state.agent))

    def _quietly(self, command: Command, actor: Actor, agent: int) -> None:
        """What may have been overtaken by a breaker or a quarantine."""
        try:
            self.ask(command, actor, agent=agent)
        except Refused:
            return

    # -- tasks -------------------------------------------------------------------------------------------------------

    def _task(self, agent: int, actor: Actor) -> None:
        answer = self.ask(work.SubmitTask(agent=agent, criteria=1, private=canonical({"title": "t"})))
        self.after(5, lambda: self._accept(answer.seq, agent, actor))

    def _accept(self, task: int, agent: int, actor: Actor) -> None:
        state = self.read("task", task)
        if state.stage != "assigned":
            return
        number: int = state.generation
        self.ask(work.AcceptTask(subject=task, agent=agent, generation=number), actor, agent=agent)
        self.after(120, lambda: self._report(task, agent, number, actor))

    def _report(self, task: int, agent: int, generation: int, actor: Actor) -> None:
        self._quietly(work.CompleteTask(subject=task, agent=agent, generation=generation), actor, agent)
        passed = self.random.random() < 0.98
        if self.read("task", task).stage == "reported":
            self.ask(work.RecordVerification(subject=task, generation=generation, passed=passed))

    # -- what came of it ---------------------------------------------------------------------------------------------

    def views(self, folder: Path) -> Views:
        """The views of everything that was recorded."""
        writer = Writer(folder / "views.db", TABLES, PROJECTORS, EVERY)
        events = [CATALOGUE.decode(data) for _, data, _ in self.store.rows[ORG]]
        self.events = len(events)
        writer.open({ORG: len(events)})
        for place in range(0, len(events), 5_000):
            writer.add(ORG, events[place : place + 5_000])
            writer.commit()
        return Views(writer)


class Views:
    """Asked like a request of the server is."""

    def __init__(self, writer: Writer) -> None:
        self._connection = writer.connection

    async def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        cursor = self._connection.execute(sql, {"org": ORG, **params})
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    async def sums(self, report: figures.Report, by: str, **bound: Any) -> list[dict[str, Any]]:
        """Figures of a report, as the routes of the analytics make them."""
        filters = {"from_at": 0, "to_at": 0, "agent": 0, "type": "", "owner": "", **bound}
        return await figures.sums(self, report, by, filters, 1_000)  # type: ignore[arg-type]

"""A small organisation under simulation: agents, people, tasks, time and faults, all from one seed.

Nothing here waits, sleeps or opens a file. The shell's part (engine.py) is played by `commit`: take the pending
batch, try to make it durable, answer or reload. After each run `oracle.py` asks whether the laws held.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from tests.simulation.judging import edit, judge, judged, judges, seat
from tests.simulation.means import DELEGATION, provide, spend
from tests.simulation.operating import TYPES, hold, meddle
from tests.simulation.store import CommitFailed, SimulatedStore
from tests.simulation.talking import speak

from watchfloor.actions import messages as actions
from watchfloor.actions.retry_messages import RetryAction
from watchfloor.councils.messages import CastVote
from watchfloor.engine.requests import Answer, IdempotencyKey, Lane, Request
from watchfloor.engine.sequencer import Sequencer
from watchfloor.engine.snapshot import copy_of, restore
from watchfloor.engine.wiring import wire
from watchfloor.engine.world import World
from watchfloor.fleet.messages import (
    ConnectAgent,
    DisconnectAgent,
    RegisterAgent,
)
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.conditions import Condition, DomainRule
from watchfloor.kernel.ids import nonce_from, public_id
from watchfloor.kernel.instants import MINUTE, SECOND
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Refused
from watchfloor.kernel.mode_terms import ModeTerms
from watchfloor.kernel.system import Advance, StartNode
from watchfloor.kernel.terms import AutoTerms, Policy
from watchfloor.ledger.contract import OrganisationRow
from watchfloor.people.messages import AddPerson, FoundOrganisation
from watchfloor.policy.messages import ApplyPolicy, ProposePolicy
from watchfloor.trust.messages import AdjustTrust
from watchfloor.work import messages as work

WIRING, RULES, CATALOGUE = wire()
ORG = 1
START = 1_790_000_000 * SECOND
IN_QUEUE = ("waiting", "queued", "failed")
YOUNG = DomainRule(  # of typed conditions: half about parameters, half about evidence
    name="young",
    when=(Condition(of="agent", field="trust", op="lt", value=900), Condition(field="n", op="gt", value=5)),
)


class Agent(msgspec.Struct):
    """One simulated agent: its frames are numbered, and repeated with the same id until they are answered."""

    subject: int
    public: str
    owner: str
    key: str  # id of the one it registered with, which covers everything
    frame: int = 0
    session: str = ""


class Sent(msgspec.Struct):
    """A request somebody made, and the answer it got (None: unknown, it may be repeated)."""

    agent: Agent | None
    frame: int
    body: str
    command: Command
    entropy: bytes
    actor: Actor
    key: IdempotencyKey | None = None
    lane: Lane = Lane.REQUESTS
    answer: Answer | None = None
    tries: int = 0


class Scene:
    """One run. `steps` things happen, then faults stop and everything must come to an end."""

    def __init__(self, seed: int, faulty: float = 0.05) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.store = SimulatedStore(self.random, 0.0)
        self.now = START
        self.core = self._core()
        self.sent: list[Sent] = []
        self.acknowledged: list[tuple[Sent, Answer]] = []
        self.agents: list[Agent] = []
        self.people: list[tuple[str, int]] = []
        self.open: list[Sent] = []
        self.restarts = 0
        self.incarnation = ""
        self._found()
        self.store.faulty = faulty

    def _core(self, restorer: Callable[[World], None] = lambda world: None) -> Sequencer:
        return Sequencer(WIRING, RULES, CATALOGUE, self.store, restorer)

    # -- asking -----------------------------------------------------------------------------------------------------

    def entropy(self) -> bytes:
        return self.random.randbytes(32)

    def ask(self, command: Command, actor: Actor = SYSTEM, entropy: bytes = b"") -> Answer:
        """One command, committed without faults (setting the scene)."""
        answers: list[Answer] = []
        request = Request(
            org=ORG, command=command, actor=actor, entropy=entropy or self.entropy(), done=answers.append
        )
        self.core.step([request], self.now)
        self.commit()
        assert answers, "an answer is owed"
        if answers[0].refused is not None:
            raise answers[0].refused
        assert not answers[0].failed, answers[0].failed
        return answers[0]

    def _found(self) -> None:
        entropy = self.entropy()
        public = public_id("organisation", 1, nonce_from(entropy))
        self.core.found(ORG, public)
        self.store.orgs.append(OrganisationRow(ORG, public, "sim", self.now))
        self.ask(FoundOrganisation(name="sim", origin="sim"), entropy=entropy)
        routing = Policy().routing
        policy = msgspec.structs.replace(
            Policy(),
            classes={
                name: msgspec.structs.replace(terms, attempts=self.random.choice((1, 2, 3)))
                for name, terms in Policy().classes.items()
            },
            delegation=DELEGATION,
            auto=AutoTerms(score_min=500, medium_allowed=True, per_hour=1_000),
            routing=msgspec.structs.replace(
                routing, approve=msgspec.structs.replace(routing.approve, needed=self.random.choice((1, 2)))
            ),
            modes=ModeTerms(organisation="observe" if self.seed % 8 == 5 else "enforce"),
            rules=(YOUNG,) if self.seed % 8 == 6 else (),
        )
        if judges(self):
            policy = judged(policy)
        self.policy = policy
        self.applied = self.ask(ApplyPolicy(document=policy, reason="sim")).seq
        for handle, roles in (
            ("ada", ("admin",)),
            ("bob", ("supervisor",)),
            ("cyd", ("director",)),
            ("dan", ("operator",)),
        ):
            answer = self.ask(AddPerson(handle=handle, roles=roles))
            assert answer.event is not None
            nonce: int = answer.event.facts.nonce  # type: ignore[attr-defined]
            self.people.append((public_id("person", answer.event.subject, nonce), answer.event.subject))
        self._start_node()
        for number in range(self.random.randint(1, 4)):
            owner = self.random.choice(["system", self.people[1][0]])
            register = RegisterAgent(
                name=f"agent-{number}",
                type="worker",
                capabilities=("build",) if number % 2 else ("build", "test"),
                owner=owner,
                credential=f"key_{number}",
                expires_at=self.now + 10_000 * MINUTE,
            )
            answer = self.ask(register)
            assert answer.event is not None
            nonce = answer.event.facts.nonce  # type: ignore[attr-defined]
            self.employ(answer.seq, public_id("agent", answer.seq, nonce), owner, f"key_{number}")
            points = self.random.choice((0, 300, 600))
            if points:
                self.ask(AdjustTrust(subject=answer.seq, points=points, reason="seeded"), self._person(0))
        provide(self)
        if judges(self):
            seat(self)

    def employ(self, subject: int, public: str, owner: str, key: str) -> None:
        """One more agent that things happen to."""
        self.agents.append(Agent(subject, public, owner, key))

    def _start_node(self) -> None:
        self.incarnation = self.random.randbytes(4).hex()
        self.ask(StartNode(subject=1, node="node-1", incarnation=self.incarnation, version="sim"))

    def _person(self, index: int) -> Actor:
        return Actor(kind="person", id=self.people[index][0], credential="tok")

    @property
    def world(self) -> World:
        return self.core.nodes[ORG].world

    # -- the shell's part ---------------------------------------------------------------------------------------------

    def commit(self) -> bool:
        """Make the pending batch durable and answer, or find out that nobody knows and reload."""
        pending = self.core.take()
        if pending.empty:
            return True
        try:
            self.store.commit(pending.batch)
        except CommitFailed:
            for owed in pending.owed:
                answer = owed.answer
                owed.request.done(answer if answer.refused is not None else Answer(failed="unknown"))
            self.core.reload()
            return False
        self.core.committed(pending)
        for owed in pending.owed:
            owed.request.done(owed.answer)
        return True

    def crash(self) -> None:
        """The process dies between any two things: memory and everything unanswered is gone."""
        self.restarts += 1
        snapshot = self._snapshot() if self.random.random() < 0.5 else None
        self.core = self._core(snapshot or (lambda world: None))
        for row in self.store.organisations():
            self.core.load(row.org, row.public_id)
        for agent in self.agents:
            agent.session = ""
        faulty, self.store.faulty = self.store.faulty, 0.0
        self._start_node()
        self.store.faulty = faulty

    def _snapshot(self) -> Callable[[World], None]:
        """A snapshot of the committed state, encoded and decoded like the file's."""
        fresh = self._core()
        row = self.store.organisations()[0]
        node = fresh.load(row.org, row.public_id)
        copy = copy_of(node.world, node.head.chain.head, node.head.tree.edge(), self.now)
        blobs = list(copy.blobs())
        copy.close()

        class Kept:
            header = copy.header

            def blobs(self) -> list[tuple[str, bytes]]:
                return blobs

        last_at = node.world.at

        def fill(world: World) -> None:
            assert restore(world, Kept(), last_at)  # type: ignore[arg-type]

        return fill

    # -- what can happen ------------------------------------------------------------------------------------------------

    def send(self, sent: Sent) -> None:
        """Put a request, or put it again."""
        sent.tries += 1

        def done(answer: Answer) -> None:
            if answer.failed:
                return  # unknown: it will be repeated with the same id
            sent.answer = answer
            if answer.refused is None and answer.seq:
                self.acknowledged.append((sent, answer))

        self.core.step(
            [
                Request(
                    org=ORG,
                    command=sent.command,
                    actor=sent.actor,
                    entropy=sent.entropy,
                    lane=sent.lane,
                    agent=sent.agent.subject if sent.agent else 0,
                    frame=sent.frame,
                    body=sent.body,
                    key=sent.key,
                    done=done,
                )
            ],
            self.now,
        )

    def _frame(self, agent: Agent, command: Command) -> None:
        agent.frame += 1
        entropy = self.entropy()
        sent = Sent(
            agent,
            agent.frame,
            entropy[:8].hex(),
            command,
            entropy,
            Actor(kind="agent", id=agent.public, credential=agent.key),
        )
        self.sent.append(sent)
        self.send(sent)

    def _keyed(self, command: Command, actor: Actor) -> None:
        entropy = self.entropy()
        key = IdempotencyKey(credential=actor.id, key=entropy[:6].hex(), body_digest=entropy[:16])
        sent = Sent(None, 0, "", command, entropy, actor, key=key, lane=Lane.PEOPLE)
        self.sent.append(sent)
        self.send(sent)

    def step(self) -> None:
        """One thing happens."""
        happenings: tuple[tuple[Callable[[], None], int], ...] = (
            (self.request, 20),
            (self.start, 14),
            (self.finish, 14),
            (self.retry, 4),
            (self.vote, 10),
            (self.submit, 6),
            (self.report, 14),
            (self.verify, 6),
            (self.repeat, 8),
            (self.pass_time, 10),
            (self.come_and_go, 6),
            (lambda: meddle(self), 4),
            (lambda: hold(self), 3),
            (self.misuse, 3),
            (lambda: speak(self), 8),
            (lambda: spend(self), 14),
        )
        if judges(self):
            happenings += ((lambda: judge(self), 12), (lambda: edit(self), 5))
        happening = self.random.choices([h for h, _ in happenings], [w for _, w in happenings])[0]
        happening()
        if self.random.random() < 0.4:
            self.commit()
        if self.random.random() < 0.01:
            self.crash()

    def request(self) -> None:
        agent = self.random.choice(self.agents)
        kind = self.random.choice(TYPES)
        params: dict[str, Any] = {"n": self.random.randint(0, 9)}
        if kind == "repository.patch":
            params["diff"] = "x"
        if self.random.random() < 0.1:
            params["path"] = self.random.choice(("/etc/passwd", "/srv/a", "a/../../b"))
        action = canonical({"params": params, "tool": "t", "type": kind})
        salt = self.entropy()
        held = [t for t in self._tasks("running") if t[1].agent == agent.subject]
        task = self.random.choice(held) if held and self.random.random() < 0.5 else None
        self._frame(
            agent,
            actions.RequestAction(
                agent=agent.subject,
                type=kind,
                tool="t",
                params=params,
                action=action,
                salt=salt,
                private=b'{"action":' + action + b"}",
                cost_micro=self.random.choice((0, 0, 1_000)),
                task=task[0] if task else 0,
                generation=task[1].generation if task else 0,
            ),
        )

    def _subjects(self, kind: str) -> list[tuple[int, Any]]:
        finished = [
            (cell[1], state) for cell, state in self.world.finished.items() if cell[0] == kind and state
        ]
        return list(self.world.tables[kind].items()) + finished

    def _actions(self, *status: str) -> list[tuple[int, Any]]:
        return [(subject, state) for subject, state in self._subjects("action") if state.status in status]

    def _tasks(self, *stages: str) -> list[tuple[int, Any]]:
        return [(subject, state) for subject, state in self._subjects("task") if state.stage in stages]

    def _agent(self, subject: int) -> Agent:
        return next(agent for agent in self.agents if agent.subject == subject)

    def start(self) -> None:
        granted = self._actions("granted")
        if granted:
            subject, state = self.random.choice(granted)
            self._frame(
                self._agent(state.agent),
                actions.StartAction(
                    subject=subject,
                    agent=state.agent,
                    grant=state.grant.number,
                    execution=f"e{self.random.randint(0, 3)}",
                    digest=state.digest,
                ),
            )

    def misuse(self) -> None:
        """A second start, another agent's grant, other parameters."""
        known = self._actions("granted", "executing", "completed", "failed", "denied", "pending", "closed")
        if known:
            subject, state = self.random.choice(known)
            self._frame(
                self.random.choice(self.agents),
                actions.StartAction(
                    subject=subject,
                    agent=self.random.choice(self.agents).subject,
                    grant=self.random.randint(1, 3),
                    execution=f"m{self.random.randint(0, 3)}",
                    digest=self.random.choice((state.digest, "0" * 64)),
                ),
            )

    def finish(self) -> None:
        running = self._actions("executing", "unknown")
        if running:
            subject, state = self.random.choice(running)
            command: Command = actions.CompleteAction(
                subject=subject, agent=state.agent, execution=state.execution
            )
            if self.random.random() < 0.3:
                command = actions.FailAction(subject=subject, agent=state.agent, execution=state.execution)
            self._frame(self._agent(state.agent), command)

    def retry(self) -> None:
        """What failed, what nobody knows, and now and then what runs or was never heard of."""
        status = (
            ("failed", "unknown") if self.random.random() < 0.8 else ("executing", "completed", "granted")
        )
        known = self._actions(*status)
        if known:
            subject, state = self.random.choice(known)
            execution = state.execution or "e0"
            self._frame(
                self._agent(state.agent),
                RetryAction(subject=subject, agent=state.agent, execution=execution),
            )

    def vote(self) -> None:
        waiting = [
            (s, d)
            for s, d in self._subjects("decision")
            if d.status == "pending" or self.random.random() < 0.05
        ]
        if waiting:
            subject, decision = self.random.choice(waiting)
            index = self.random.randrange(len(self.people))
            vote = self.random.choices(("approve", "deny", "abstain"), (8, 2, 1))[0]
            self._keyed(
                CastVote(subject=subject, person=self.people[index][0], vote=vote, digest=decision.digest),
                self._person(index),
            )

    def submit(self) -> None:
        self._keyed(
            work.SubmitTask(
                priority=self.random.choice(work.LANES),
                needs=self.random.choice(((), ("build",), ("test",))),
                criteria=self.random.choice((0, 1)),
                attempts_max=self.random.choice((1, 2, 3)),
                depends_on=self._some_tasks(),
                on_failure=self.random.choice(work.ON_FAILURE),
                not_before_at=self.random.choice((0, 0, 0, self.now + MINUTE)),
                stuck_ms=self.random.choice((0, 90_000, 300_000)),
                reassign_ms=self.random.choice((0, 60_000)),
                private=canonical({"title": "t"}),
            ),
            self._person(0),
        )

    def _some_tasks(self) -> tuple[int, ...]:
        """What a new task may wait for: few, of any stage, those that were submitted last before all."""
        if self.random.random() < 0.6:
            return ()
        known = sorted(subject for subject, _ in self._subjects("task"))[-6:]
        return tuple(self.random.sample(known, self.random.randint(0, min(3, len(known)))))

    def report(self) -> None:
        held = self._tasks("assigned", "running", "blocked", "orphaned")
        if not held:
            return
        subject, state = self.random.choice(held)
        agent = self._agent(state.agent)
        generation = state.generation - (1 if self.random.random() < 0.1 and state.generation > 1 else 0)
        rest = {"subject": subject, "agent": agent.subject, "generation": generation}
        if state.stage == "assigned":
            choices: list[Command] = [
                work.AcceptTask(**rest),
                work.AcceptTask(**rest),
                work.RejectTask(**rest),
            ]
        elif state.stage == "orphaned":
            choices = [work.ResumeTask(**rest)]
        else:
            choices = [
                work.CompleteTask(**rest),
                work.CompleteTask(**rest),
                work.FailTask(**rest),
                work.ReportProgress(**rest, percent=50, status=self.random.choice(("running", "blocked"))),
            ]
        self._frame(agent, self.random.choice(choices))

    def verify(self) -> None:
        for subject, state in self._tasks("reported"):
            passed = self.random.random() < 0.7
            command = work.RecordVerification(subject=subject, generation=state.generation, passed=passed)
            self._keyed(command, SYSTEM)

    def repeat(self) -> None:
        """A client that heard nothing sends the same again; sometimes one that did hear does, too."""
        unknown = [sent for sent in self.sent[-40:] if sent.answer is None or self.random.random() < 0.1]
        if unknown:
            self.send(self.random.choice(unknown))

    def pass_time(self) -> None:
        self.now += self.random.choice((SECOND, 10 * SECOND, 2 * MINUTE, 20 * MINUTE))
        self.ring()

    def ring(self) -> None:
        """Due dates and continuations, as the shell's ticker does."""
        for command in list(self.core.nodes[ORG].timers.overdue(self.now, 64)):
            self._own(command)
        for name in self.world.read("continuations", "all") or ():
            self._own(Advance(subject=1, name=name))

    def _own(self, command: Command) -> None:
        self.core.step(
            [Request(org=ORG, command=command, actor=SYSTEM, entropy=self.entropy(), lane=Lane.PEOPLE)],
            self.now,
        )

    def come_and_go(self) -> None:
        agent = self.random.choice(self.agents)
        if agent.session and self.random.random() < 0.5:
            self._own(DisconnectAgent(subject=agent.subject, session=agent.session, reason="gone"))
            agent.session = ""
        else:
            agent.session = f"{self.incarnation}.{self.random.randint(0, 999)}"
            self._own(ConnectAgent(subject=agent.subject, node="node-1", session=agent.session))

    # -- the whole run ------------------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Faults for `steps` steps, then healing: unanswered requests are repeated, and everything comes to an end."""
        for number in range(steps):
            if number == steps // 2 and self.policy.modes.organisation == "observe":
                held = msgspec.structs.replace(self.policy, modes=ModeTerms())
                self._own(ProposePolicy(subject=self.applied, document=held, reason="observed enough"))
            self.step()
        self.heal()

    def heal(self) -> None:
        self.store.faulty = 0.0
        self.commit()
        for sent in self.sent:
            if sent.answer is None:
                self.send(sent)
        self.commit()
        for stop in self.world.read("stops", "active") or ():
            self._lift(stop.subject)
        for _ in range(200):
            for task in self._tasks(*IN_QUEUE, "assigned", "running", "blocked", "orphaned"):
                self._own(work.CancelTask(subject=task[0], reason="end"))
            self.verify()
            self.now += 30 * MINUTE
            self.ring()
            self.commit()
            if not self._unfinished():
                return

    def _lift(self, stop: int) -> None:
        """By somebody else than who set it."""
        for index in (0, 2):
            try:
                self.ask(actions.LiftStop(subject=stop, reason="healed"), self._person(index))
            except Refused:
                continue
            return
        raise AssertionError("nobody could lift the stop")

    def _unfinished(self) -> list[tuple[str, int]]:
        tasks = self._tasks(*IN_QUEUE, "assigned", "running", "blocked", "orphaned", "reported")
        decisions = [(s, d) for s, d in self._subjects("decision") if d.status == "pending"]
        held = self._actions("pending")
        continuations = self.world.read("continuations", "all") or ()
        return [
            (kind, s)
            for kind, found in (("task", tasks), ("decision", decisions), ("action", held))
            for s, _ in found
        ] + [("continuation", 0) for _ in continuations]

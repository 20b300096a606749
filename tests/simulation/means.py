"""What the agents of the simulation have besides their hands: budgets, parts handed on, agents spawned, workers called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.actions import messages as actions
from watchfloor.councils.messages import CastVote
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.fleet.spawn_messages import SpawnAgent
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.kernel.messages import SYSTEM, Command
from watchfloor.kernel.terms import DelegationTerms
from watchfloor.trust.messages import AdjustTrust
from watchfloor.work import messages as work
from watchfloor.work.budget_messages import RemoveBudget, SetBudget
from watchfloor.work.economic_messages import Economics

if TYPE_CHECKING:
    from tests.simulation.scene import Scene

# Narrow, so that every cap is met.
DELEGATION = DelegationTerms(
    submit_tier_min=0,
    delegate_tier_min=1,
    spawn_tier_min=2,
    depth_max=2,
    fan_out_max=3,
    tasks_max=6,
    open_max=4,
    spawn_depth_max=1,
    spawn_fan_out_max=2,
    spawn_agents_max=3,
)
COSTS = (0, 500, 1_000, 3_000, INTEGER_MAX)
SHARES = (0, 400, 700)
URL = "http://worker.example/tasks"


def provide(scene: Scene) -> None:
    """At the beginning: a worker that is called, somebody who may spawn, a limit for everybody; each only sometimes."""
    dice = scene.random
    if dice.random() < 0.5:
        command = RegisterAgent(
            name="worker",
            type="worker",
            capabilities=("build", "test"),
            owner="system",
            credential="key_worker",
            expires_at=scene.now + 10_000 * MINUTE,
            url=URL,
        )
        made = scene.ask(command)
        assert made.event is not None
        nonce: int = made.event.facts.nonce  # type: ignore[attr-defined]
        scene.employ(made.seq, public_id("agent", made.seq, nonce), "system", "key_worker")
    if dice.random() < 0.6:
        raised = AdjustTrust(subject=scene.agents[0].subject, points=300, reason="may spawn")
        scene.ask(raised, scene._person(0))
    if dice.random() < 0.25:
        limit = SetBudget(scope="organisation", measure="money", limit=dice.choice((2_000, 9_000)))
        scene.ask(limit, scene._person(2))


def spend(scene: Scene) -> None:
    """One thing that is about means."""
    adopt(scene)
    scene.random.choice((limited, handed_on, spawned, spawned, called, called, called, costly, costly))(scene)


def adopt(scene: Scene) -> None:
    """Agents that were spawned, once that is durable, live like the others."""
    known = {agent.subject for agent in scene.agents}
    for subject, state in scene._subjects("agent"):
        if subject not in known and state.parent and subject <= len(scene.store.rows[1]):
            (key,) = (key.id for key in state.keys[:1])
            scene.employ(subject, public_id("agent", subject, state.nonce), state.owner, key)


def limited(scene: Scene) -> None:
    """A director sets, changes or takes away a budget; seldom where nobody has one, because it changes everything."""
    dice = scene.random
    known = [(subject, state) for subject, state in scene._subjects("budget") if not state.removed]
    if not known and dice.random() < 0.7:
        return
    if known and dice.random() < 0.6:
        budget, state = dice.choice(known)
        change = SetBudget(
            subject=budget,
            scope=state.scope,
            target=state.target,
            measure=state.measure,
            limit=dice.choice((3, 8_000)),
        )
        scene._keyed(change, scene._person(2))
        return
    commands: list[Command] = [
        SetBudget(scope="agent", target=dice.choice(scene.agents).subject, measure="actions", limit=5),
        SetBudget(scope="agent", target=dice.choice(scene.agents).subject, measure="money", limit=4_000),
    ]
    commands += [
        SetBudget(scope="lineage", target=task, measure="money", limit=2_000)
        for task, _ in scene._tasks("queued", "assigned", "running")[:2]
    ]
    commands += [RemoveBudget(subject=budget) for budget, state in known[:1] if state.scope == "agent"]
    scene._keyed(dice.choice(commands), scene._person(2))


def handed_on(scene: Scene) -> None:
    """An agent makes a part of its task, or a task of its own, for somebody; now and then more than it may."""
    dice = scene.random
    held = scene._tasks("running", "blocked")
    subject, state = dice.choice(held) if held else (0, None)
    agent = scene._agent(state.agent) if state is not None else dice.choice(scene.agents)
    part = bool(held) and dice.random() < 0.8
    command = work.SubmitTask(
        by=agent.subject,
        delegated=part and dice.random() < 0.7,
        parent=subject if part else 0,
        parent_generation=state.generation if part and state is not None else 0,
        needs=dice.choice(((), ("build",), ("test",))),
        agent=dice.choice((0, 0, 0, dice.choice(scene.agents).subject)),
        share_milli=dice.choice(SHARES) if part else 0,
        tools=dice.choice(((), (), ("t",), ("other",))),
        attempts_max=dice.choice((1, 2)),
        private=canonical({"title": "part"}),
    )
    scene._frame(agent, command)


def spawned(scene: Scene) -> None:
    """From the question whether an agent may have another one to the agent, a few steps on."""
    for _ in range(3):
        _nearer_to_another(scene)


def _nearer_to_another(scene: Scene) -> None:
    """It is asked for, agreed to, granted, begun, made."""
    dice = scene.random
    begun = [(s, a) for s, a in scene._actions("executing") if a.action_type == "agent.spawn"]
    if begun:
        subject, state = dice.choice(begun)
        command = SpawnAgent(
            by=state.agent,
            action=subject,
            execution=state.execution,
            digest=state.digest if dice.random() < 0.9 else "0" * 64,
            name=f"spawned-{dice.getrandbits(20)}",
            type="worker",
            capabilities=dice.choice((("build",), ("deploy",))),
            credential=f"key_{dice.getrandbits(40)}",
            expires_at=scene.now + 9_000 * MINUTE,
            share_milli=dice.choice(SHARES),
        )
        scene._frame(scene._agent(state.agent), command)
        return
    granted = [(s, a) for s, a in scene._actions("granted") if a.action_type == "agent.spawn"]
    if granted:
        subject, state = dice.choice(granted)
        begin = actions.StartAction(
            subject=subject, agent=state.agent, grant=state.grant.number, execution="s0", digest=state.digest
        )
        scene._frame(scene._agent(state.agent), begin)
        return
    asked = {s for s, a in scene._actions("pending") if a.action_type == "agent.spawn"}
    waiting = [(s, d) for s, d in scene._subjects("decision") if d.status == "pending" and d.action in asked]
    if waiting:
        subject, decision = dice.choice(waiting)
        person = dice.choice((1, 2))
        vote = CastVote(
            subject=subject, person=scene.people[person][0], vote="approve", digest=decision.digest
        )
        scene._keyed(vote, scene._person(person))
        return
    agent = scene.agents[0]
    params: dict[str, Any] = {"capabilities": ["build"], "name": "x", "tools": [], "type": "worker"}
    action = canonical({"params": params, "tool": "", "type": "agent.spawn"})
    scene._frame(
        agent,
        actions.RequestAction(
            agent=agent.subject,
            type="agent.spawn",
            tool="",
            params=params,
            action=action,
            salt=scene.entropy(),
            private=b'{"action":' + action + b"}",
            cost_micro=0,
        ),
    )


def called(scene: Scene) -> None:
    """What became of the calls of a worker: answers of any kind, or none at all; in half of the runs it is away."""
    dice = scene.random
    workers = [subject for subject, state in scene._subjects("agent") if state.worker is not None]
    for _ in range(2 if workers else 0):
        waiting = [(s, t) for s, t in scene._tasks("assigned") if t.agent in workers]
        if not waiting:
            wanted = work.SubmitTask(
                agent=workers[0], attempts_max=9, backoff_ms=0, private=canonical({"title": "call"})
            )
            scene._keyed(wanted, scene._person(0))
            waiting = [(s, t) for s, t in scene._tasks("assigned") if t.agent in workers]
        for subject, state in waiting:
            outcome = "unanswered"
            if scene.seed % 2:
                outcome = dice.choice(("accepted", "completed", "failed", "rejected", "unanswered"))
            reason = dice.choice(work.CALL_FAILURES) if outcome == "unanswered" else ""
            command = work.ConcludeCall(
                subject=subject,
                agent=state.agent,
                generation=state.generation,
                outcome=outcome,
                reason=reason,
            )
            scene._keyed(command, SYSTEM)


def costly(scene: Scene) -> None:
    """Work that was estimated, and reports that say what it cost, some of them absurd."""
    dice = scene.random
    cost = dice.choice(COSTS)
    running, executing = scene._tasks("running"), scene._actions("executing")
    choice = dice.randrange(3)
    if choice == 0:
        economics = Economics(cost_micro=dice.choice((0, 1_000)), limit_micro=dice.choice((-1, 2_000)))
        command = work.SubmitTask(economics=economics, needs=("build",), private=canonical({"title": "t"}))
        scene._keyed(command, scene._person(0))
    elif choice == 1 and running:
        subject, state = dice.choice(running)
        rest = {"subject": subject, "agent": state.agent, "generation": state.generation}
        said: Command = work.CompleteTask(**rest, cost_micro=cost, tokens=0)
        if dice.random() < 0.3:
            said = work.FailTask(**rest, cost_micro=cost, tokens=0)
        scene._frame(scene._agent(state.agent), said)
    elif executing:
        subject, state = dice.choice(executing)
        done = actions.CompleteAction(
            subject=subject, agent=state.agent, execution=state.execution, cost_micro=cost, tokens=0
        )
        scene._frame(scene._agent(state.agent), done)

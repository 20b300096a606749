"""Operators of the simulation at work: at the queue, at agents, stops, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.actions import messages as actions
from watchfloor.fleet.messages import QuarantineAgent, ReleaseAgent
from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.messages import Command
from watchfloor.kernel.system import RecordAnomaly
from watchfloor.people.messages import ChangeRoles
from watchfloor.situation.messages import AcknowledgeAlert, ResolveAlert
from watchfloor.trust.anomaly_messages import AcknowledgeAnomaly, ResolveAnomaly
from watchfloor.work import messages as work

if TYPE_CHECKING:
    from tests.simulation.scene import Scene


TYPES = ("file.read", "file.write", "repository.patch", "command.run", "payment.send", "no.such.type")


def hold(scene: Scene) -> None:
    """Operators at the queue: pause, go on, retry, purge, one by one and many at once."""
    tasks = scene._subjects("task")
    if not tasks:
        return
    subject, state = scene.random.choice(tasks)
    commands: list[Command] = [
        work.PauseTask(subject=subject, reason="sim"),
        work.UnpauseTask(subject=subject),
        work.UnpauseTask(subject=subject),
    ]
    if state.stage == "dead_letter":
        commands += [work.RetryTask(subject=subject), work.PurgeTask(subject=subject, reason="sim")] * 2
    if scene.random.random() < 0.2:
        some = tuple(number for number, _ in scene.random.sample(tasks, min(len(tasks), 40)))
        operation = scene.random.choice(("pause", "resume", "retry", "purge", "cancel"))
        commands = [work.ChangeTasks(subject=1, operation=operation, tasks=some, reason="sim")]
    scene._keyed(scene.random.choice(commands), scene._person(0))


def meddle(scene: Scene) -> None:
    """Operators at work: stops, quarantines, roles, cancellations, clock anomalies."""
    agent = scene.random.choice(scene.agents)
    stops = tuple(scene.world.read("stops", "active") or ())
    tasks = scene._tasks("queued", "running", "assigned")
    commands: list[Command] = [
        QuarantineAgent(subject=agent.subject, reason="sim"),
        ReleaseAgent(subject=agent.subject),
        actions.RecordStop(
            scope=scene.random.choice(("agent", "lineage")),
            target=agent.public,
            reason="sim",
            effective_at=scene.now,
            journal=f"j{scene.now}",
        ),
        actions.GrantStanding(agent=agent.subject, type="file.write", expires_at=scene.now + 60 * MINUTE),
        ChangeRoles(
            subject=scene.people[3][1], roles=(scene.random.choice(("operator", "supervisor", "auditor")),)
        ),
        RecordAnomaly(subject=1, offset_ms=10_000),
    ]
    commands += [actions.LiftStop(subject=stop.subject, reason="sim") for stop in stops]
    commands += [
        actions.EaseStop(subject=stop.subject, scope="action_type", target=scene.random.choice(TYPES))
        for stop in 4 * stops
    ]
    commands += [work.CancelTask(subject=subject, reason="sim") for subject, _ in tasks[:1]]
    commands += _looking(scene)
    commands += [
        work.ReviewTask(subject=subject, verdict=scene.random.choice(work.REVIEWS), reason="sim")
        for subject, _ in scene._tasks("succeeded", "dead_letter")[:2]
    ]
    scene._keyed(scene.random.choice(commands), scene._person(scene.random.choice((0, 2))))


def _looking(scene: Scene) -> list[Command]:
    """People at what the detectors found and at what the platform raised; some of it is refused."""
    found: list[Command] = []
    for subject, anomaly in scene._subjects("anomaly")[:2]:
        if anomaly.status != "resolved":
            found.append(AcknowledgeAnomaly(subject=subject))
            found.append(ResolveAnomaly(subject=subject, outcome="confirmed", reason="sim"))
    for subject, alert in scene._subjects("alert")[:3]:
        if alert.status != "resolved":
            found.append(AcknowledgeAlert(subject=subject))
            found.append(ResolveAlert(subject=subject, reason="sim"))
    return found

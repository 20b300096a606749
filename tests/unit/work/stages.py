"""Worlds with one task in each stage, for the tests of tasks."""

from __future__ import annotations

from typing import Any

from tests.transcripts.world import World

from watchfloor.kernel.messages import Command, Facts
from watchfloor.work.life import Task
from watchfloor.work.messages import AcceptTask, AssignTask, CompleteTask, OrphanTask, SubmitTask
from watchfloor.work.rules import AgentEvidence

OTTO, ROSA = 7, 9
ABLE = AgentEvidence(active=True, capabilities=("python", "git"), tasks_open=0, tasks_max=3)


def submitted(**fields: Any) -> World:
    """One task, integer 1, in the queue."""
    world = World()
    world.perform(SubmitTask(**fields))
    return world


def assigned(**fields: Any) -> World:
    """It is Otto's under generation 1."""
    world = submitted(**fields)
    world.perform(AssignTask(subject=1, agent=OTTO), evidence=ABLE)
    return world


def running(**fields: Any) -> World:
    """Otto has accepted it."""
    world = assigned(**fields)
    world.perform(AcceptTask(subject=1, agent=OTTO, generation=1))
    return world


def reported() -> World:
    """Otto says it is done, the platform has not looked yet."""
    world = running(criteria=1)
    world.perform(CompleteTask(subject=1, agent=OTTO, generation=1, cost_micro=5, tokens=6, private=b"{}"))
    return world


def orphaned() -> World:
    """Otto is gone."""
    world = running()
    world.perform(OrphanTask(subject=1, agent=OTTO))
    return world


def task(world: World) -> Task:
    """The one task."""
    state = world.states["task", 1]
    assert isinstance(state, Task)
    return state


def said(world: World, command: Command, evidence: Any = None) -> list[Facts]:
    """What the command leads to."""
    return [event.facts for event in world.perform(command, evidence=evidence)]

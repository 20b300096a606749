"""Time per assignment by the size of queue and fleet, in process: rules, registers and processes, no disk.

    python -m benchmarks.scheduling [--quick]

A fleet whose every agent is full, and a queue behind it. Each round one agent's task comes to its end and the agent is
given the next in the same step; timed is that step. Beside it the submission of a task while everybody is full. Goal: with
100,000 queued tasks and 5,000 agents an assignment takes at most twice what it takes with 1,000 and 50.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.product import goal, report

from watchfloor.engine.requests import Request
from watchfloor.engine.step import run as carry_out
from watchfloor.engine.wiring import wire
from watchfloor.engine.world import World
from watchfloor.fleet.messages import ConnectAgent, RegisterAgent
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import SYSTEM, Command, Event
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import FoundOrganisation
from watchfloor.policy.messages import ApplyPolicy
from watchfloor.work.messages import LANES, AcceptTask, CompleteTask, SubmitTask, TaskAssigned

NEEDS = 20
ROUNDS = 2_000
TIMES_GOAL = 2.0
WIRING, RULES, _ = wire()


class Floor:
    """An organisation in memory that is stepped by hand."""

    def __init__(self, agents: int, queued: int) -> None:
        self.world = World(1, "org_bench", WIRING, lambda *_: None)
        self.at = 1_790_000_000 * SECOND
        self.count = 0
        self.held: list[tuple[int, int, int]] = []
        self.do(FoundOrganisation(name="bench", origin="bench"))
        self.do(ApplyPolicy(document=Policy(), reason="bench"))
        for number in range(agents):
            capabilities = (f"need-{number % NEEDS}", f"need-{(number + 7) % NEEDS}")
            registered = self.do(
                RegisterAgent(
                    name=f"agent-{number}",
                    type="worker",
                    capabilities=capabilities,
                    owner="system",
                    credential=f"key_{number}",
                    expires_at=self.at + 86_400 * SECOND,
                )
            )
            subject = registered[0].subject
            self.do(ConnectAgent(subject=subject, node="node", session=f"i.{number}"))
        for number in range(agents + queued):
            self.submit(number)

    def do(self, command: Command) -> list[Event]:
        """One command and everything it leads to."""
        self.count += 1
        self.at += 50
        request = Request(org=1, command=command, actor=SYSTEM, entropy=self.count.to_bytes(32, "big"))
        outcome = carry_out(self.world, request, self.at, RULES)
        self.world.merge(outcome.overlay)
        self.world.seq += len(outcome.written)
        self.world.at = self.at
        events = [entry.event for entry in outcome.written]
        for event in events:
            if isinstance(event.facts, TaskAssigned):
                self.held.append((event.subject, event.facts.agent, event.facts.generation))
        return events

    def submit(self, number: int) -> None:
        self.do(SubmitTask(priority=LANES[number % 4], needs=(f"need-{number * 13 % NEEDS}",), private=b"{}"))


def measured(agents: int, queued: int, rounds: int) -> dict[str, Any]:
    """Microseconds per assignment and per submission, p50 and p99."""
    floor = Floor(agents, queued)
    held_before = len(floor.held)
    spans, submissions = [], []
    for turn in range(rounds):
        task, agent, generation = floor.held[turn]
        floor.do(AcceptTask(subject=task, agent=agent, generation=generation))
        begun = time.perf_counter_ns()
        floor.do(CompleteTask(subject=task, agent=agent, generation=generation))
        spans.append(time.perf_counter_ns() - begun)
        begun = time.perf_counter_ns()
        floor.submit(turn)
        submissions.append(time.perf_counter_ns() - begun)
    return {
        "agents": agents,
        "queued": queued,
        "busy": held_before,
        "assigned": len(floor.held) - held_before,
        "assignment_us": _of(spans),
        "submission_us": _of(submissions),
    }


def _of(spans: list[int]) -> dict[str, float]:
    ordered = sorted(spans)
    return {
        "p50": round(ordered[len(ordered) // 2] / 1_000, 1),
        "p99": round(ordered[len(ordered) * 99 // 100] / 1_000, 1),
    }


def run(quick: bool) -> dict[str, Any]:
    """Figures of a small and a large floor, and how many times the one is of the other."""
    rounds = 500 if quick else ROUNDS
    small = measured(50, 1_000, rounds)
    large = measured(1_000, 10_000, rounds) if quick else measured(5_000, 100_000, rounds)
    times = round(large["assignment_us"]["p50"] / small["assignment_us"]["p50"], 2)
    text = f"assignment p50 with {large['queued']:,} tasks and {large['agents']:,} agents <= {TIMES_GOAL:g} x small"
    return {
        "small": small,
        "large": large,
        "times": times,
        "goals": [
            goal(text, times, times <= TIMES_GOAL),
            goal("every end is followed by an assignment", large["assigned"], large["assigned"] >= rounds),
        ],
    }


if __name__ == "__main__":
    report(run)

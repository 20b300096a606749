"""What became of every task, by the ledger of a server under measurement."""

from __future__ import annotations

from collections import Counter

from watchfloor.engine.engine import Engine
from watchfloor.work.life import OVER
from watchfloor.work.messages import TaskAccepted, TaskReady, TaskSubmitted, TaskSucceeded

PAGE = 5_000


def still_open(engine: Engine, org: int) -> dict[str, int]:
    """Tasks that have not come to their end."""
    tasks = engine.node(org).world.tables["task"].values()
    return {"open": sum(task.stage not in OVER for task in tasks)}


def account(engine: Engine, org: int) -> dict[str, int]:
    """Counted over all events: what ended, and whatever happened more often than it may."""
    submitted, succeeded, ready = Counter[int](), Counter[int](), Counter[int]()
    accepted: Counter[tuple[int, int]] = Counter()
    after = 0
    while page := engine.events(org, after, PAGE):
        for event in page:
            match event.facts:
                case TaskSubmitted():
                    submitted[event.subject] += 1
                case TaskReady():
                    ready[event.subject] += 1
                case TaskAccepted(generation=generation):
                    accepted[event.subject, generation] += 1
                case TaskSucceeded():
                    succeeded[event.subject] += 1
        after = page[-1].seq
    actions = engine.node(org).world.tables["action"].values()
    return {
        "tasks": len(submitted),
        "succeeded": len(succeeded),
        "succeeded_twice": _again(succeeded),
        "accepted_twice": _again(accepted),
        "generations": len(accepted),
        "ready_twice": _again(ready),
        "pending": sum(action.status == "pending" for action in actions),
    }


def _again(counts: Counter[int] | Counter[tuple[int, int]]) -> int:
    return sum(count - 1 for count in counts.values())

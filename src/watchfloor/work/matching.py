"""Which agent may do a task, and which task comes first (spec 2.4, spec 01 *Task priority lanes*).

Theory of operation
-------------------
A task waits in a lane. Inside a lane it is first in, first out. Between lanes a more urgent one goes first, but
waiting counts: each lane is a head start in time, and the task whose queueing instant plus head start is least has
the next turn. So the order of two waiting tasks never changes, a queue is a sorted list, and `low` waits at most its
head start longer than anything that is queued after it: it never starves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from watchfloor.kernel.instants import HOUR, MINUTE

HEAD_STARTS = {  # µs that later tasks of this lane wait behind `urgent` ones
    "urgent": 0,
    "high": 10 * MINUTE,
    "normal": HOUR,
    "low": 4 * HOUR,
}


def eligible(needs: Iterable[str], capabilities: Iterable[str]) -> bool:
    """Does somebody with these capabilities have all that the task needs?"""
    return set(needs) <= set(capabilities)


def turn(priority: str, queued_at: int, task: int) -> tuple[int, int]:
    """Sort key of a waiting task: least goes first; at the same instant the task that was submitted first."""
    return queued_at + HEAD_STARTS[priority], task


COMPARED = 2  # agents looked at for one task: enough to keep loads even (the power of two choices)


class Offer(NamedTuple):
    """An agent that may have the task now, and how many it holds."""

    agent: int
    load: int


def choose(offers: Iterable[Offer], near: int) -> int:
    """Who gets the task: the agent `near` earlier work if it comes first, else the least loaded; 0: nobody.

    At the same load the first that was offered. It looks at no more than it must: somebody idle is good enough.
    """
    best = Offer(0, 0)
    for compared, offer in enumerate(offers, 1):
        if offer.agent == near:
            return near
        if not best.agent or offer.load < best.load:
            best = offer
        if not best.load or compared >= COMPARED:
            break
    return best.agent

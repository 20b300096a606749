"""Bounded lanes of one organisation: stops, people, outcomes, requests (DESIGN §2).

The stop lane is strict; the others share by weight, so that none starves another. Inside the request lane agents
take turns, so that one that floods only delays itself.
"""

from __future__ import annotations

from collections import deque

from watchfloor.engine.requests import Lane, Overloaded, Request
from watchfloor.kernel.limits import INBOX_MAX

# How many of each lane are taken in one turn: people first, outcomes free resources, requests ask for them.
_WEIGHTS = ((Lane.PEOPLE, 8), (Lane.OUTCOMES, 8), (Lane.REQUESTS, 16))


class Inbox:
    """Requests that wait for their turn. Not thread-safe: used on the loop thread only."""

    __slots__ = ("_by_agent", "_lanes", "_turns", "size")

    def __init__(self) -> None:
        self._lanes: dict[Lane, deque[Request]] = {
            Lane.STOPS: deque(),
            Lane.PEOPLE: deque(),
            Lane.OUTCOMES: deque(),
        }
        self._by_agent: dict[int, deque[Request]] = {}
        self._turns: deque[int] = deque()
        self.size = 0

    def put(self, request: Request) -> None:
        """Queue a request. Raises Overloaded when the inbox is full; stops and people's votes are always taken."""
        if self.size >= INBOX_MAX and request.lane >= Lane.OUTCOMES:
            raise Overloaded
        self.size += 1
        if request.lane is not Lane.REQUESTS:
            self._lanes[request.lane].append(request)
            return
        waiting = self._by_agent.get(request.agent)
        if waiting is None:
            self._by_agent[request.agent] = deque((request,))
            self._turns.append(request.agent)
        else:
            waiting.append(request)

    def take(self, count: int) -> list[Request]:
        """The next `count` requests in fair order."""
        taken: list[Request] = []
        stops = self._lanes[Lane.STOPS]
        while stops and len(taken) < count:
            taken.append(stops.popleft())
        while len(taken) < count:
            before = len(taken)
            for lane, weight in _WEIGHTS:
                room = min(weight, count - len(taken))
                if lane is Lane.REQUESTS:
                    self._take_turns(taken, room)
                else:
                    queue = self._lanes[lane]
                    while queue and room > 0:
                        taken.append(queue.popleft())
                        room -= 1
            if len(taken) == before:
                break
        self.size -= len(taken)
        return taken

    def _take_turns(self, taken: list[Request], room: int) -> None:
        turns = self._turns
        while turns and room > 0:
            agent = turns.popleft()
            waiting = self._by_agent[agent]
            taken.append(waiting.popleft())
            room -= 1
            if waiting:
                turns.append(agent)
            else:
                del self._by_agent[agent]

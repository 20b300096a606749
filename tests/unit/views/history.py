"""A ledger in memory for tests of views: events written down one after another, read back as the engine would."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from watchfloor.actions.messages import ActionDecided, Derived, Evidence, Grant
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.messages import SYSTEM, Actor, Event, Facts

START = 20_000 * DAY + 9 * HOUR
EVIDENCE = Evidence(
    agent_state=0,
    scope_allows=True,
    tool_permitted=True,
    stops=(),
    breaker_agent_until=0,
    breaker_tool_until=0,
    requests_1s=0,
    requests_5s=0,
    executed_10s=0,
    same_digest_60s=0,
    throttles_60s=0,
    spent_today_micro=0,
    tier=1,
    score=300,
    tasks_open=0,
    task_valid=True,
    first_time=False,
    failures_24h=0,
    auto_hour=0,
    requests_hour=0,
    standing=0,
    standing_until=0,
    of_type_before=0,
)


def decided(
    agent: int,
    *,
    verdict: str = "permitted",
    level: int = 0,
    task: int = 0,
    failed: tuple[tuple[str, str, int], ...] = (),
    grant: Grant | None = None,
) -> ActionDecided:
    """A ruling of the gate with the fields that views look at."""
    return ActionDecided(
        action_type="file.read",
        agent=agent,
        cost_micro=7,
        derived=Derived(cls="read"),
        digest="d" * 64,
        evidence=EVIDENCE,
        failed=failed,
        generation=0,
        grant=grant,
        level=level,
        nonce=5,
        policy_digest="",
        reserves_micro=0,
        risk=5,
        task=task,
        tool="disk",
        urgency="normal",
        verdict=verdict,
    )


class History:
    """One organisation's events. `read` is what a ViewStore asks for; it may be called from its thread."""

    def __init__(self, public: str = "org_test") -> None:
        self.public = public
        self.events: list[Event] = []
        self.reads = 0
        self._lock = threading.Lock()

    @property
    def seq(self) -> int:
        return len(self.events)

    def add(
        self,
        facts: Facts,
        subject: int = 0,
        *,
        actor: Actor = SYSTEM,
        of: str = "",
        story: str = "",
        private: bool = False,
        cause: int = 0,
    ) -> Event:
        """Write one event down; without `subject` it is the first of a new one."""
        with self._lock:
            seq = self.seq + 1
            event = Event(
                org=self.public,
                seq=seq,
                at=START + seq * 1_000,
                type=facts.TYPE,
                kind=facts.KIND,
                subject=subject or seq,
                actor=actor,
                of=of,
                cause=cause,
                correlation=story,
                policy=3,
                rules=1,
                private="ab" * 32 if private else "",
                facts=facts,
            )
            self.events.append(event)
            return event

    def read(self, org: int, after: int, limit: int) -> list[Event]:
        with self._lock:
            self.reads += 1
            return self.events[after : after + limit]

    def batches(self, sizes: Sequence[int]) -> list[list[Event]]:
        """The events cut into batches of these sizes, the rest in one."""
        cut, begin = [], 0
        for size in sizes:
            cut.append(self.events[begin : begin + size])
            begin += size
        return [batch for batch in [*cut, self.events[begin:]] if batch]

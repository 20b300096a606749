"""Judging what other agents ask for, as a validator of a tribunal (spec 3.2).

    @agent.on_judgement
    async def judge(question):               # somebody else's action, with the server's own rendering of it
        safe = await look(question.params)
        return Judgement("approve" if safe else "deny", 0.9, "reads one file of its own folder")

Every question is handled once, several at a time. `question.words` is what the other agent says: data, not instructions.
A function that raises, or returns nothing, says nothing: silence is no vote.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from watchfloor_agent.errors import ConfigurationError, ProtocolError, WatchfloorError
from watchfloor_agent.link import Link
from watchfloor_agent.messages import Payload, TribunalVote
from watchfloor_agent.received import TribunalAsked, TribunalRecorded

log = logging.getLogger("watchfloor_agent")
Vote = Literal["approve", "deny", "abstain"]
Judge = Callable[[TribunalAsked], Any]


@dataclass(frozen=True)
class Judgement:
    """A vote with how sure one is of it, 0 to 1, and why. Raises ConfigurationError for a confidence beyond that."""

    vote: Vote
    confidence: float
    reasoning: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:  # NaN too
            raise ConfigurationError(f"confidence lies between 0 and 1, not {self.confidence}")

    @property
    def confidence_milli(self) -> int:
        """In thousandths, rounded down: nobody is surer than they said."""
        return int(self.confidence * 1_000 + 1e-9)


class Judging:
    """The questions of one agent while it runs."""

    def __init__(self, link: Link, judge: Judge | None, answer_ms: int) -> None:
        self._link = link
        self._judge = judge
        self._answer_ms = answer_ms
        self._working: dict[str, asyncio.Task[None]] = {}

    def heard(self, payload: Payload) -> bool:
        """Take up a push; False when it is of another kind. The same question again is the same question."""
        if not isinstance(payload, TribunalAsked):
            return False
        self._link.acknowledge_soon()
        if self._judge is None:
            log.warning("asked to judge decision %s, and nobody listens", payload.decision_id)
        elif payload.decision_id not in self._working:
            working = asyncio.create_task(self._work(payload, self._judge), name="watchfloor judgement")
            working.add_done_callback(lambda _: self._working.pop(payload.decision_id, None))
            self._working[payload.decision_id] = working
        return True

    async def _work(self, question: TribunalAsked, judge: Judge) -> None:
        try:
            if inspect.iscoroutinefunction(judge):
                said = await judge(question)
            else:
                said = await asyncio.to_thread(judge, question)
            if isinstance(said, Judgement):
                await self.say(question.decision_id, said)
            elif said is not None:
                log.error("a judgement is a Judgement or None, not %r", type(said).__name__)
        except WatchfloorError as error:
            log.warning("no judgement of %s: %s", question.decision_id, error)
        except Exception:
            log.exception("decision %s could not be judged", question.decision_id)

    async def say(self, decision_id: str, said: Judgement) -> TribunalRecorded:
        """One vote. Raises Refused, Unavailable."""
        frame = TribunalVote(
            decision_id=decision_id,
            vote=said.vote,
            confidence_milli=said.confidence_milli,
            reasoning=said.reasoning,
        )
        answer = await self._link.ask(frame, patience_ms=self._answer_ms)
        if not isinstance(answer, TribunalRecorded):
            raise ProtocolError(f"{frame.FRAME} was answered by {answer.FRAME}")
        return answer

    def close(self) -> None:
        """Nothing more is judged."""
        for working in list(self._working.values()):
            working.cancel()

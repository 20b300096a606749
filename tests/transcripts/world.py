"""Pure rules in memory: commands in, events out, with a clock that only moves when told to.

No engine and no processes: what one subject's rules say to one command. Every event goes through its canonical bytes,
so that whatever a rule records is shown to be recordable, and every state is folded from what came back.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from watchfloor.actions import rules as actions
from watchfloor.conversations import rules as conversations
from watchfloor.councils import rules as councils
from watchfloor.fleet import rules as fleet
from watchfloor.fleet.supervision import SupervisionEvidence
from watchfloor.fleet.supervision_messages import SupervisionTimePassed
from watchfloor.kernel.codec import Catalogue, encode_event
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event, Refused
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import TrustTerms
from watchfloor.people import rules as people
from watchfloor.policy import rules as policy
from watchfloor.situation import rules as situation
from watchfloor.trust import rules as trust
from watchfloor.trust.messages import ReassessTrust
from watchfloor.work import rules as work

CAPABILITIES = (fleet, work, actions, councils, trust, policy, people, conversations, situation)
SUBJECTS: dict[str, Subject] = {
    subject.kind: subject for capability in CAPABILITIES for subject in capability.SUBJECTS
}
CATALOGUE = Catalogue()
for _capability in CAPABILITIES:
    CATALOGUE.add(*_capability.FACTS)
# What is gathered for the commands that clocks give: the terms of the default policy.
CLOCKS_EVIDENCE: dict[type[Command], Any] = {
    ReassessTrust: trust.TermsEvidence(terms=TrustTerms()),
    SupervisionTimePassed: SupervisionEvidence(present=(8,)),
}
START = 20_000 * DAY + 9 * HOUR  # nine o'clock on some morning


class World:
    """States by (kind, subject), everything that happened in order, and what time it is (µs UTC)."""

    def __init__(self, at: int = START) -> None:
        self.at = at
        self.seq = 0
        self.states: dict[tuple[str, int], Any] = {}
        self.events: list[Event] = []

    def perform(self, command: Command, actor: Actor = SYSTEM, evidence: Any = None) -> list[Event]:
        """Let the rules answer one command and take up what they record. Raises Refused, then nothing happened."""
        subject = SUBJECTS[command.KIND]
        number = command.subject or self.seq + 1
        given = Given(
            at=self.at,
            subject=number,
            entropy=sha256(b"entropy %d" % self.seq).digest(),
            actor=actor,
            evidence=evidence,
        )
        state = self.states.get((subject.kind, command.subject))
        events: list[Event] = []
        for draft in subject.decide[type(command)](state, command, given):
            self.seq += 1
            event = Event(
                org="org_test",
                seq=self.seq,
                at=self.at,
                type=draft.facts.TYPE,
                kind=subject.kind,
                subject=number,
                actor=actor,
                private=sha256(draft.private).hexdigest() if draft.private else "",
                facts=draft.facts,
            )
            events.append(CATALOGUE.decode(encode_event(event)))
        self.take_up(events)
        return events

    def refusal(self, command: Command, actor: Actor = SYSTEM, evidence: Any = None) -> tuple[str, str, int]:
        """(code, field, status) with which the rules refuse this command; fails when they do not."""
        try:
            events = self.perform(command, actor, evidence)
        except Refused as refused:
            return refused.code, refused.field, refused.status
        raise AssertionError(f"{command} was not refused: {events}")

    def take_up(self, events: Iterable[Event]) -> None:
        """Fold events into the states they are about."""
        for event in events:
            key = event.kind, event.subject
            evolve = SUBJECTS[event.kind].evolve.get(type(event.facts))
            if evolve is not None:  # else: what was not to be has no state
                self.states[key] = evolve(self.states.get(key), event)
            self.events.append(event)

    def ring(self, until: int) -> list[Event]:
        """Let the clocks of all subjects ring until that instant, each at its own, and stand there."""
        rung: list[Event] = []
        while clock := self.next_clock(until):
            self.at, command = max(self.at, clock[0]), clock[1]
            happened = self.perform(command, evidence=CLOCKS_EVIDENCE.get(type(command)))
            assert happened, f"a clock rang for nothing: {command}"
            rung += happened
        self.at = until
        return rung

    def next_clock(self, until: int) -> tuple[int, Command] | None:
        """The earliest clock set not after that instant, with the command it leads to."""
        clocks = [
            (due, number, subject)
            for (kind, number), state in self.states.items()
            if 0 < (due := (subject := SUBJECTS[kind]).due(state)) <= until
        ]
        if not clocks:
            return None
        due, number, subject = min(clocks, key=lambda clock: clock[:2])
        command = subject.overdue(number, self.states[subject.kind, number], due)
        assert command is not None
        return due, command

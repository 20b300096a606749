"""What people see of supervision: `supervisions` (spec 2.3)."""

from __future__ import annotations

import msgspec

from watchfloor.fleet.supervision_messages import (
    SupervisionArranged,
    SupervisionEnded,
    SupervisionPassed,
    SupervisorConfirmed,
    SupervisorDoubted,
)
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Projectors,
    Table,
    Value,
    array,
    instant,
    integer,
    text,
)

_json = msgspec.json.Encoder().encode

SUPERVISIONS = Table(
    name="supervisions",
    version=1,
    meaning="Domains that agents supervise, as they are now.",
    key=("supervision",),
    columns={
        "supervision": integer("subject"),
        "id": text("public id sup_…"),
        "domain": text("name, unique among those in force"),
        "state": text("held, doubted, people (nobody is there: an alert) or ended"),
        "holder": integer("subject of the agent that supervises now, 0: people"),
        "generation": integer("rises whenever it passes on"),
        "primary": integer("subject of the first choice"),
        "backups": array("JSON array of subjects, in order"),
        "members": array("JSON array of the subjects that are supervised"),
        "patience_ms": integer("how long its holder may be gone, ms"),
        "tasks_max": integer("more open tasks are too many for its holder, 0: no bound"),
        "reason": text("why it passed on last, or is doubted"),
        "changed_at": instant("newest change"),
        "changed_seq": integer("seq of that"),
    },
)
TABLES = (SUPERVISIONS,)


def _set(event: Event, **values: Value) -> list[Change]:
    return [SUPERVISIONS.set(event.subject, changed_at=event.at, changed_seq=event.seq, **values)]


def _state(agent: int) -> str:
    return "held" if agent else "people"


def _arranged(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, SupervisionArranged)
    return [
        SUPERVISIONS.put(
            event.subject,
            id=public_id("supervision", event.subject, facts.nonce),
            domain=facts.domain,
            state=_state(facts.agent),
            holder=facts.agent,
            generation=facts.generation,
            primary=facts.primary,
            backups=_json(facts.backups).decode(),
            members=_json(facts.members).decode(),
            patience_ms=facts.patience_ms,
            tasks_max=facts.tasks_max,
            changed_at=event.at,
            changed_seq=event.seq,
        )
    ]


def _doubted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, SupervisorDoubted)
    return _set(event, state="doubted", reason=facts.reason)


def _confirmed(event: Event) -> list[Change]:
    assert isinstance(event.facts, SupervisorConfirmed)
    return _set(event, state="held", reason="")


def _passed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, SupervisionPassed)
    return _set(
        event,
        state=_state(facts.agent),
        holder=facts.agent,
        generation=facts.generation,
        reason=facts.reason,
    )


def _ended(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, SupervisionEnded)
    return _set(event, state="ended", holder=0, reason=facts.reason)


PROJECT: Projectors = {
    SupervisionArranged: _arranged,
    SupervisorDoubted: _doubted,
    SupervisorConfirmed: _confirmed,
    SupervisionPassed: _passed,
    SupervisionEnded: _ended,
}

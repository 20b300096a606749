"""Which alerts are open: what raising and clearing look at (spec 06).

Cells: `alerts` by the key of an alert, while it is open; `alerts_open` counts them.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.situation.messages import AlertRaised, AlertResolved, AlertWorsened, key_of

Cells = list[tuple[str, object, object]]


class OpenAlert(msgspec.Struct, frozen=True, array_like=True, gc=False):
    subject: int
    severity: str


def _raised(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AlertRaised)
    key = key_of(facts.what, facts.about)
    if read("alerts", key) is not None:
        return []
    count: int = read("alerts_open", "all") or 0
    return [("alerts", key, OpenAlert(event.subject, facts.severity)), ("alerts_open", "all", count + 1)]


def _worsened(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AlertWorsened)
    key = key_of(facts.what, facts.about)
    known: OpenAlert | None = read("alerts", key)
    if known is None or known.subject != event.subject:
        return []
    return [("alerts", key, OpenAlert(event.subject, facts.severity))]


def _resolved(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AlertResolved)
    key = key_of(facts.what, facts.about)
    known: OpenAlert | None = read("alerts", key)
    if known is None or known.subject != event.subject:
        return []
    count: int = read("alerts_open", "all") or 1
    return [("alerts", key, None), ("alerts_open", "all", (count - 1) or None)]


REGISTER = Register(
    name="alerts",
    cells={"alerts": OpenAlert, "alerts_open": int},
    folds={AlertRaised: _raised, AlertWorsened: _worsened, AlertResolved: _resolved},
)

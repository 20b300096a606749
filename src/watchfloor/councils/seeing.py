"""Who has opened a decision, and when first (spec 3.2 *Inbox*, *review-time statistics*).

The instant between seeing and voting is how long somebody looked. Only the first time counts, once per person, and only
while the decision waits: whoever reads what is over reviews nothing. Anybody may look; it gives no right to vote.
"""

# ruff: noqa: ARG001 -- folds have one signature each, whatever they look at

from __future__ import annotations

from watchfloor.councils.decision import PENDING, Decision, known
from watchfloor.councils.forcing import check_own
from watchfloor.councils.messages import DecisionSeen, NoteSeen
from watchfloor.kernel.folds import Changes
from watchfloor.kernel.limits import SEEN_MAX
from watchfloor.kernel.messages import Draft, Event
from watchfloor.kernel.subject import Given


def note(state: Decision | None, command: NoteSeen, given: Given) -> list[Draft]:
    """Seen for the first time; nothing when it was seen before, or is over. Refused in another's name."""
    decision = known(state)
    check_own(command.person, given)
    if decision.status != PENDING or command.person in decision.seen or len(decision.seen) >= SEEN_MAX:
        return []
    return [Draft(facts=DecisionSeen(person=command.person))]


def seen(decision: Decision, facts: DecisionSeen, event: Event) -> Changes:
    return {} if facts.person in decision.seen else {"seen": (*decision.seen, facts.person)}

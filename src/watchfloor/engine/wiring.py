"""Everything pure, put together: what the engine is made of (DESIGN §3)."""

from __future__ import annotations

from watchfloor.actions import rules as actions
from watchfloor.actions.gate import RULES_VERSION
from watchfloor.conversations import rules as conversations
from watchfloor.councils import rules as councils
from watchfloor.engine import system_rules
from watchfloor.engine.evidence import GATHERS
from watchfloor.engine.step import Rules
from watchfloor.engine.world import Wiring
from watchfloor.fleet import rules as fleet
from watchfloor.kernel.codec import Catalogue
from watchfloor.kernel.messages import Command
from watchfloor.kernel.subject import Decide
from watchfloor.people import rules as people
from watchfloor.policy import rules as policy
from watchfloor.processes import LATER, REACTS
from watchfloor.registers import REGISTERS
from watchfloor.situation import rules as situation
from watchfloor.trust import rules as trust
from watchfloor.work import rules as work

CAPABILITIES = (fleet, work, actions, councils, trust, policy, people, conversations, situation)


def wire() -> tuple[Wiring, Rules, Catalogue]:
    """The tables of all rules, registers and processes, and the catalogue of event types."""
    subjects = tuple(subject for capability in CAPABILITIES for subject in capability.SUBJECTS)
    decides: dict[type[Command], Decide] = {**system_rules.DECIDES, **work.DECIDES}
    for subject in subjects:
        decides.update(subject.decide)
    catalogue = Catalogue()
    catalogue.add(*system_rules.FACTS)
    for capability in CAPABILITIES:
        catalogue.add(*capability.FACTS)
    rules = Rules(decides=decides, gathers=GATHERS, reacts=REACTS, rules_version=RULES_VERSION, later=LATER)
    return Wiring(subjects, REGISTERS), rules, catalogue

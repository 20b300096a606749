"""Which mode an action is judged in: a function of the policy, the agent and the type (spec 03 §3.6 *Modes*)."""

from __future__ import annotations

from watchfloor.actions.tables import Tables
from watchfloor.kernel.mode_terms import ENFORCE, OBSERVE
from watchfloor.kernel.terms import PLATFORM_TYPES


def observed(tables: Tables, agent: int, action_type: str) -> bool:
    """Does the mode let it run although people would have been asked? Never what the platform carries out itself.

    `action_type` is folded. Cheap where nothing is observed.
    """
    if not tables.observing or not agent or action_type in PLATFORM_TYPES:
        return False
    named = (tables.agent_modes.get(agent), tables.type_modes.get(action_type))
    if ENFORCE in named:
        return False
    return OBSERVE in named or tables.policy.modes.organisation == OBSERVE

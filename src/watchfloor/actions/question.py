"""What the rules of the gate are asked about, with what several of them need worked out once (spec 03 §3.1)."""

from __future__ import annotations

import msgspec

from watchfloor.actions import risk as scoring
from watchfloor.actions.conditions import Compiled, biting
from watchfloor.actions.messages import Derived, Evidence
from watchfloor.actions.tables import Tables
from watchfloor.kernel.instants import hour_of
from watchfloor.kernel.runaway_terms import Pace


class Question(msgspec.Struct, frozen=True, gc=False):
    """One request before the gate. `band` indexes risk.BANDS; `soft_missing` counts rule 8's soft conditions not met."""

    tables: Tables
    derived: Derived
    seen: Evidence
    at: int
    cost_micro: int
    task: int
    risk: int
    band: int
    standing: bool  # a standing approval for this agent and type is in force
    hour_usual: bool
    soft_missing: int
    pace: Pace  # what is a runaway of this agent
    bites: tuple[Compiled, ...] = ()  # rules of the policy that hold
    observed: bool = False  # the mode lets run what people would have been asked about


def ask(
    tables: Tables,
    derived: Derived,
    seen: Evidence,
    at: int,
    cost_micro: int = 0,
    task: int = 0,
    agent: int = 0,
    *,
    observed: bool = False,
) -> Question:
    """The question about derived facts and evidence at an instant (µs UTC). Total, and a function of its arguments.

    `agent` is who asks; `observed`: see `modes.observed`.
    """
    risk = scoring.score(tables, derived, seen)
    start, end, hour = tables.hour_from, tables.hour_to, hour_of(at)
    hour_usual = start <= hour < end if start < end else hour >= start or hour < end
    soft_missing = 0 if hour_usual else 1
    if seen.first_time:
        soft_missing += 1
    if seen.auto_hour >= tables.auto_hour:
        soft_missing += 1
    return Question(
        tables,
        derived,
        seen,
        at,
        cost_micro,
        task,
        risk,
        scoring.band_of(risk),
        seen.standing > 0 and seen.standing_until > at,
        hour_usual,
        soft_missing,
        tables.pace_of(agent, seen.agent_type) if tables.paced else tables.pace,
        biting(tables.domain, derived, seen, risk, cost_micro) if tables.domain else (),
        observed,
    )

"""Which agent is meant: people write its id, its structured code or its name (spec 2.1, 2.5).

An id is never ambiguous, whatever others call themselves: an agent chooses its name, so a name that looks like another
agent's id or code must not come between a person and the agent they want to stop.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from watchfloor.http.problems import Problem
from watchfloor.kernel.ids import public_id
from watchfloor.registers.directory import find_display

_STRUCTURED = re.compile(r"^[0-5][1-9][1-9][0-9][0-9a-z]{2,8}\Z")


def agent_called(read: Callable[[str, Any], Any], state: Callable[[str, int], Any], text: str) -> int:
    """The agent with this structured code or name, 0 when there is none.

    Raises Problem 409 `ambiguous_agent` with the ids of both when it is the code of one and the name of another.
    """
    coded = find_display(read, text) if _STRUCTURED.match(text) else 0
    named = int(read("names", f"agent:{text}") or 0)
    if coded and named and coded != named:
        said = " and ".join(
            f"{public_id('agent', subject, found.nonce)} ({found.name!r}, {how})"
            for subject, how in ((coded, "by its code"), (named, "by its name"))
            if (found := state("agent", subject)) is not None
        )
        raise Problem(409, "ambiguous_agent", f"{text!r} is {said}: say the id")
    return coded or named

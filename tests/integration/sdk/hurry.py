"""An agent that waits long for its server, until a test says that it shall not.

What a test does first must be answered however busy the machine is; only the frame that is to remain without an
answer, or without a connection, is waited for briefly.
"""

from __future__ import annotations

from watchfloor_agent import Agent
from watchfloor_agent.actions import Execution


def impatient(one: Agent | Execution, answer_ms: int) -> None:
    """From now on `one` waits `answer_ms` for the server: an agent with its next request, an execution with its report."""
    asking = one._life.actions if isinstance(one, Agent) else one
    asking._answer_ms = answer_ms

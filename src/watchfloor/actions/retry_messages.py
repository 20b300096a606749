"""Retries: an action whose execution failed is granted once more under the same decision (DESIGN 2b.8)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.actions.messages import Grant
from watchfloor.kernel.messages import Command, Facts


class RetryAction(Command, frozen=True, kw_only=True):
    """Once more, please. `execution` is the one that failed, so saying it twice asks once."""

    KIND: ClassVar[str] = "action"
    agent: int
    execution: str


class ActionRetried(Facts, frozen=True, kw_only=True):
    """A new grant under the decision of the one before it: `attempt` counts from 1 and is at most what the ruling bore.

    `execution` is the one it repeats. Where nobody knows what became of that one, `charged_*` of what it had reserved
    counts as spent (fault F12); `reserves_*` is reserved anew.
    """

    TYPE: ClassVar[str] = "action.retried/1"
    KIND: ClassVar[str] = "action"
    action_type: str
    agent: int
    attempt: int
    charged_micro: int
    charged_tokens: int
    execution: str
    grant: Grant
    reserves_micro: int
    reserves_tokens: int
    tool: str

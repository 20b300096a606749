"""What a task or an execution has used so far: tokens and money, added up as they are spent.

What was never added was not said, which is not the same as nothing: under a budget the server then counts all that was
reserved. Money is in micro units (10^-6) of the organisation's currency.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Meter:
    """A running sum. None: nothing was said of it yet."""

    tokens: int | None = None
    cost_micro: int | None = None

    def add(self, *, tokens: int | None = None, cost_micro: int | None = None) -> None:
        """This much more; 0 says that it cost nothing. Raises ValueError for less than nothing."""
        for amount in (tokens, cost_micro):
            if amount is not None and amount < 0:
                raise ValueError("nobody uses less than nothing")
        if tokens is not None:
            self.tokens = (self.tokens or 0) + tokens
        if cost_micro is not None:
            self.cost_micro = (self.cost_micro or 0) + cost_micro

    def said(self, tokens: int | None, cost_micro: int | None) -> dict[str, int | None]:
        """What to report: what is said now, else the sum."""
        return {
            "tokens": self.tokens if tokens is None else tokens,
            "cost_micro": self.cost_micro if cost_micro is None else cost_micro,
        }

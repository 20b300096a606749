"""How many examples a law is tried on: a quarter in `make test`, all of them in `make test-long` and with

pytest --hypothesis-profile thorough
"""

from __future__ import annotations

import hypothesis

WHOLE = 100  # hypothesis' own default: what a law without a number of its own gets
QUARTER = 25


def examples(whole: int) -> int:
    """So many of a law's examples as this run has time for."""
    return max(10, whole * hypothesis.settings().max_examples // WHOLE)

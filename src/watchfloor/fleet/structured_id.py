"""The structured id TRCCII: a display code of an agent's present state (spec 2.1).

Theory of operation
-------------------
T is the tier, 0 to 5. R is the role by the agent's type. CC is the category of its first capability: the decade by the
words in it, the unit by its whole text (0 when it is the decade's own word). II is the instance, a number that the
caller counts up per (R, CC), so that a code is unique whatever the tiers: 00 to 99, then it goes on in base 36 from `a0`,
which never looks like a decimal, to `zz`, `100` and so on. Nothing depends on the code: it changes with its agent.
"""

from __future__ import annotations

import re
from hashlib import sha256

ROLES = {
    "executor": 1,
    "worker": 1,  # executes whatever it is given
    "planner": 2,
    "validator": 3,
    "researcher": 4,
    "communicator": 5,
    "orchestrator": 6,
}
ROLE_OTHER = 9

CATEGORIES = {
    10: ("research", "search", "web", "browse", "crawl", "read", "knowledge", "literature"),
    20: ("content", "write", "writing", "text", "translate", "translation", "document", "image", "video"),
    30: ("development", "code", "lint", "test", "build", "git", "repository", "review", "security", "python"),
    40: ("social", "post", "community", "media", "moderation"),
    50: ("sales", "lead", "crm", "quote", "invoice", "payment"),
    60: ("support", "ticket", "helpdesk", "chat", "faq"),
    70: ("operations", "deploy", "infrastructure", "monitor", "incident", "database", "network", "shell"),
    80: ("analytics", "analysis", "data", "report", "statistics", "forecast", "sql"),
    90: ("executive", "plan", "planning", "strategy", "budget", "decide", "orchestrate"),
}
CATEGORY_OTHER = 70
_DECADES = {word: decade for decade, words in CATEGORIES.items() for word in words}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_DECIMAL = 100  # instances written as two decimals
_LETTERED = 10 * 36  # `a0`, the first pair of digits in base 36 that begins with a letter


def role(agent_type: str) -> int:
    """R: 1 executor or worker, 2 planner, 3 validator, 4 researcher, 5 communicator, 6 orchestrator, 9 other."""
    return ROLES.get(agent_type, ROLE_OTHER)


def category(capability: str) -> int:
    """CC, 10 to 99: the decade of the first known word of the capability (70 when none is), and a digit of its text."""
    words = re.findall(r"[a-z0-9]+", capability.lower())
    decade = next((_DECADES[word] for word in words if word in _DECADES), CATEGORY_OTHER)
    if words == [CATEGORIES[decade][0]]:
        return decade
    return decade + 1 + sha256(capability.encode()).digest()[0] % 9


def instance(number: int) -> str:
    """II for a number ≥ 0; different numbers have different texts."""
    if number < _DECIMAL:
        return f"{number:02d}"
    rest = number - _DECIMAL + _LETTERED
    digits = []
    while rest:
        rest, digit = divmod(rest, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def structured_id(tier: int, agent_type: str, capability: str, number: int) -> str:
    """TRCCII of an agent with this tier (0 to 5), type and first capability, the `number`-th of its role and category."""
    return f"{tier}{role(agent_type)}{category(capability)}{instance(number)}"

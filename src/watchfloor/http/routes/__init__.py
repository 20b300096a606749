"""What each operation answers, by section of the table (operations.py)."""

from __future__ import annotations

from watchfloor.http.routes import (
    actions,
    agents,
    chat,
    decisions,
    documents,
    economics,
    health,
    ledger,
    people,
    policy,
    stops,
    tasks,
    timeline,
)

__all__ = [
    "actions",
    "agents",
    "chat",
    "decisions",
    "documents",
    "economics",
    "health",
    "ledger",
    "people",
    "policy",
    "stops",
    "tasks",
    "timeline",
]

"""What each operation answers, by section of the table (operations.py)."""

from __future__ import annotations

from watchfloor.http.routes import (
    actions,
    agents,
    channels,
    chat,
    decisions,
    documents,
    economics,
    enrolments,
    health,
    identity,
    ledger,
    lineage,
    messages,
    people,
    policy,
    stops,
    supervision,
    tasks,
    timeline,
    versions,
)

__all__ = [
    "actions",
    "agents",
    "channels",
    "chat",
    "decisions",
    "documents",
    "economics",
    "enrolments",
    "health",
    "identity",
    "ledger",
    "lineage",
    "messages",
    "people",
    "policy",
    "stops",
    "supervision",
    "tasks",
    "timeline",
    "versions",
]

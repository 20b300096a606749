"""The table's lines joined with the types they name and the functions that answer them.

Everything is resolved when the server is built: a line whose type or function does not exist stops the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from watchfloor.http.bodies import (
    access,
    actions,
    agents,
    alerts,
    analytics,
    anomalies,
    backtests,
    backups,
    bypasses,
    chat,
    data,
    decisions,
    economics,
    fields,
    finding,
    identity,
    inbox,
    ledger,
    limits,
    lineage,
    notifications,
    pages,
    people,
    presence,
    schedules,
    shadows,
    situation,
    supervision,
    tasks,
    timeline,
    tribunals,
    upkeep,
)
from watchfloor.http.door import Declared, Route
from watchfloor.http.operations import OPERATIONS, PAGES, Operation
from watchfloor.kernel.terms import Policy

BODIES = (
    access,
    fields,
    finding,
    agents,
    analytics,
    anomalies,
    alerts,
    situation,
    identity,
    inbox,
    presence,
    tasks,
    tribunals,
    bypasses,
    chat,
    data,
    actions,
    decisions,
    economics,
    schedules,
    shadows,
    people,
    supervision,
    lineage,
    ledger,
    limits,
    backtests,
    backups,
    upkeep,
    notifications,
    timeline,
    pages,
)
SPECIAL_ANSWERS = frozenset(
    ("", "text", "document", "page", "stream", "archive")
)  # answers that are no Struct

EXAMPLES: dict[type, dict[str, Any]] = {
    Policy: {
        "name": "default",
        "grant_ms": 900_000,
        "levels": {"low": 0, "medium": 2, "high": 3, "critical": 4},
    }
}
for _module in BODIES:
    EXAMPLES.update(getattr(_module, "EXAMPLES", {}))


def find_type(name: str) -> type[Any]:
    """The Struct of a name in the table. Raises LookupError."""
    if name == "Policy":
        return Policy
    for module in BODIES:
        found = getattr(module, name, None)
        if isinstance(found, type):
            return found
    raise LookupError(f"no Struct is called {name}")


def answer_type(operation: Operation) -> type[Any] | None:
    """The Struct of an operation's answer, None for text, pages and documents."""
    return None if operation.answer in SPECIAL_ANSWERS else find_type(operation.answer)


def declare(operation: Operation, modules: Mapping[str, ModuleType]) -> Declared:
    """One line with its types and its function. Raises LookupError when something is missing."""
    route: Route | None = getattr(modules[operation.section], operation.id, None)
    if route is None:
        raise LookupError(f"{operation.section}.{operation.id} answers {operation.key} and does not exist")
    return Declared(
        operation=operation,
        route=route,
        params=find_type(operation.params) if operation.params else None,
        body=find_type(operation.body) if operation.body else None,
    )


def sections() -> dict[str, ModuleType]:
    """The modules of every section of the table."""
    from watchfloor.http import pages as page_modules
    from watchfloor.http import routes as route_modules

    found = {}
    for section in {operation.section for operation in OPERATIONS}:
        package = page_modules if section in PAGES else route_modules
        found[section] = getattr(package, section)
    return found


def every() -> list[Declared]:
    """The whole table."""
    modules = sections()
    return [declare(operation, modules) for operation in OPERATIONS]

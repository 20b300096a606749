"""The OpenAPI document against the running server: generated requests, valid and not, and no 5xx at all (spec 6, fault J13).

Schemathesis makes the requests and judges the answers; its pytest plugin is not used (4.32 does not know pytest 9.2).
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.integration.http.kit import Running

from watchfloor.http.operations import OPERATIONS, Operation

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# What would end the test's own credentials or run for long is tried elsewhere.
LEFT_OUT = {
    "open_stream",
    "start_export",
    "start_backup",
    "set_log_level",
    "sign_out",
    "disable_person",
    "change_roles",
}
SHOWN = [o for o in OPERATIONS if o.documented and o.id not in LEFT_OUT]
EXAMPLES, EXAMPLES_LONG = 3, 500


@pytest.fixture(scope="module")
def document(server: Running) -> Any:
    """The document as the server gives it out."""
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.fixture(scope="module")
def keys(server: Running) -> dict[str, str]:
    """Somebody of each kind who may ask."""
    return {"agent": server.agent("fuzzed")["api_key"], "person": server.person("admin", "auditor").token}


def wrong_in_some_way(operation: Operation) -> bool:
    """Has it anything that can be got wrong?"""
    return bool(operation.body or "{" in operation.path or operation.params not in ("", "NoParams"))


TRIED = [
    (o, mode)
    for o in SHOWN
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or wrong_in_some_way(o)
]


EACH = pytest.mark.parametrize(
    ("operation", "mode"), TRIED, ids=[f"{o.key} {mode.value}" for o, mode in TRIED]
)


def try_out(
    server: Running,
    document: Any,
    keys: dict[str, str],
    operation: Operation,
    mode: GenerationMode,
    examples: int,
) -> None:
    """Send generated requests of one operation and judge every answer."""
    described = document[operation.path][operation.method.lower()]
    headers = {}
    if operation.who != "anyone":
        headers["authorization"] = f"Bearer {keys['agent' if operation.who == 'agent' else 'person']}"

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if str((case.query or {}).get("min_seq", 0)).isdigit():
            case.query.pop(
                "min_seq", None
            )  # beyond the head it waits 2 s and is 503 by design (test_errors.py)
        response = case.call(base_url=server.url, headers=headers, timeout=30)
        case.validate_response(response, checks=CHECKS)

    ask()


@EACH
def test_nothing_that_the_document_allows_or_forbids_breaks_the_server(
    server: Running, document: Any, keys: dict[str, str], operation: Operation, mode: GenerationMode
) -> None:
    try_out(server, document, keys, operation, mode, EXAMPLES)


@pytest.mark.long
@EACH
def test_nothing_breaks_the_server_in_the_long_run_either(
    server: Running, document: Any, keys: dict[str, str], operation: Operation, mode: GenerationMode
) -> None:
    try_out(server, document, keys, operation, mode, EXAMPLES_LONG)

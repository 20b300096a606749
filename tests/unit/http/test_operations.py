"""One table declares everything that can be asked; it is complete, unambiguous and documented (spec 6, 10.7; G13)."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec
import pytest

from watchfloor.http import app, declared, openapi, operations
from watchfloor.http.bodies.fields import Answer, Body, Params
from watchfloor.http.door import Declared
from watchfloor.http.operations import OPERATIONS, Operation
from watchfloor.http.pacing import RATES
from watchfloor.kernel.terms import ROLES, Policy

WHO = {
    "anyone",
    "reader",
    "agent",
    "agent+reader",
    "agent+operator",
    "enrol+operator",
    "auditor+admin",
    *ROLES,
} - {"auditor"}
EFFECTS = {"read", "write", "secret", "try", "keep", "order", "page", "form", "stream"}


@pytest.fixture(scope="module")
def entries() -> list[Declared]:
    return declared.every()


def test_every_line_resolves_to_types_and_a_documented_function(entries: list[Declared]) -> None:
    assert len(entries) == len(OPERATIONS)
    for entry in entries:
        assert inspect.iscoroutinefunction(entry.route), entry.operation.key
        assert inspect.getdoc(entry.route), entry.operation.key


def test_method_and_path_are_unique() -> None:
    keys = [operation.key for operation in OPERATIONS]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.key)
def test_every_column_holds_a_known_word(operation: Operation) -> None:
    assert operation.who in WHO
    assert operation.effect in EFFECTS
    assert operation.rate_class in {*RATES, "exempt"} - {"failed", "sign_in_person", "sign_in_code"}
    assert operation.mutates == (operation.method != "GET" and operation.effect != "try")
    assert (
        operation.path.startswith("/api/v1/")
        or operation.page
        or operation.section in ("health", "documents")
    )


def test_nothing_that_changes_something_is_open_to_anyone_but_signing_in_and_a_vote_by_link() -> None:
    assert {operation.id for operation in OPERATIONS if operation.mutates and operation.who == "anyone"} == {
        "sign_in",
        "submit_sign_in",
        "use_link",
        "vote_by_tap",  # the link names its person; every rule of voting is asked again
    }


def test_deciding_stopping_and_health_are_never_limited() -> None:
    for operation in OPERATIONS:
        if operation.section in ("decisions", "inbox") or operation.id in (
            "record_stop",
            "stop_by_form",
            "get_health",
            "get_ready",
            "get_live",
        ):
            assert operation.rate_class == "exempt", operation.key


def test_an_auditor_can_write_nothing() -> None:
    for operation in OPERATIONS:
        if operation.mutates and operation.role == "reader":
            own = ("issue_token", "revoke_token", "sign_out", "leave")  # a person's own keys and session
            told = (
                "set_notify_channel",
                "remove_notify_channel",
                "test_notify_channel",
            )  # and how they are told
            assert operation.id in own + told or operation.effect == "keep", operation.key


def test_every_body_and_answer_has_an_example_that_is_valid(entries: list[Declared]) -> None:
    for entry in entries:
        for kind in (entry.body, declared.answer_type(entry.operation)):
            if kind is not None:
                assert kind in declared.EXAMPLES, kind
                msgspec.convert(declared.EXAMPLES[kind], kind)


def test_bodies_and_parameters_refuse_what_they_do_not_know(entries: list[Declared]) -> None:
    for entry in entries:
        assert entry.params is None or issubclass(entry.params, Params)
        assert entry.body is None or issubclass(entry.body, Body) or entry.body is Policy
        kind = declared.answer_type(entry.operation)
        assert kind is None or issubclass(kind, Answer)


def test_a_line_with_a_missing_column_stops_the_start() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        operations.parse("= x\nGET /x name reader read exempt 200 - -")


def test_a_line_without_a_function_stops_the_start() -> None:
    (line,) = operations.parse("= tasks\nGET /x nobody_wrote_me reader read exempt 200 - - text")
    with pytest.raises(LookupError, match="nobody_wrote_me"):
        declared.declare(line, declared.sections())
    with pytest.raises(LookupError, match="no Struct"):
        declared.find_type("Nowhere")


def test_scopes_name_section_and_kind() -> None:
    assert operations.operation("submit_task").scope == "tasks:write"
    assert operations.operation("dry_run_action").scope == "actions:read"
    assert "tasks:read" in operations.scopes()
    with pytest.raises(KeyError):
        operations.operation("nothing")


def test_the_methods_of_a_path_are_known() -> None:
    assert app.methods_of("/api/v1/tasks") == ["GET", "OPTIONS", "POST"]
    assert app.methods_of("/api/v1/tasks/tsk_1/cancel") == ["OPTIONS", "POST"]
    assert app.methods_of("/") == ["GET", "OPTIONS"]


# OpenAPI -------------------------------------------------------------------------------------------------------------


def test_the_document_is_the_same_every_time(entries: list[Declared]) -> None:
    assert msgspec.json.encode(openapi.document(entries, "1")) == msgspec.json.encode(
        openapi.document(declared.every(), "1")
    )


def test_every_documented_operation_is_there_with_an_id_of_its_own(entries: list[Declared]) -> None:
    document = openapi.document(entries, "1")
    shown = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    wanted = {entry.operation.key for entry in entries if not entry.operation.page}
    assert set(shown) == wanted
    ids = [operation["operationId"] for operation in shown.values()]
    assert len(ids) == len(set(ids))
    for operation in shown.values():
        assert operation["summary"]
        assert "security" in operation


def test_every_reference_leads_somewhere(entries: list[Declared]) -> None:
    from watchfloor.http.routes.documents import references

    document = openapi.document(entries, "1")
    assert references(document) <= set(document["components"]["schemas"])


def test_the_route_reference_is_what_the_table_says() -> None:
    assert (Path(__file__).parents[3] / "docs" / "routes.md").read_text(
        encoding="utf-8"
    ) == operations.document()

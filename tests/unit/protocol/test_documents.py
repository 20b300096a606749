"""What `protocol/` publishes is what the code speaks (spec 2.2: JSON Schemas and AsyncAPI 3)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.unit.protocol.golden import ROOT

from watchfloor.hub.protocol import FROM_AGENT, FROM_SERVER, PROTOCOL_VERSION, Payload

TOOL = ROOT.parent / "tools" / "protocol.py"
ASYNCAPI = json.loads((ROOT / "asyncapi.json").read_text(encoding="utf-8"))
ALL: tuple[type[Payload], ...] = (*FROM_AGENT, *FROM_SERVER)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def test_published_documents_agree_with_the_frames() -> None:
    check = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, timeout=60)
    assert check.returncode == 0, check.stdout


def test_a_schema_that_was_edited_by_hand_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "tools" / "protocol.py"
    copy.parent.mkdir()
    copy.write_text(TOOL.read_text(encoding="utf-8"), encoding="utf-8")
    run = [sys.executable, str(copy)]
    subprocess.run(run, check=True, capture_output=True, timeout=60)
    schema = tmp_path / "protocol" / "schemas" / "heartbeat.json"
    schema.write_text(schema.read_text(encoding="utf-8").replace("healthy", "fine"), encoding="utf-8")
    (tmp_path / "protocol" / "schemas" / "task.stolen.json").write_text("{}", encoding="utf-8")
    check = subprocess.run([*run, "--check"], capture_output=True, text=True, timeout=60)
    assert check.returncode == 1
    assert "heartbeat.json" in check.stdout
    assert "task.stolen.json" in check.stdout
    assert "welcome.json" not in check.stdout


@pytest.mark.parametrize("payload", ALL, ids=[payload.FRAME for payload in ALL])
def test_a_schema_is_valid_and_stands_alone(payload: type[Payload]) -> None:
    both = payload in FROM_SERVER and payload.FRAME in {sent.FRAME for sent in FROM_AGENT}
    path = ROOT / "schemas" / f"{payload.FRAME.replace(':', '.')}{'.push' if both else ''}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema)
    for reference in references(schema):
        assert resolved(schema, reference)["title"]
    assert schema["properties"]["type"]["const"] == payload.FRAME
    assert ("id" in schema["required"]) == payload.ANSWERED


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    found = list(references(ASYNCAPI))
    assert len(found) > len(ALL)
    for reference in found:
        assert resolved(ASYNCAPI, reference) is not None


def test_the_asyncapi_document_has_every_frame_in_its_direction() -> None:
    def names(operation: str) -> set[str]:
        messages = [resolved(ASYNCAPI, ref["$ref"]) for ref in ASYNCAPI["operations"][operation]["messages"]]
        return {resolved(ASYNCAPI, message["$ref"])["name"] for message in messages}

    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert ASYNCAPI["info"]["version"] == f"{PROTOCOL_VERSION}.0.0"
    assert ASYNCAPI["operations"]["fromAgent"]["action"] == "receive"
    assert names("fromAgent") == {payload.FRAME for payload in FROM_AGENT}
    assert names("toAgent") == {payload.FRAME for payload in FROM_SERVER}

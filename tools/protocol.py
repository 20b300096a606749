#!/usr/bin/env python3
"""Write what `protocol/` takes from the code: a JSON Schema per frame and an AsyncAPI 3 document.

    .venv/bin/python tools/protocol.py            write
    .venv/bin/python tools/protocol.py --check    exit 1 and name the files when what is there differs

The golden frames beside them are written by hand: they are what both SDKs and the hub are held to.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.hub.protocol import FROM_AGENT, FROM_SERVER, PROTOCOL_VERSION, Payload
from watchfloor.kernel.limits import FRAME_BYTES_MAX, INTEGER_MAX, PARAMS_BYTES_MAX

ROOT = Path(__file__).resolve().parent.parent / "protocol"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_name(payload: type[Payload]) -> str:
    """`action:request` → `action.request.json`; what both sides may send is `….push.json` from the server."""
    both = payload in FROM_SERVER and payload.FRAME in {sent.FRAME for sent in FROM_AGENT}
    return f"{payload.FRAME.replace(':', '.')}{'.push' if both else ''}.json"


def envelope(payload: type[Payload], reference: str, from_agent: bool) -> dict[str, Any]:
    """The schema of a whole frame around its payload."""
    number = {"type": "integer", "minimum": 1, "maximum": INTEGER_MAX}
    properties: dict[str, Any] = {"type": {"const": payload.FRAME}, "payload": {"$ref": reference}}
    required = ["type", "payload"]
    if from_agent:
        properties["id"] = {
            **number,
            "description": "strictly increasing per agent; repeated only with the same body",
        }
        if payload.ANSWERED:
            required.insert(1, "id")
    else:
        properties["re"] = {**number, "description": "the id of the frame this answers"}
        properties["seq"] = {
            **number,
            "description": "ledger position of a push; redelivered until a heartbeat names it or a later one",
        }
    properties["traceparent"] = {"type": "string", "maxLength": 128}
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "description": inspect.cleandoc(payload.__doc__ or ""),
    }


def named_schemas(reference: str) -> dict[str, Any]:
    """Every payload and what it refers to, by class name."""
    _, components = msgspec.json.schema_components([*FROM_AGENT, *FROM_SERVER], ref_template=reference)
    for name, schema in components.items():
        schema["title"] = name
        _plain_patterns(schema)
    return dict(components)


def _plain_patterns(schema: Any) -> None:
    """Python's `\\Z` is `$` in the dialect of JSON Schema (ECMA 262)."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            schema["pattern"] = schema["pattern"].replace(r"\Z", "$")
        for value in schema.values():
            _plain_patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            _plain_patterns(value)


def referenced(schema: Any, prefix: str) -> set[str]:
    """Names behind `$ref`s in a schema."""
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix(prefix)} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(referenced(value, prefix) for value in schema.values()))
    return (
        set().union(*(referenced(value, prefix) for value in schema)) if isinstance(schema, list) else set()
    )


def frame_schemas() -> dict[str, dict[str, Any]]:
    """File name → self-contained JSON Schema of one frame."""
    prefix = "#/$defs/"
    schemas = named_schemas(prefix + "{name}")
    files = {}
    for payload in (*FROM_AGENT, *FROM_SERVER):
        needed: set[str] = set()
        fresh = {payload.__name__}
        while fresh:
            needed |= fresh
            fresh = set().union(*(referenced(schemas[name], prefix) for name in fresh)) - needed
        files[file_name(payload)] = {
            "$schema": DIALECT,
            "$id": f"https://watchfloor.invalid/protocol/v{PROTOCOL_VERSION}/{file_name(payload)}",
            "title": payload.FRAME,
            **envelope(payload, prefix + payload.__name__, payload in FROM_AGENT),
            "$defs": {name: schemas[name] for name in sorted(needed)},
        }
    return files


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document, from the server's side: it receives what agents send."""
    prefix = "#/components/schemas/"
    messages = {}
    for payload in (*FROM_AGENT, *FROM_SERVER):
        messages[payload.__name__] = {
            "name": payload.FRAME,
            "title": payload.FRAME,
            "summary": (payload.__doc__ or "").strip().splitlines()[0],
            "contentType": "application/json",
            "payload": envelope(payload, prefix + payload.__name__, payload in FROM_AGENT),
        }
    channel = "#/channels/agent"

    def operation(action: str, payloads: tuple[type[Payload], ...], summary: str) -> dict[str, Any]:
        return {
            "action": action,
            "channel": {"$ref": channel},
            "summary": summary,
            "messages": [{"$ref": f"{channel}/messages/{payload.__name__}"} for payload in payloads],
        }

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Watchfloor agent protocol",
            "version": f"{PROTOCOL_VERSION}.0.0",
            "description": (
                "JSON text frames over one WebSocket. Every numbered frame of an agent gets one answer that names its"
                " id in `re`; a frame repeated with the same id and bytes gets the first answer again. Pushes carry"
                " `seq` and are redelivered after a reconnect until a heartbeat names it. Unknown fields pass, unknown"
                f" types get `error`. A frame has at most {FRAME_BYTES_MAX} bytes, a subtree at most {PARAMS_BYTES_MAX}."
                " Close codes: 1009 too big, 1012 restart, 1013 overloaded, 4001 not authenticated in time, 4003"
                " authentication failed, 4008 too many invalid frames, 4029 too many connections."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "own": {
                "host": "{host}",
                "protocol": "wss",
                "description": "The server of the deployment.",
                "variables": {"host": {"default": "localhost:7300"}},
                "security": [{"$ref": "#/components/securitySchemes/key"}],
            }
        },
        "channels": {
            "agent": {
                "address": "/ws",
                "title": "One agent's connection",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "fromAgent": operation("receive", FROM_AGENT, "What an agent sends."),
            "toAgent": operation("send", FROM_SERVER, "What the server answers and pushes."),
        },
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An agent's key in the Authorization header, or in a first hello frame within 5 s.",
                }
            },
            "messages": messages,
            "schemas": named_schemas(prefix + "{name}"),
        },
    }


def documents() -> dict[Path, str]:
    """Every generated file with its content."""
    files = {ROOT / "asyncapi.json": asyncapi()}
    files.update({ROOT / "schemas" / name: schema for name, schema in frame_schemas().items()})
    return {path: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for path, content in files.items()}


def main() -> int:
    """Exit code 0: the files agree with the code (after writing, unless --check)."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; name what differs")
    check = parser.parse_args().check
    wanted = documents()
    stale = [path for path in (ROOT / "schemas").glob("*.json") if path not in wanted]
    differing = [p for p, text in wanted.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    if check:
        for path in (*differing, *stale):
            print(f"{path.relative_to(ROOT.parent)} does not agree with the frames; run tools/protocol.py")
        return 1 if differing or stale else 0
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in stale:
        path.unlink()
    print(f"{len(wanted)} files, {len(differing)} written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

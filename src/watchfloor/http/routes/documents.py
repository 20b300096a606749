"""The API's own documents: OpenAPI, schemas, a page that shows them without asking anybody else."""

from __future__ import annotations

from typing import Any

from watchfloor.http.asking import Call
from watchfloor.http.bodies import ledger as wire
from watchfloor.http.pages import assets, reference
from watchfloor.http.problems import not_found
from watchfloor.http.replies import Reply

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


async def get_openapi(call: Call) -> Reply:
    """This document."""
    return Reply(body=call.services.document)


async def get_token_keys(call: Call) -> Reply:
    """The public keys with which signed keys of agents can be checked (a JWK Set)."""
    tokens = call.services.engine.credentials.tokens
    return Reply(body=tokens.published() if tokens is not None else {"keys": []})


def _schemas(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = call.services.document["components"]["schemas"]
    return found


async def list_schemas(call: Call) -> Reply:
    """Names of all JSON Schemas."""
    return Reply(body=wire.SchemaIndex(schemas=tuple(_schemas(call))))


async def get_schema(call: Call) -> Reply:
    """One JSON Schema, complete in itself."""
    name: str = call.path["schema"]
    schemas = _schemas(call)
    if name not in schemas:
        raise not_found("schema")
    needed = {name: schemas[name]}
    waiting = [schemas[name]]
    while waiting:
        for other in references(waiting.pop()):
            if other not in needed:
                needed[other] = schemas[other]
                waiting.append(schemas[other])
    content = {"$schema": _DIALECT, "$ref": f"#/components/schemas/{name}", "components": {"schemas": needed}}
    return Reply(body=content)


def references(schema: Any) -> set[str]:
    """Names of the schemas that a schema refers to."""
    if isinstance(schema, dict):
        here = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
        return here.union(*(references(value) for value in schema.values())) if schema else here
    if isinstance(schema, list):
        return set().union(*(references(value) for value in schema)) if schema else set()
    return set()


async def show_docs(call: Call) -> Reply:
    """The reference as a page."""
    return reference.page(call)


async def get_asset(call: Call) -> Reply:
    """A stylesheet, script or picture of our pages."""
    return assets.serve(call)

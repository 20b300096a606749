"""OpenAPI 3.1 from the one table and the Structs it names: one model set for wire, validation and document.

Every operation has an example of its body and of its answer, and names the refusals a client has to expect.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from watchfloor.http import declared as table
from watchfloor.http.bodies.fields import Params
from watchfloor.http.door import Declared
from watchfloor.http.operations import Operation, scopes
from watchfloor.http.problems import CONTENT_TYPE, ProblemDocument

_PARAMETER = re.compile(r"\{([a-z]+)\}")
_REF = "#/components/schemas/{name}"
_PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "agent": {"description": "public id `agt_…` or structured id", "example": "agt_q0d1k7m9x2v4"},
    "task": {"description": "public id `tsk_…`", "example": "tsk_q0d1k7m9x2v4"},
    "action": {"description": "public id `act_…`", "example": "act_q0d1k7m9x2v4"},
    "decision": {"description": "public id `dec_…`", "example": "dec_q4d1k7m9x2v4"},
    "chat": {"description": "public id `cht_…`", "example": "cht_q0d1k7m9x2v4"},
    "channel": {
        "description": "public id `chn_…`, or the name of an open channel",
        "example": "chn_q0d1k7m9x2v4",
    },
    "number": {
        "description": "number of a message in its conversation, from 1",
        "schema": {"type": "integer", "minimum": 1},
        "example": 2,
    },
    "anomaly": {"description": "public id `ano_…`", "example": "ano_q0d1k7m9x2v4"},
    "alert": {"description": "public id `alr_…`", "example": "alr_q0d1k7m9x2v4"},
    "budget": {"description": "public id `bud_…`", "example": "bud_q0d1k7m9x2v4"},
    "schedule": {"description": "public id `sch_…`", "example": "sch_q0d1k7m9x2v4"},
    "stop": {"description": "public id `stp_…`", "example": "stp_q0d1k7m9x2v4"},
    "standing": {"description": "public id `std_…`", "example": "std_q0d1k7m9x2v4"},
    "bypass": {"description": "public id `byp_…`", "example": "byp_q0d1k7m9x2v4"},
    "person": {"description": "public id `per_…`", "example": "per_4h2k9d0s7b1"},
    "key": {"description": "key id `key_…`", "example": "key_0123456789abcdef"},
    "token": {"description": "token id `tok_…` or session id `ses_…`", "example": "tok_0123456789abcdef"},
    "seq": {
        "description": "position in the ledger, from 1",
        "schema": {"type": "integer", "minimum": 1},
        "example": 21,
    },
    "version": {
        "description": "version of the policy, from 1",
        "schema": {"type": "integer", "minimum": 1},
        "example": 3,
    },
    "pack": {"description": "name of a pack", "example": "finance"},
    "shadow": {"description": "name of a shadow policy", "example": "fewer_questions"},
    "enrolment": {"description": "public id `enr_…`", "example": "enr_q0d1k7m9x2v4"},
    "supervision": {"description": "public id `sup_…`", "example": "sup_q0d1k7m9x2v4"},
    "export": {"description": "id of an export", "example": "1-1042"},
    "schema": {"description": "name of a schema", "example": "SubmitTaskBody"},
}
_REFUSALS = {
    "400": "The request cannot be read: malformed, too deep, a duplicate key, a number that is no integer.",
    "401": "No credential, or one that is not in force.",
    "403": "The role, the scope or the origin does not allow it.",
    "404": "There is no such thing in this organisation.",
    "408": "The body did not arrive in time.",
    "409": "It does not fit the present state, or the first request with this key is still under way.",
    "412": "Somebody else was faster: read again.",
    "413": "The body is too large.",
    "415": "Another media type is expected.",
    "422": "A field is missing, unknown or out of bounds; or the idempotency key was used for another request.",
    "428": "Say which version the change was made to (If-Match).",
    "429": "Too many requests of this class; `retry_after_ms` says when.",
    "503": "Not now, safe to retry: the views are behind, or the ledger cannot be written.",
}


def document(entries: Sequence[Declared], version: str) -> dict[str, Any]:
    """The document. Field order is fixed, so that two builds are equal byte for byte."""
    shown = [entry for entry in entries if entry.operation.documented or entry.operation.effect == "stream"]
    types: dict[str, type[Any]] = {"ProblemDocument": ProblemDocument}
    for entry in shown:
        for kind in (entry.body, table.answer_type(entry.operation)):
            if kind is not None:
                types[kind.__name__] = kind
    _, components = msgspec.json.schema_components(list(types.values()), ref_template=_REF)
    for name, kind in types.items():
        if kind in table.EXAMPLES and name in components:
            components[name]["examples"] = [table.EXAMPLES[kind]]
    paths: dict[str, Any] = {}
    for entry in shown:
        paths.setdefault(entry.operation.path, {})[entry.operation.method.lower()] = describe(entry)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Watchfloor",
            "version": version or "0",
            "summary": "Agents ask, people decide, a ledger proves it.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(entry.operation.section for entry in shown)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An agent's key `wf_key_…` or a person's token `wf_tok_…`. Scopes of tokens: "
                    + ", ".join(scopes()),
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "watchfloor_session"},
            },
        },
    }


_DESCRIPTION = (
    "Instants (`…_at`) are microseconds since 1970, UTC; durations (`…_ms`) milliseconds; money (`…_micro`) 10⁻⁶ of the "
    "currency. Numbers are integers. Answers to commands carry `seq`: pass it as `min_seq` to read what they changed. "
    "Lists are paged by `cursor` and `next`. Every command takes an `Idempotency-Key`, kept for 24 hours: the same key "
    "with the same body gets the same answer. Refusals are problem documents (RFC 9457) with a stable `code`, the "
    "fields at fault, and whether a retry is safe."
)


def describe(entry: Declared) -> dict[str, Any]:
    """One operation."""
    operation = entry.operation
    summary, _, rest = (inspect.getdoc(entry.route) or operation.id).partition("\n")
    said: dict[str, Any] = {
        "operationId": operation_id(operation),
        "tags": [operation.section],
        "summary": summary,
        "description": " ".join(f"{rest} {_needs(operation)}".split()),
        "parameters": [
            *path_parameters(operation),
            *query_parameters(entry.params),
            *header_parameters(operation),
        ],
        "responses": responses(operation),
    }
    if operation.who == "anyone":
        said["security"] = []
    else:
        said["security"] = [{"key": []}] if operation.who == "agent" else [{"key": []}, {"session": []}]
    if entry.body is not None:
        said["requestBody"] = body(entry)
    said["x-role"] = operation.who
    said["x-rate-class"] = operation.rate_class
    return said


def operation_id(operation: Operation) -> str:
    """Unique in the document: aliases of one function get their path behind it."""
    aliases = {"/health": "", "/ready": "", "/live": ""}
    if (
        operation.section == "health"
        and operation.path not in aliases
        and operation.id in ("get_health", "get_ready", "get_live")
    ):
        return f"{operation.id}_{operation.path.strip('/').replace('/', '_')}"
    return operation.id


def _needs(operation: Operation) -> str:
    who = {
        "anyone": "Needs no credential.",
        "reader": "Needs any role.",
        "agent": "For agents.",
        "agent+reader": "For agents (their own only) and any role.",
        "agent+operator": "For agents (their own only) and operators.",
        "auditor+admin": "For auditors and administrators.",
    }.get(operation.who, f"Needs the role {operation.who}.")
    return f"{who} Rate class: {operation.rate_class}."


def path_parameters(operation: Operation) -> list[dict[str, Any]]:
    """The parameters in the path."""
    found = []
    for name in _PARAMETER.findall(operation.path):
        known = _PATH_PARAMETERS[name]
        entry = {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "maxLength": 64},
            **known,
        }
        found.append(entry)
    return found


def query_parameters(params: type[Any] | None) -> list[dict[str, Any]]:
    """The parameters in the query, from the Struct that reads them."""
    if params is None or not issubclass(params, Params):
        return []
    (reference,), components = msgspec.json.schema_components([params], ref_template=_REF)
    schema = components[reference["$ref"].rpartition("/")[2]]
    found = []
    for name, shape in schema.get("properties", {}).items():
        plain = {key: value for key, value in shape.items() if key != "default" or value is not None}
        if "anyOf" in plain:
            options = [option for option in plain.pop("anyOf") if option != {"type": "null"}]
            plain.update(options[0])
        entry: dict[str, Any] = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": plain,
        }
        if "description" in plain:
            entry["description"] = plain.pop("description")
        found.append(entry)
    return found


def header_parameters(operation: Operation) -> list[dict[str, Any]]:
    """The headers an operation looks at."""
    found = []
    if operation.keyed:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "chosen by you; the same key and body get the same answer for 24 hours",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
            }
        )
    if operation.id == "apply_policy":
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "description": "the ETag of the policy the change was made to",
                "schema": {"type": "string", "pattern": '^"[0-9]{1,15}"$'},
                "example": '"3"',
            }
        )
    if operation.id == "cast_vote":
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": "the ETag of the decision, to vote only if nothing has happened to it since",
                "schema": {"type": "string", "pattern": '^"[0-9]{1,15}"$'},
            }
        )
    if operation.effect == "stream":
        found.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "the seq of the last event seen",
                "schema": {"type": "integer", "minimum": 0},
            }
        )
    return found


def body(entry: Declared) -> dict[str, Any]:
    """The body with its example."""
    assert entry.body is not None
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=entry.body.__name__)}}
    if entry.body in table.EXAMPLES:
        content["example"] = table.EXAMPLES[entry.body]
    kinds = {"application/json": content}
    if entry.operation.id in ("apply_policy", "check_policy"):
        kinds["application/yaml"] = {"schema": content["schema"]}
    required = entry.body.__name__ not in ("Nothing", "Reason")
    return {"required": required, "content": kinds}


def responses(operation: Operation) -> dict[str, Any]:
    """The answer and the refusals to expect."""
    good: dict[str, Any] = {"description": "Done." if operation.mutates else "Here it is."}
    kind = table.answer_type(operation)
    if kind is not None:
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=kind.__name__)}}
        if kind in table.EXAMPLES:
            content["example"] = table.EXAMPLES[kind]
        good["content"] = {"application/json": content}
    elif operation.answer == "text":
        kind_of_text = "text/csv" if operation.path.endswith(".csv") else "text/plain"
        good["content"] = {kind_of_text: {"schema": {"type": "string"}}}
    elif operation.answer == "archive":
        good["content"] = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    elif operation.answer == "document":
        good["content"] = {"application/json": {"schema": {"type": "object"}}}
    elif operation.answer == "stream":
        good["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    found = {str(operation.status): good}
    if operation.id in ("register_agent", "import_agent"):
        found = {
            "200": {**good, "description": "An agent of this name exists already; without its key."},
            **found,
        }
    if operation.id in ("apply_policy", "revert_policy"):
        found["202"] = {**good, "description": "Proposed: other people must agree; `decision_id` says where."}
    if operation.id == "record_stop":
        found["202"] = {
            **good,
            "description": "In force; the ledger cannot be written now and gets it later.",
        }
    for status in expected(operation):
        found[status] = {
            "description": _REFUSALS[status],
            "content": {CONTENT_TYPE: {"schema": {"$ref": _REF.format(name="ProblemDocument")}}},
        }
    if operation.id == "get_ready":
        found["503"] = {"description": "The ledger cannot accept writes.", "content": good["content"]}
    return found


def expected(operation: Operation) -> list[str]:
    """The refusals an operation can answer with."""
    found = {"400", "422"}
    if operation.who != "anyone":
        found |= {"401", "403"}
    if operation.rate_class != "exempt":
        found.add("429")
    if "{" in operation.path:
        found.add("404")
    if operation.method in ("POST", "PUT"):
        found |= {"408", "413", "415"}
    if operation.mutates or operation.effect == "try":
        found |= {"401", "403", "404", "409", "503"}
    if operation.effect == "read" and operation.who != "anyone":
        found |= {"404", "503"}
    if operation.id == "apply_policy":
        found |= {"412", "428"}
    if operation.id == "cast_vote":
        found.add("412")
    return sorted(found)

"""Reading what came: bodies through the strict reader, forms, parameters; every refusal names its field (faults J1 to J12)."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from watchfloor.http import problems
from watchfloor.http.problems import FieldError, Problem
from watchfloor.kernel.limits import JSON_DEPTH_MAX
from watchfloor.kernel.strict import strict
from watchfloor.kernel.terms import Policy
from watchfloor.policy import document
from watchfloor.policy.faults import PolicyInvalid

JSON_TYPES = frozenset(("application/json",))
YAML_TYPES = frozenset(("application/yaml", "application/x-yaml", "text/yaml"))
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 64 * 1024  # a comment of 16 Ki characters, percent-encoded
FORM_FIELDS_MAX = 32
PARAMETERS_MAX = 32
POLICY_BYTES_MAX = 256 * 1024
FAULTS_MAX = 50  # of one policy document in one answer


def media_type(content_type: str) -> str:
    """The type without its parameters, lower case."""
    return content_type.partition(";")[0].strip().lower()


def read_body(raw: bytes, content_type: str, kind: type[Any], bytes_max: int) -> Any:
    """The body as a Struct of `kind`. Raises Problem 400, 413, 415, 422; BadInput with a pointer."""
    if kind is Policy:
        return read_policy(raw, content_type, bytes_max)
    if len(raw) > bytes_max:
        raise Problem(413, "too_large", f"{len(raw)} bytes, at most {bytes_max}")
    declared = media_type(content_type)
    if not raw.strip() and (not declared or declared in JSON_TYPES):
        plain: object = {}
    elif declared in JSON_TYPES or declared.endswith("+json"):
        plain = strict(raw, bytes_max=bytes_max, depth_max=JSON_DEPTH_MAX)
    else:
        raise Problem(415, "unsupported_media_type", "send application/json")
    return convert(plain, kind)


def convert(plain: object, kind: type[Any]) -> Any:
    """Plain data as a Struct. Raises Problem 422 with the field."""
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise problems.from_validation(error, kind=kind) from error


def read_policy(raw: bytes, content_type: str, bytes_max: int) -> Policy:
    """A policy document as YAML or JSON, laid over the defaults. Raises Problem with every fault of it."""
    if len(raw) > min(bytes_max, POLICY_BYTES_MAX):
        raise Problem(413, "too_large", f"{len(raw)} bytes, at most {min(bytes_max, POLICY_BYTES_MAX)}")
    declared = media_type(content_type)
    if raw.strip() in (b"", b"null", b"{}"):
        # Everything has a default, so nothing at all would quietly replace a policy by the default one.
        raise Problem(
            422, "invalid_policy", "an empty document is not taken for the default policy; name it at least"
        )
    try:
        if declared in YAML_TYPES:
            return document.load(raw.decode())
        if declared in JSON_TYPES or declared.endswith("+json"):
            return document.from_plain(strict(raw, bytes_max=bytes_max, depth_max=JSON_DEPTH_MAX))
    except UnicodeDecodeError as error:
        raise Problem(400, "not_utf8", f"byte {error.start} is not UTF-8") from error
    except PolicyInvalid as invalid:
        raise invalid_policy(invalid) from invalid
    raise Problem(415, "unsupported_media_type", "send application/json or application/yaml")


def invalid_policy(invalid: PolicyInvalid) -> Problem:
    """422 with every fault and its place."""
    errors = tuple(
        FieldError(
            field=fault.path,
            code="invalid",
            detail=f"{fault.what} (line {fault.line})" if fault.line else fault.what,
        )
        for fault in invalid.faults[:FAULTS_MAX]
    )
    first = invalid.faults[0]
    return Problem(422, "invalid_policy", f"{first.path}: {first.what}", errors=errors)


def read_form(raw: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form. Raises Problem 413, 415, 400 for a field that comes twice."""
    if media_type(content_type) != FORM_TYPE:
        raise Problem(415, "unsupported_media_type", f"send {FORM_TYPE}")
    if len(raw) > FORM_BYTES_MAX:
        raise Problem(413, "too_large", f"{len(raw)} bytes, at most {FORM_BYTES_MAX}")
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict"
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise Problem(400, "malformed_form", "the form cannot be read") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Problem(400, "malformed_form", "a field is there twice")
    return {name: unicodedata.normalize("NFC", value.replace("\r\n", "\n")) for name, value in fields.items()}


def query_pairs(query: str) -> list[tuple[str, str]]:
    """Name and value of every query parameter. Raises Problem 400."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=PARAMETERS_MAX, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise Problem(
            400, "malformed_query", "the query cannot be read, or has too many parameters"
        ) from error


@cache
def _field_types(kind: Any) -> dict[str, Any]:
    return {field.name: field for field in msgspec.structs.fields(kind)}


def read_params(pairs: list[tuple[str, str]], kind: type[Any]) -> Any:
    """Query parameters as a Struct. Raises Problem 422 naming the parameter that is unknown, repeated or wrong."""
    known = _field_types(cast("Any", kind))
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise wrong_parameter(name, "unknown_parameter", "there is no such parameter")
        if name in values:
            raise wrong_parameter(name, "repeated", "once only")
        if value == "" and known[name].default is None:
            continue
        values[name] = unicodedata.normalize("NFC", value)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        wrong = problems.field_error(error, kind=kind)
        raise wrong_parameter(wrong.field.lstrip("/"), wrong.code, wrong.detail) from error


def wrong_parameter(name: str, code: str, detail: str) -> Problem:
    """422 for a query parameter."""
    shown = name[:64].encode("ascii", "backslashreplace").decode()
    return Problem(
        422,
        "invalid_parameters",
        f"{shown}: {detail}",
        errors=(FieldError(field=shown, code=code, detail=detail),),
    )

"""Reading what came: bodies through the strict reader, forms, parameters; every refusal names its field (faults J1 to J12)."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
import yaml

from watchfloor.http import problems
from watchfloor.http.problems import FieldError, Problem
from watchfloor.kernel.limits import JSON_DEPTH_MAX
from watchfloor.kernel.strict import strict

JSON_TYPES = frozenset(("application/json",))
YAML_TYPES = frozenset(("application/yaml", "application/x-yaml", "text/yaml"))
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 64 * 1024  # a comment of 16 Ki characters, percent-encoded
FORM_FIELDS_MAX = 32
PARAMETERS_MAX = 32
YAML_BYTES_MAX = 256 * 1024
_SCALARS = {"true": True, "false": False}


def media_type(content_type: str) -> str:
    """The type without its parameters, lower case."""
    return content_type.partition(";")[0].strip().lower()


def read_body(
    raw: bytes, content_type: str, kind: type[Any], bytes_max: int, *, yaml_too: bool = False
) -> Any:
    """The body as a Struct of `kind`. Raises Problem 400, 413, 415, 422; BadInput with a pointer."""
    if len(raw) > bytes_max:
        raise Problem(413, "too_large", f"{len(raw)} bytes, at most {bytes_max}")
    declared = media_type(content_type)
    if not raw.strip() and not declared:
        plain: object = {}
    elif yaml_too and declared in YAML_TYPES:
        plain = read_yaml(raw)
    elif declared in JSON_TYPES or declared.endswith("+json"):
        plain = strict(raw, bytes_max=bytes_max, depth_max=JSON_DEPTH_MAX) if raw.strip() else {}
    else:
        wanted = "application/json or application/yaml" if yaml_too else "application/json"
        raise Problem(415, "unsupported_media_type", f"send {wanted}")
    return convert(plain, kind)


def convert(plain: object, kind: type[Any]) -> Any:
    """Plain data as a Struct. Raises Problem 422 with the field."""
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise problems.from_validation(error) from error


class _Loader(yaml.SafeLoader):
    """Safe, and without aliases, merge keys, duplicate keys and implicit booleans such as `on` (faults J5, J6)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise Problem(400, "yaml_alias", "aliases are not accepted")
        depth = getattr(self, "depth", 0) + 1
        if depth > JSON_DEPTH_MAX:
            raise Problem(400, "too_deep", f"nested deeper than {JSON_DEPTH_MAX}")
        self.depth = depth
        node = super().compose_node(parent, index)
        self.depth = depth - 1
        return node

    def mapping(self, node: Any) -> dict[Any, Any]:
        """A mapping with distinct keys that are text."""
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise Problem(400, "yaml_key", f"keys are text, not {type(key).__name__}: {str(key)[:64]!r}")
            if key in found:
                raise Problem(400, "duplicate_key", f"the key {key[:64]!r} is there twice")
            found[key] = self.construct_object(value_node, deep=True)
        return found


def _construct_mapping(loader: _Loader, node: Any) -> dict[Any, Any]:
    return loader.mapping(node)


def _construct_bool(loader: _Loader, node: Any) -> Any:
    value = loader.construct_scalar(node)
    return _SCALARS.get(str(value).lower(), value)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)
for _tag in ("timestamp", "binary", "set", "omap", "pairs", "merge"):
    _Loader.yaml_constructors.pop(f"tag:yaml.org,2002:{_tag}", None)


def read_yaml(raw: bytes) -> object:
    """Plain data of a YAML document within the strict subset. Raises Problem 400; BadInput with a pointer."""
    if len(raw) > YAML_BYTES_MAX:
        raise Problem(413, "too_large", f"{len(raw)} bytes, at most {YAML_BYTES_MAX}")
    try:
        plain = yaml.load(raw.decode(), Loader=_Loader)  # noqa: S506 - a safe loader made stricter
        # What YAML calls numbers and text is judged by the same strict reader as JSON.
        return strict(msgspec.json.encode(plain), bytes_max=4 * YAML_BYTES_MAX, depth_max=JSON_DEPTH_MAX)
    except UnicodeDecodeError as error:
        raise Problem(400, "not_utf8", f"byte {error.start} is not UTF-8") from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise Problem(400, "malformed_yaml", " ".join(str(error).split())[:300] or "not YAML") from error


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
        wrong = problems.field_error(error)
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

"""Criteria of a task: what the platform checks itself before it believes that the task is done (spec 2.4 *Verification*).

Theory of operation
-------------------
Each kind is a struct; together they are a union told apart by `kind`. The same structs read a submission (an unknown
kind or field is refused, with its place) and what was kept of it (runners/verification.py). What types cannot say is
said by `check_criteria`. Fields of the canonical subset only: integers, text, no fractions.

A criterion names what must hold *now*, when it is checked; nothing an agent reports can make it hold, except that
`json_schema` looks at the very result that was reported.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import jsonschema_rs
import msgspec
from msgspec import Meta

from watchfloor.kernel.limits import CRITERIA_PER_TASK_MAX, INTEGER_MAX
from watchfloor.kernel.messages import Refused

SCHEMA_BYTES_MAX = 32 * 1024  # a schema that needs more describes a product, not a result
SCHEMA_DEPTH_MAX = 24  # below the depth of everything we read
REPORT_HOLDER = "{report}"  # an argument containing it gets the path of a fresh file instead

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_DRAFT = re.compile(r"https?://json-schema\.org/(draft-0[467]/schema#?|draft/(2019-09|2020-12)/schema#?)\Z")

Path = Annotated[str, Meta(max_length=1_024, pattern=r"^[^\x00]*\Z")]
SomePath = Annotated[str, Meta(min_length=1, max_length=1_024, pattern=r"^[^\x00]*\Z")]
Argv = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=4_096, pattern=r"^[^\x00]*\Z")], ...],
    Meta(min_length=1, max_length=64),
]
Sha256 = Annotated[str, Meta(max_length=64, pattern=r"^(?:[0-9a-f]{64})?\Z")]
Bytes = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Commit = Annotated[str, Meta(max_length=64, pattern=r"^(?:[0-9a-f]{7,64})?\Z")]
# git check-ref-format, and nothing that reads as an option, a range or a revision expression
Branch = Annotated[str, Meta(max_length=255, pattern=r"^(?:[A-Za-z0-9_][A-Za-z0-9_+./#-]*)?\Z")]
WebAddress = Annotated[str, Meta(max_length=2_048, pattern=r"^https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?\Z")]
HeaderName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+\Z")]
Pointer = Annotated[str, Meta(max_length=512, pattern=r"^(?:/(?:[^~/]|~[01])*)*\Z")]
Anything = Annotated[Any, Meta(description="any JSON of the canonical subset", extra_json_schema={})]


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """One condition of a task."""


class CommandCriterion(Criterion, frozen=True, kw_only=True, tag="command"):
    """A program of the list exits 0 in a folder of the roots."""

    argv: Argv
    cwd: Path = ""


class FileCriterion(Criterion, frozen=True, kw_only=True, tag="file"):
    """A regular file exists inside the roots, of this size and content when they are given (0 and "" are not)."""

    path: SomePath
    sha256: Sha256 = ""
    bytes_min: Bytes = 0
    bytes_max: Bytes = INTEGER_MAX


class GitCommitCriterion(Criterion, frozen=True, kw_only=True, tag="git_commit"):
    """A commit exists in a repository of the roots: a hash, or where a branch points.

    `contained_in`: it is in the history of that branch. `descends_from`: that commit is in its history, and is not it.
    `paths`: all it changes (since `descends_from`, else since its first parent) lies in one of these files or folders.
    """

    repository: Path = ""
    commit: Commit = ""
    branch: Branch = ""
    contained_in: Branch = ""
    descends_from: Commit = ""
    paths: Annotated[tuple[SomePath, ...], Meta(max_length=64)] = ()


class TestsCriterion(Criterion, frozen=True, kw_only=True, tag="tests"):
    """A test command exits 0 and its JUnit XML, written to the fresh file that replaces `{report}` in its arguments,
    counts at least `passed_min` passed and no failed ones."""

    argv: Argv
    cwd: Path = ""
    passed_min: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class JSONSchemaCriterion(Criterion, frozen=True, kw_only=True, tag="json_schema"):
    """The result that the agent reported is valid by a JSON Schema, which refers to nothing outside itself."""

    schema: Annotated[dict[str, Any], Meta(description="a JSON Schema (drafts 4 to 2020-12)")]


class JSONValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value at a JSON pointer (RFC 6901) of a body equals this one."""

    pointer: Pointer
    equals: Anything = None


class HeaderValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A header is there and equals the text, blanks at its ends aside."""

    name: HeaderName
    equals: Annotated[str, Meta(max_length=1_024)]


class HTTPResponseCriterion(Criterion, frozen=True, kw_only=True, tag="http_response"):
    """GET answers with this status, and with this header and body when they are given. No redirect is followed."""

    url: WebAddress
    status: Annotated[int, Meta(ge=100, le=599)] = 200
    header: HeaderValue | None = None
    contains: Annotated[str, Meta(max_length=4_096)] = ""
    sha256: Sha256 = ""
    value: JSONValue | None = None


AnyCriterion = (
    CommandCriterion
    | FileCriterion
    | GitCommitCriterion
    | TestsCriterion
    | JSONSchemaCriterion
    | HTTPResponseCriterion
)
Criteria = Annotated[tuple[AnyCriterion, ...], Meta(max_length=CRITERIA_PER_TASK_MAX)]


def kept(criteria: tuple[AnyCriterion, ...]) -> list[Any]:
    """Criteria as the private part of a task keeps them."""
    found: list[Any] = msgspec.to_builtins(criteria)
    return found


def check_criteria(criteria: tuple[AnyCriterion, ...], field: str = "/criteria") -> None:
    """What types cannot say. Raises Refused 422 `invalid_criterion` with the place."""
    for index, criterion in enumerate(criteria):
        place = f"{field}/{index}"
        if isinstance(criterion, FileCriterion):
            _check(criterion.bytes_min <= criterion.bytes_max, f"{place}/bytes_min", "exceeds bytes_max")
        elif isinstance(criterion, TestsCriterion):
            held = any(REPORT_HOLDER in argument for argument in criterion.argv[1:])
            _check(held, f"{place}/argv", f"one argument has to contain {REPORT_HOLDER}")
        elif isinstance(criterion, GitCommitCriterion):
            _check_commit(criterion, place)
        elif isinstance(criterion, JSONSchemaCriterion):
            fault = schema_fault(criterion.schema)
            _check(not fault, f"{place}/schema{fault[0] if fault else ''}", fault[1] if fault else "")


def _check(holds: bool, field: str, detail: str) -> None:
    if not holds:
        raise Refused("invalid_criterion", detail, field=field, status=422)


def _check_commit(criterion: GitCommitCriterion, place: str) -> None:
    _check(bool(criterion.commit) != bool(criterion.branch), f"{place}/commit", "either a commit or a branch")
    for name in ("branch", "contained_in"):
        branch: str = getattr(criterion, name)
        odd = ".." in branch or "//" in branch or "/." in branch or branch.endswith(("/", ".", ".lock"))
        _check(not odd, f"{place}/{name}", "is no name of a branch")
    for index, path in enumerate(criterion.paths):
        inside = not path.startswith("/") and ".." not in path.split("/")
        _check(inside, f"{place}/paths/{index}", "is relative to the repository and stays inside")


def schema_fault(schema: dict[str, Any]) -> tuple[str, str] | None:
    """(JSON pointer inside the schema, what is wrong): too big, too deep, or a reference that leaves it."""
    if len(json.dumps(schema)) > SCHEMA_BYTES_MAX:
        return "", f"takes at most {SCHEMA_BYTES_MAX} bytes"
    waiting: list[tuple[str, Any, int]] = [("", schema, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > SCHEMA_DEPTH_MAX:
            return place, f"is nested deeper than {SCHEMA_DEPTH_MAX}"
        if isinstance(value, list):
            waiting += [(f"{place}/{index}", item, depth + 1) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            for key, item in value.items():
                here = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
                if key in _REFERENCES and isinstance(item, str) and not item.startswith("#"):
                    return here, "refers to something outside the schema"
                if key == "$schema" and not _DRAFT.match(str(item)):
                    return here, "is none of the drafts 4, 6, 7, 2019-09, 2020-12"
                waiting.append((here, item, depth + 1))
    return None if jsonschema_rs.meta.is_valid(schema) else ("", "is no valid JSON Schema")

"""The API reference as one page, drawn from the OpenAPI document without asking any other server."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.http.asking import Call
from watchfloor.http.codes import CODES
from watchfloor.http.html import Child, Safe, join, tag
from watchfloor.http.pages import layout
from watchfloor.http.replies import Reply


def page(call: Call) -> Reply:
    """The reference."""
    document = call.services.document
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    sections = [_section(name, operations) for name, operations in by_tag.items()]
    contents = [tag("li", tag("a", name, href=f"#{name}")) for name in by_tag]
    return layout.page(
        call,
        "API reference",
        tag("h1", "API reference"),
        tag("p", document["info"]["summary"], class_="lead"),
        tag("p", spelled(document["info"]["description"])),
        tag("p", "As a document: ", tag("a", "/openapi.json", href="/openapi.json"), " (OpenAPI 3.1)."),
        tag(
            "ul",
            contents,
            tag("li", tag("a", "refusals", href="#refusals")),
            tag("li", tag("a", "schemas", href="#schemas")),
            class_="toc",
        ),
        sections,
        _refusals(),
        _schemas(document["components"]["schemas"]),
    )


def spelled(text: str) -> Safe:
    """Text with what stands between backticks as code."""
    return join(tag("code", part) if place % 2 else part for place, part in enumerate(text.split("`")))


def _section(name: str, operations: list[tuple[str, str, dict[str, Any]]]) -> Safe:
    return tag(
        "section", tag("h2", name, id=name), [_operation(*entry) for entry in operations], class_="card"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> Safe:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    good = next(iter(operation["responses"].items()))
    answer: dict[str, Any] = next(iter(good[1].get("content", {}).values()), {})
    parameters = [
        tag("li", tag("code", entry["name"]), f" ({entry['in']}) ", spelled(entry.get("description", "")))
        for entry in operation["parameters"]
    ]
    refusals = ", ".join(status for status in operation["responses"] if not status.startswith("2"))
    return tag(
        "div",
        tag("p", tag("span", method, class_="method"), path, class_="path"),
        tag(
            "p",
            spelled(operation["summary"]),
            " ",
            tag("span", spelled(operation["description"]), class_="quiet"),
        ),
        tag("ul", parameters, class_="small") if parameters else None,
        _example("Body", body),
        _example(f"Answer {good[0]}", answer),
        tag("p", f"Refusals: {refusals}", class_="small quiet") if refusals else None,
        class_="operation",
        id=operation["operationId"],
    )


def _example(title: str, content: dict[str, Any]) -> Child:
    """An example with a link to its schema."""
    if not content:
        return None
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    link = tag("a", name, href=f"#schema-{name}") if name else None
    if "example" not in content:
        return tag("p", f"{title}: ", link or content.get("schema", {}).get("type", ""), class_="small")
    text = msgspec.json.format(msgspec.json.encode(content["example"]), indent=2).decode()
    return tag("details", tag("summary", f"{title}"), tag("p", link, class_="small"), tag("pre", text))


def _refusals() -> Safe:
    """The codes of refusals; a problem's `type` leads here."""
    rows = [
        tag("tr", tag("td", tag("code", code), id=f"problem-{code}"), tag("td", spelled(meaning)))
        for code, meaning in CODES.items()
    ]
    return tag(
        "section",
        tag("h2", "refusals", id="refusals"),
        tag(
            "p", "Problem documents (RFC 9457). Rules have further codes of their own, with the same fields."
        ),
        tag("table", tag("tbody", rows), class_="plain"),
        class_="card",
    )


def _schemas(schemas: dict[str, Any]) -> Safe:
    shown = []
    for name, schema in schemas.items():
        text = msgspec.json.format(
            msgspec.json.encode({k: v for k, v in schema.items() if k != "examples"}), indent=2
        ).decode()
        shown.append(tag("details", tag("summary", name), tag("pre", text), id=f"schema-{name}"))
    return tag("section", tag("h2", "schemas", id="schemas"), shown, class_="card")

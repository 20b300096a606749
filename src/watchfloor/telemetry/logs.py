"""Structured logs: one JSON object a line, correlation bound automatically, secrets redacted (spec 06 *Logs*).

Both structlog and the standard library's loggers (uvicorn, our hub) end in the same renderer. Values bound with
`bind` belong to the running task and what it awaits, and to nothing else.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import msgspec
import structlog

SERVICE = "watchfloor"
REDACTED = "[redacted]"
TEXT_CHARS_MAX = 8_192  # one log line never carries a whole diff
# A key in any text keeps its id (useful, not secret) and loses its secret part.
_KEY = re.compile(r"\b(wf_[a-z]{3}_[0-9a-z]{16})_[A-Za-z0-9_-]{20,}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_SIGN_IN = re.compile(r"(/sign-in/)[^\s\"'<>]+")
_QUERY = re.compile(r"(?i)([?&](?:[a-z_-]*(?:key|token|secret|password|code))=)[^&\s\"']+")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_SECRET_NAME = re.compile(
    r"(?i)(pass(word|wd)?|secret|token|authorization|cookie|api_?key|private_?key|credential_text|seed)$"
)
_OWN = ("timestamp", "level", "message", "service", "module", "correlationId")
_IDS = ("organisation", "agent", "task", "decision", "person")


def redact_text(text: str) -> str:
    """The text without keys, bearer tokens, sign-in links, secrets in a query string and private keys; capped."""
    if len(text) > TEXT_CHARS_MAX:
        text = text[:TEXT_CHARS_MAX] + "…"
    text = _PEM.sub(REDACTED, text)
    text = _KEY.sub(rf"\1_{REDACTED}", text)
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    text = _SIGN_IN.sub(rf"\1{REDACTED}", text)
    return _QUERY.sub(rf"\1{REDACTED}", text)


def redact(value: Any, depth: int = 0) -> Any:
    """Plain data with secrets replaced, by name and by form; anything exotic becomes its redacted text."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if depth > 6:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(key): REDACTED if _SECRET_NAME.search(str(key)) and item else redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item, depth + 1) for item in list(value)[:100]]
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes"
    return redact_text(str(value))


def shape(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: fixed fields on top, ids beside them, everything else under `context`."""
    line: dict[str, Any] = {
        "timestamp": event.pop("timestamp", ""),
        "level": event.pop("level", "info"),
        "message": redact_text(str(event.pop("event", ""))),
        "service": SERVICE,
        "module": event.pop("logger", "") or event.pop("module", ""),
        "correlationId": event.pop("correlation", ""),
    }
    for name in _IDS:
        line[name] = event.pop(name, "")
    exception = event.pop("exception", None)
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    context = {
        name: REDACTED if _SECRET_NAME.search(name) and item else redact(item) for name, item in event.items()
    }
    line = {name: item for name, item in line.items() if item != "" or name in _OWN[:4]}
    if context:
        line["context"] = context
    if exception:
        line["error"] = redact_text(exception)
    return line


def _encode(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event).decode()


def _foreign(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """uvicorn adds a coloured copy of its message; nobody reads it here."""
    event.pop("color_message", None)
    return event


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every logger of the process through the one renderer. Call once at start; again only in tests."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _foreign],
        processors=[shape, structlog.processors.JSONRenderer(serializer=_encode)],
    )
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [output]
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        other = logging.getLogger(name)
        other.handlers[:] = []
        other.propagate = (
            name != "uvicorn.access"
        )  # our own access line knows templates and keeps queries out
    set_level(level)
    _CONFIGURED[:] = [level]


_CONFIGURED = ["info"]


def configured() -> str:
    """The level that the process began with."""
    return _CONFIGURED[0]


def level() -> str:
    """The level in force: debug, info, warning or error."""
    number = logging.getLogger().getEffectiveLevel()
    return next((name for name, least in _LEVELS if number <= least), "error")


_LEVELS = (
    ("debug", logging.DEBUG),
    ("info", logging.INFO),
    ("warning", logging.WARNING),
    ("error", logging.ERROR),
)


def set_level(level: str) -> None:
    """Change the level at run time. Raises ValueError for a word that is no level."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"no such level: {level!r}")
    logging.getLogger().setLevel(number)


def logger(module: str) -> structlog.stdlib.BoundLogger:
    """A logger that speaks for a module."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(module)
    return bound


@contextmanager
def bind(**values: str) -> Iterator[None]:
    """Bind correlation, organisation, agent, task or decision to every line of the enclosed code."""
    with structlog.contextvars.bound_contextvars(**{key: value for key, value in values.items() if value}):
        yield

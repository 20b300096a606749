"""What operators look after: rates of requests, the log's level, room that the ledger's file no longer needs."""

from __future__ import annotations

from typing import Any, Literal

from watchfloor.http.bodies.fields import Answer, Body, Count

LogLevel = Literal["debug", "info", "warning", "error"]


class RateItem(Answer, frozen=True, kw_only=True):
    """One class of requests on this node. `per`: who has a bucket of its own: an address, credential, handle or person.

    `callers` are those heard of lately, `used` what the one nearest to the limit lacks of its `burst`, `refused` how many
    requests were turned away since the server started.
    """

    rate_class: str
    per: str
    per_minute: Count
    burst: Count
    callers: Count
    used: Count
    refused: Count


class RatePage(Answer, frozen=True, kw_only=True):
    items: tuple[RateItem, ...]


class LogLevelNow(Answer, frozen=True, kw_only=True):
    """What this node's log holds now, and what it holds again after a restart."""

    level: LogLevel
    at_start: LogLevel


class LogLevelBody(Body, frozen=True, kw_only=True):
    """Until the next restart, and on this node."""

    level: LogLevel


class CompactionNow(Answer, frozen=True, kw_only=True):
    """`bytes` of the ledger's file and `free_bytes` in it that hold nothing any more. `state`: idle or running.

    `freed_bytes`: what the newest run gave back.
    """

    state: str
    bytes: Count
    free_bytes: Count
    freed_bytes: Count


EXAMPLES: dict[type, dict[str, Any]] = {
    RatePage: {
        "items": [
            {
                "rate_class": "authenticated",
                "per": "credential",
                "per_minute": 1_000,
                "burst": 300,
                "callers": 12,
                "used": 41,
                "refused": 0,
            }
        ]
    },
    LogLevelNow: {"level": "info", "at_start": "info"},
    LogLevelBody: {"level": "debug"},
    CompactionNow: {
        "state": "idle",
        "bytes": 812_345_344,
        "free_bytes": 4_194_304,
        "freed_bytes": 0,
    },
}
EXAMPLES[RateItem] = EXAMPLES[RatePage]["items"][0]

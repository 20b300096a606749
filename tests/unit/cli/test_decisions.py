"""A decision on the command line: what would run, and how often (spec 3.2; DESIGN 2b.8)."""

from __future__ import annotations

from typing import Any

from watchfloor.cli.decisions import described

FOUND: dict[str, Any] = {
    "decision": {
        "type": "http.post",
        "agent_id": "agt_1",
        "level": 3,
        "risk": 60,
        "needed": 1,
        "role": "supervisor",
        "status": "pending",
        "digest": "ab" * 32,
    },
    "params": {"url": "https://api.example"},
    "trace": [],
    "risk": {"factors": []},
    "also": [],
    "edit": None,
    "judgements": [],
    "words": "",
    "timeline": [],
}


def test_who_decides_sees_how_often_it_may_run() -> None:
    assert "up to 3 times, should it fail" in described(FOUND | {"attempts": 3})
    assert "should it fail" not in described(FOUND | {"attempts": 1})
    assert "should it fail" not in described(FOUND)

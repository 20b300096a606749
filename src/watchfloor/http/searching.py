"""Search over what was said in chats (spec 2.6): the newest first, a bounded number of messages at a time.

There is no index of the text. It stays where it can be erased, in the ledger's private parts, and a search reads those,
so that nothing that was redacted can be found, not even a moment later, and nothing of another organisation can. That
costs time in proportion to what is looked at: one answer looks at no more than 20,000 messages and takes no more than
a second, and says where to go on.
"""

from __future__ import annotations

import time
import unicodedata
from typing import Any

from watchfloor.http import talk
from watchfloor.http.ports import Services
from watchfloor.kernel.limits import INTEGER_MAX, SEARCH_MESSAGES_MAX, SEARCH_MS_MAX

_CHUNK = 500


def words_of(text: str) -> tuple[str, ...]:
    """What is searched for: words, without case."""
    return tuple(unicodedata.normalize("NFC", text).casefold().split())


class Result:
    """Rows that match with their texts; `before` is the seq to go on below, 0 when there is nothing older."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.texts: dict[int, str] = {}
        self.looked_at = 0
        self.before = 0


def search(
    services: Services, org: int, words: tuple[str, ...], agent: int | None, before: int, limit: int
) -> Result:
    """Messages below seq `before` (0: the newest) that hold every word. Blocks: call it in a thread."""
    result = Result()
    result.before = before or INTEGER_MAX
    ends = time.monotonic() + SEARCH_MS_MAX / 1_000
    sql = (
        "SELECT * FROM messages WHERE org = :org AND seq < :before AND kind = 'chat'"
        " AND (:agent = 0 OR agent = :agent) ORDER BY seq DESC LIMIT :limit"
    )
    while result.looked_at < SEARCH_MESSAGES_MAX and time.monotonic() < ends:
        bound = {"org": org, "before": result.before, "limit": _CHUNK, "agent": agent or 0}
        rows = services.views.rows(sql, bound)
        told = talk.texts(services, org, rows)
        for row in rows:
            text = told.get(row["seq"])
            result.looked_at += 1
            result.before = row["seq"]
            if text is not None and _holds(text, words):
                result.rows.append(row)
                result.texts[row["seq"]] = text
                if len(result.rows) == limit:
                    return result
        if len(rows) < _CHUNK:
            result.before = 0
            return result
    return result


def _holds(text: str, words: tuple[str, ...]) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)

"""For agents that are HTTP workers: is this call really from the server, and what does it ask (docs/workers.md)?

    called = verify(secret, request.headers, body)      # raises SignatureInvalid
    if called.key in answers: ...                       # asked before: the same answer again
    ... called.task["input"] ...

Standard library only, like the rest of what a worker needs.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from watchfloor_agent.errors import ProtocolError, WatchfloorError

TOLERANCE_S = 300  # how far the server's clock and ours may be apart, and how long a call takes to arrive
_RECIPE = "watchfloor-call-v1"
ASSIGNED = "task:assigned"
NEWS = ("task:cancelled", "task:paused", "task:reassigned", "task:unpaused")


class SignatureInvalid(WatchfloorError):
    """Not signed with this secret, not for this agent, changed on the way, or too old. Answer 401 and do nothing."""


@dataclass(frozen=True)
class Called:
    """A call that was verified. `key` is the same for every call of one assignment: work it off once.

    `type` is "task:assigned" for work. The other ones are news of a task that was assigned before and ask for no work:
    "task:cancelled", "task:reassigned" (stop), "task:paused" (wait), "task:unpaused" (go on); see `is_news`.
    `task` is the payload of `task:assigned` (task_id, generation, title, input, …); reports go to `callback_url` plus
    `/progress`, `/complete` or `/fail`, with the agent's key and this generation.
    """

    key: str
    agent_id: str
    timestamp: int
    callback_url: str
    task: dict[str, Any] = field(repr=False)
    type: str = ASSIGNED

    @property
    def is_news(self) -> bool:
        """Something is said of a task; there is no new work. Answer 200."""
        return self.type != ASSIGNED

    @property
    def task_id(self) -> str:
        """The task's public id."""
        return str(self.task["task_id"])

    @property
    def generation(self) -> int:
        """Which assignment of the task this is; reports name it."""
        return int(self.task["generation"])


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    agent_id: str = "",
    news: bool = False,
    now_s: float | None = None,
    tolerance_s: int = TOLERANCE_S,
) -> Called:
    """What was asked, if the server asked it. With an `agent_id`, only what was meant for that agent.

    With `news`, what is said of tasks comes through as well: look at `Called.is_news` before you work. Without, it is a
    ProtocolError, so that nobody takes it for work; answer 400. Raises SignatureInvalid; ProtocolError for a body that is
    signed and nothing of these.
    """
    given = {name.lower(): text.strip() for name, text in headers.items()}
    key, agent = given.get("idempotency-key", ""), given.get("watchfloor-agent", "")
    written = given.get("watchfloor-timestamp", "")
    if not written.isascii() or not written.isdecimal() or len(written) > 12:
        raise SignatureInvalid("the call bears no timestamp")
    digest = sha256(body).hexdigest()
    lines = "\n".join((_RECIPE, written, agent, key, digest))
    expected = "v1=" + hmac.new(secret.encode(), lines.encode(), sha256).hexdigest()
    signature = given.get("watchfloor-signature", "")
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise SignatureInvalid("the signature is not that of this body under this secret")
    if agent_id and agent != agent_id:
        raise SignatureInvalid(f"the call is for {agent}")
    now = time.time() if now_s is None else now_s
    if abs(now - int(written)) > tolerance_s:
        raise SignatureInvalid("the call is too old, or the clocks are too far apart")
    return _read(body, key, agent, int(written), (ASSIGNED, *NEWS) if news else (ASSIGNED,))


def _read(body: bytes, key: str, agent: str, timestamp: int, types: tuple[str, ...]) -> Called:
    try:
        frame = json.loads(body)
        type_ = str(frame["type"])
        called = Called(key, agent, timestamp, str(frame["callback_url"]), dict(frame["payload"]), type_)
        if type_ not in types or not called.task_id or called.generation < 1:
            raise ValueError("no frame about a task")
    except (ValueError, TypeError, KeyError) as error:
        raise ProtocolError("the call holds no task") from error
    return called

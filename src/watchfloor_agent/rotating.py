"""Keys expire; an agent that knows its key file rotates by itself, seven days before (spec 2.1).

The old key works on for the overlap the server gives, so that nothing is lost when the new one cannot be written.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

from watchfloor_agent.errors import ConfigurationError, ProtocolError, Refused, Unavailable
from watchfloor_agent.registration import call, origin_of, replace_key

log = logging.getLogger("watchfloor_agent")

DAY_US = 24 * 60 * 60 * 1_000_000
BEFORE_US = 7 * DAY_US
LOOK_S = 12 * 60 * 60
AGAIN_S = 5 * 60


def key_id(key: str) -> str:
    """`key_…` of `wf_key_…_…`; not secret. Raises ConfigurationError."""
    if key.startswith("eyJ"):  # a signed key names its id inside
        try:
            body = key.split(".")[1]
            return str(json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))["jti"])
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError("this is no key of Watchfloor (eyJ…)") from error
    parts = key.split("_", 3)
    if len(parts) != 4 or parts[0] != "wf":
        raise ConfigurationError("this is no key of Watchfloor (wf_…)")
    return f"{parts[1]}_{parts[2]}"


def rotated(
    url: str, agent_id: str, key: str, *, seq: int = 0, insecure: bool = False, now: int | None = None
) -> str:
    """A new key when the present one expires within seven days, else an empty text. Raises Refused, Unavailable.

    `seq`: a ledger position that what is read must include, so that a key issued a moment ago is listed.
    """
    keys = f"{origin_of(url, insecure)}/api/v1/agents/{agent_id}/keys"
    own = key_id(key)
    listed = call("GET", f"{keys}?min_seq={seq}", key, None)["items"]
    found = [item for item in listed if item.get("key_id") == own]
    now = time.time_ns() // 1000 if now is None else now
    if not found or not found[0]["expires_at"] or found[0]["expires_at"] - now > BEFORE_US:
        return ""
    form = {"form": "jwt"} if key.startswith("eyJ") else {}
    new = call("POST", f"{keys}/{own}/rotate", key, form).get("api_key")
    if not isinstance(new, str) or not new:
        raise ProtocolError("the rotation brought no key")
    return new


async def keep_fresh(
    url: str,
    agent_id: str,
    seq: int,
    key: Callable[[], str],
    path: Path,
    use: Callable[[str], None],
    insecure: bool,
) -> None:
    """Look twice a day for as long as the agent lives; a failure is said, and tried again within minutes."""
    while True:
        pause_s = LOOK_S
        try:
            new = await asyncio.to_thread(rotated, url, agent_id, key(), seq=seq, insecure=insecure)
            if new:
                await asyncio.to_thread(replace_key, path, new)
                use(new)
                log.info("the key was rotated; %s holds %s", path, key_id(new))
        except (
            Refused,
            Unavailable,
            ProtocolError,
            ConfigurationError,
            OSError,
            KeyError,
            TypeError,
        ) as error:
            log.warning("the key could not be rotated: %s", error)
            pause_s = AGAIN_S
        await asyncio.sleep(pause_s)

"""The part of the test double that talks: chats, messages, channels, numbered as the server numbers them."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

Frame = dict[str, Any]
SPOKEN = ("chat:", "message:", "channel:")


class FakeTalk:
    """`said` holds what the agent has said; `channels` where it is in."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.channels: set[str] = set()
        self._numbers: Counter[str] = Counter()
        self._posts: dict[str, list[Frame]] = {}

    def _next(self, conversation: str) -> int:
        self._numbers[conversation] += 1
        return self._numbers[conversation]

    def told(self, chat_id: str, text: str) -> Frame:
        """The payload of what a person says."""
        sender = {"kind": "person", "id": "per_1", "name": "ada"}
        return {
            "chat_id": chat_id,
            "number": self._next(chat_id),
            "text": text,
            "sender": sender,
            "at": _now(),
        }

    def heard(self, text: str, sender: str, channel: str) -> Frame:
        """The payload of what another agent says."""
        said: Frame = {
            "number": self._next(channel or "mailbox"),
            "text": text,
            "sender": {"kind": "agent", "id": sender, "name": sender},
            "at": _now(),
            "untrusted": True,
        }
        if channel:
            said["channel"] = channel
            self._posts.setdefault(channel, []).append(said)
        return said

    def respond(self, frame_type: str, payload: Frame, seq: int) -> Frame:
        """The frame that answers what the agent says."""
        channel = payload.get("channel", "")
        if frame_type == "channel:join":
            self.channels.add(channel)
            joined = {
                "channel": channel,
                "channel_id": "chn_1",
                "members": 1,
                "number": self._numbers[channel],
            }
            return {"type": "channel:joined", "payload": joined}
        if frame_type == "channel:leave":
            self.channels.discard(channel)
            return {"type": "channel:left", "payload": {"channel": channel}}
        if channel and channel not in self.channels:
            return {"type": "error", "payload": {"code": "not_a_member", "detail": "join the channel first"}}
        if frame_type == "channel:history":
            after = payload.get("after", 0)
            items = [post for post in self._posts.get(channel, []) if post["number"] > after]
            told = {"channel": channel, "number": self._numbers[channel], "first": 1, "items": items}
            return {"type": "channel:messages", "payload": told}
        self.said.append(payload["text"])
        if channel:
            post = self.heard(payload["text"], "agt_1", channel)
            return {
                "type": "channel:recorded",
                "payload": {"channel": channel, "number": post["number"], "seq": seq},
            }
        where = "chat_id" if frame_type == "chat:message" else "to"
        number = self._next(payload[where])
        kind = "chat:recorded" if where == "chat_id" else "message:recorded"
        return {"type": kind, "payload": {where: payload[where], "number": number, "seq": seq}}


def _now() -> int:
    return int(time.time() * 1_000_000)

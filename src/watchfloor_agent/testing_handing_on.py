"""The part of the test double that takes tasks an agent hands on, and makes agents: everything is allowed there."""

from __future__ import annotations

import time
from typing import Any

Frame = dict[str, Any]
HANDING_ON = ("task:submit", "task:delegate", "agent:spawn")


class FakeDesk:
    """`handed` are the frames' payloads by the id of the task made of each; `spawned` the names of new agents."""

    def __init__(self) -> None:
        self.handed: dict[str, Frame] = {}
        self.spawned: list[str] = []

    def respond(self, frame_type: str, payload: Frame, seq: int) -> Frame:
        """The answer to one of HANDING_ON."""
        if frame_type == "agent:spawn":
            self.spawned.append(payload["name"])
            return {
                "type": "agent:spawned",
                "payload": {
                    "agent_id": f"agt_h{len(self.spawned)}",
                    "structured_id": f"N-WRK-FAKE-{len(self.spawned):04}",
                    "name": payload["name"],
                    "api_key": "wf_key_of_a_new_agent",
                    "expires_at": (int(time.time()) + 86_400) * 1_000_000,
                    "depth": 1,
                    "seq": seq,
                },
            }
        task_id = f"tsk_h{len(self.handed) + 1}"
        self.handed[task_id] = payload
        return {"type": "task:submitted", "payload": {"task_id": task_id, "depth": 1, "seq": seq}}

    def result(self, task_id: str, status: str, result: Any, reason: str) -> Frame:
        """The payload of `task:result`."""
        return {
            "task_id": task_id,
            "status": status,
            "result": result,
            "reason": reason,
            "agent_id": "agt_2",
            "parent_id": self.handed[task_id].get("task_id", ""),
        }

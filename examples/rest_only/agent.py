#!/usr/bin/env python3
"""An agent of nothing but requests, standard library only: `python examples/rest_only/agent.py URL KEY_FILE`.

No socket and no url of its own: a heartbeat says that it is there, and the answer says which tasks it has. It counts words,
as the HTTP worker beside it does. Killed and started again, or with the server killed, it goes on with what it had.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PAUSE_S = 1.0  # between heartbeats: how long a task waits for this agent at most


class Server:
    """The few requests such an agent sends. Raises OSError when the server is away or says no."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.id = str(self.ask("GET", "/api/v1/me")["id"])

    def ask(self, method: str, path: str, body: Any = None, name: str = "") -> Any:
        """One request; `name` makes a repeated one harmless."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if name:
            headers["Idempotency-Key"] = name
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  whoever starts it says where to
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def beat(self, working_on: dict[str, int]) -> Any:
        """Say that the agent is there and what it works on; hear what it has."""
        tasks = [{"task_id": task, "generation": generation} for task, generation in working_on.items()]
        return self.ask("POST", f"/api/v1/agents/{self.id}/heartbeat", {"working_on": tasks})

    def report(self, held: dict[str, Any], verb: str, **more: Any) -> Any:
        """accept, complete or fail, under the task's generation."""
        task, generation = held["task_id"], held["generation"]
        body = {"generation": generation, **more}
        return self.ask("POST", f"/api/v1/tasks/{task}/{verb}", body, f"{task}.{generation}.{verb}")


def work(task: dict[str, Any]) -> dict[str, Any]:
    """The work itself: the text of the task's input, or its title, counted."""
    text = (task.get("input") or {}).get("text", task["task"]["title"])
    return {"words": len(str(text).split())}


class Agent:
    """Beats on a thread of its own too, so that long work is not taken for silence."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.working: dict[str, int] = {}

    def waiting(self) -> list[dict[str, Any]]:
        """The tasks to do now: those just assigned, and those of an earlier life of this process."""
        said = self.server.beat({})
        return [
            {**held, "seq": said["seq"]}
            for held in said["tasks"]
            if held["status"] in ("assigned", "running", "orphaned")
        ]

    def do(self, held: dict[str, Any]) -> None:
        """One task, from taking it to the report."""
        if held["status"] == "assigned":
            self.server.report(held, "accept")
        shown = self.server.ask("GET", f"/api/v1/tasks/{held['task_id']}?min_seq={held['seq']}")
        self.server.report(held, "complete", result=work(shown))

    def keep_in_touch(self) -> None:
        """While there is work at hand; the loop below beats when there is none."""
        while True:
            time.sleep(PAUSE_S)
            working = dict(self.working)
            if working:
                try:
                    self.server.beat(working)
                except OSError as error:
                    print(f"heartbeat: {error}", file=sys.stderr)

    def run(self) -> None:
        """Until interrupted."""
        threading.Thread(target=self.keep_in_touch, daemon=True).start()
        while True:
            try:
                found = self.waiting()
                self.working = {held["task_id"]: held["generation"] for held in found}
                for held in found:
                    self.do(held)
            except OSError as error:  # urllib's errors are OSErrors; what is not done yet is told again
                print(f"server: {error}", file=sys.stderr)
                found = []
            self.working = {}
            if not found:
                time.sleep(PAUSE_S)


if __name__ == "__main__":
    address, key_file = sys.argv[1:]
    Agent(Server(address, Path(key_file).read_text(encoding="ascii").strip())).run()

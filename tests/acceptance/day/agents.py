"""An agent of the scripted day as a program of its own, killed and started again as the day wants.

    agents.py sdk    FOLDER URL         the Python SDK on a socket
    agents.py worker FOLDER PORT        an HTTP worker that answers at once
    agents.py rest   FOLDER PORT URL    standard library only: a call is a doorbell, everything else goes over REST
    agents.py command                   what a sidecar wakes: the task on standard input

FOLDER holds `agent.key` and `signing.secret`. What a task wants stands in its input: the file to write and its text, how
long it takes, what it costs, and how the work ends (`behave`): ok, once (fails the first time), fail, or lie (says it is done
and has written nothing).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Do what the input says; the report."""
    given = task["input"]
    time.sleep(given["ms"] / 1_000)
    took = {"tokens": given["tokens"], "cost_micro": given["cost_micro"]}
    behave = given["behave"]
    if behave == "fail" or (behave == "once" and task["attempt"] == 1):
        return {"status": "failed", "reason": behave, "retryable": True, **took}
    if behave != "lie":
        path = Path(given["path"])
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{task['generation']}")
        fresh.write_text(given["text"], encoding="utf-8")
        fresh.replace(path)
    return {"status": "completed", "result": {"wrote": given["text"]}, **took}


def as_command() -> int:
    """A command under a sidecar."""
    done = work(json.load(sys.stdin))
    print(f"::usage tokens={done['tokens']} cost_micro={done['cost_micro']}")
    if done["status"] == "failed":
        print(f"::reason {done['reason']}")
        return 1
    print(f"::result {json.dumps(done['result'])}")
    return 0


def as_sdk(folder: Path, url: str) -> int:
    """An agent with the SDK."""
    from watchfloor_agent import Agent, Task

    agent = Agent(url, key_path=folder / "agent.key", reconnect_ms=(100, 1_000), drain_ms=1_000)

    @agent.on_task
    def on_task(task: Task) -> Any:
        done = work({"input": task.input, "attempt": task.attempt, "generation": task.generation})
        task.used(tokens=done["tokens"], cost_micro=done["cost_micro"])
        if done["status"] == "failed":
            raise RuntimeError(done["reason"])
        return done["result"]

    agent.run()
    return 0


def as_called(folder: Path, port: int, url: str) -> int:
    """An HTTP worker; with `url` one that only takes the call and then works over REST."""
    import threading
    from collections import OrderedDict
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from watchfloor_agent import SignatureInvalid, verify

    secret = (folder / "signing.secret").read_text(encoding="ascii").strip()
    answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
    bell = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                called = verify(secret, dict(self.headers), body)
            except SignatureInvalid:
                return self.tell(401, {})
            if url:
                bell.set()
                return self.tell(202, {"status": "accepted"})
            if called.key not in answers:
                answers[called.key] = work(called.task)
            return self.tell(200, answers[called.key])

        def tell(self, status: int, answer: dict[str, Any]) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
            """No line per request."""

    if url:
        threading.Thread(target=at_the_door, args=(folder, url, bell), daemon=True).start()
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.serve_forever()
    return 0


def at_the_door(folder: Path, url: str, bell: Any) -> None:
    """Whenever the bell rings, and now and then: what is mine and running is done, over REST."""
    import urllib.error
    import urllib.request

    key = (folder / "agent.key").read_text(encoding="ascii").strip()

    def ask(method: str, path: str, body: Any = None, name: str = "") -> Any:
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": name,
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    while True:
        try:
            page = ask("GET", "/api/v1/tasks?status=running&limit=50")
            for item in page["items"]:
                shown = ask("GET", f"/api/v1/tasks/{item['task_id']}")
                generation = item["generation"]
                done = work({"input": shown["input"], "attempt": item["attempts"], "generation": generation})
                verb = "complete" if done.pop("status") == "completed" else "fail"
                path = f"/api/v1/tasks/{item['task_id']}/{verb}"
                ask("POST", path, {**done, "generation": generation}, f"{item['task_id']}.{generation}")
            if page["items"]:
                continue
        except (OSError, ValueError):  # urllib's errors are OSErrors: the server is away, or says no
            time.sleep(0.2)
        bell.wait(1)
        bell.clear()


def main(kind: str, *words: str) -> int:
    """Be an agent of this kind."""
    if kind == "command":
        return as_command()
    if kind == "sdk":
        return as_sdk(Path(words[0]), words[1])
    return as_called(Path(words[0]), int(words[1]), words[2] if kind == "rest" else "")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

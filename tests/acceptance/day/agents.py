"""An agent of the scripted day as a program of its own, killed and started again as the day wants.

    agents.py sdk    FOLDER URL         the Python SDK on a socket
    agents.py worker FOLDER PORT        an HTTP worker that answers at once
    agents.py rest   FOLDER URL         standard library only, neither socket nor url: heartbeats and reports over REST
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


def as_called(folder: Path, port: int) -> int:
    """An HTTP worker."""
    from collections import OrderedDict
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from watchfloor_agent import SignatureInvalid, verify

    secret = (folder / "signing.secret").read_text(encoding="ascii").strip()
    answers: OrderedDict[str, dict[str, Any]] = OrderedDict()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                called = verify(secret, dict(self.headers), body)
            except SignatureInvalid:
                return self.tell(401, {})
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

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.serve_forever()
    return 0


def over_rest(folder: Path, url: str) -> int:
    """Say that it is there, do what the answer names, report it; over REST."""
    import urllib.request

    key = (folder / "agent.key").read_text(encoding="ascii").strip()

    def ask(method: str, path: str, body: Any = None, name: str = "") -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        if name:
            headers["Idempotency-Key"] = name
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    me = ""
    while True:
        try:
            me = me or ask("GET", "/api/v1/me")["id"]
            said = ask("POST", f"/api/v1/agents/{me}/heartbeat", {})
            for held in said["tasks"]:
                task, generation = held["task_id"], held["generation"]
                name = f"{task}.{generation}"
                path = f"/api/v1/tasks/{task}"
                if held["status"] == "assigned":
                    ask("POST", f"{path}/accept", {"generation": generation}, f"{name}.accept")
                elif held["status"] != "running" and held["status"] != "orphaned":
                    continue
                shown = ask("GET", f"{path}?min_seq={said['seq']}")
                attempt = shown["task"]["attempts"]
                done = work({"input": shown["input"], "attempt": attempt, "generation": generation})
                verb = "complete" if done.pop("status") == "completed" else "fail"
                ask("POST", f"{path}/{verb}", {**done, "generation": generation}, name)
            if said["tasks"]:
                continue
        except (OSError, ValueError):  # urllib's errors are OSErrors: the server is away, or says no
            pass
        time.sleep(0.2)


def main(kind: str, *words: str) -> int:
    """Be an agent of this kind."""
    if kind == "command":
        return as_command()
    if kind == "sdk":
        return as_sdk(Path(words[0]), words[1])
    if kind == "rest":
        return over_rest(Path(words[0]), words[1])
    return as_called(Path(words[0]), int(words[1]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

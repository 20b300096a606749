#!/usr/bin/env python3
"""An HTTP worker that counts words: `python examples/http_worker/worker.py --port 8090 --secret-file signing.secret`.

It answers at once, or with `--later` takes the task (202) and reports to the callback URL under the agent's own key. Who
calls is checked by the signature; what was asked before gets the same answer again, so that a repeated call does no work
twice. Standard library and the SDK only.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from watchfloor_agent import Called, Refused, SignatureInvalid, Unavailable, read_key, verify
from watchfloor_agent.errors import ProtocolError
from watchfloor_agent.registration import call

BODY_BYTES_MAX = 1024 * 1024
ANSWERS_KEPT = 10_000
REPORT_ATTEMPTS = 8


def count_words(task: dict[str, Any]) -> dict[str, Any]:
    """The work itself: the text of the task's input, or its title, counted."""
    text = (task.get("input") or {}).get("text", task.get("title"))
    if not isinstance(text, str):
        return {"status": "failed", "reason": "the input holds no text", "retryable": False}
    return {"status": "completed", "result": {"words": len(text.split())}, "report": "counted"}


class Worker(ThreadingHTTPServer):
    """The server, with the answers it gave by the key of the call."""

    daemon_threads = True

    def __init__(self, port: int, secret: str, *, key: str = "", later: bool = False) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.secret = secret
        self.key = key
        self.later = later
        self.answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.lock = threading.Lock()

    def answer(self, called: Called) -> tuple[int, dict[str, Any]]:
        """Status and body. The same call again gets what the first one got."""
        with self.lock:
            known = self.answers.get(called.key)
            if known is None:
                known = {"status": "accepted"} if self.later else count_words(called.task)
                self.answers[called.key] = known
                if len(self.answers) > ANSWERS_KEPT:
                    self.answers.popitem(last=False)
                if self.later:
                    threading.Thread(target=self.report, args=(called,), daemon=True).start()
        return (202 if self.later else 200), known

    def report(self, called: Called) -> None:
        """The callback, until it is heard: complete or fail, with the generation that was asked for."""
        done = count_words(called.task)
        verb = "complete" if done.pop("status") == "completed" else "fail"
        body = {**done, "generation": called.generation}
        for attempt in range(REPORT_ATTEMPTS):
            # The server records our 202 first; a report that overtakes it is refused as retryable.
            time.sleep(0.1 * 2**attempt)
            try:
                call("POST", f"{called.callback_url}/{verb}", self.key, body)
            except Unavailable:
                continue
            except Refused as refused:
                if refused.code == "not_accepted":
                    continue
                print(f"{called.task_id}: {refused}", flush=True)
            return


class Handler(BaseHTTPRequestHandler):
    """POST is the call; everything else is not ours."""

    server: Worker
    timeout = 10

    def do_POST(self) -> None:
        """Verify, then answer."""
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= BODY_BYTES_MAX:
            return self.tell(413, {"reason": "no body of a size we take"})
        body = self.rfile.read(length)
        try:
            called = verify(self.server.secret, dict(self.headers), body, news=True)
        except SignatureInvalid as error:
            return self.tell(401, {"reason": str(error)})
        except ProtocolError as error:
            return self.tell(400, {"reason": str(error)})
        if called.is_news:  # cancelled, paused, …: counting is over too soon to stop it
            return self.tell(200, {})
        return self.tell(*self.server.answer(called))

    def tell(self, status: int, answer: dict[str, Any]) -> None:
        """Answer with JSON."""
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """No line per request."""


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--key-file", help="the agent's key, for reports with --later")
    parser.add_argument("--later", action="store_true")
    options = parser.parse_args()
    if options.later and not options.key_file:
        parser.error("--later reports under the agent's key: give --key-file")
    secret = Path(options.secret_file).read_text(encoding="ascii").strip()
    key = read_key(options.key_file) if options.key_file else ""
    with Worker(options.port, secret, key=key, later=options.later) as worker:
        print(f"listening on http://127.0.0.1:{worker.server_address[1]}/", flush=True)
        worker.serve_forever()


if __name__ == "__main__":
    main()

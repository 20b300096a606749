"""A test double for the server: a real WebSocket on 127.0.0.1 that follows the protocol and a script.

    async with FakeServer() as server, Agent(server.url, server.api_key) as agent:
        server.rule = lambda request: "hold"            # or "permit" (the default) or "deny"
        asking = asyncio.create_task(agent.request_action("payment.send"))
        action = await server.asked("payment.send")
        await server.decide(action.id, "approve")
        grant = await asking

It keeps the promises an agent relies on: the first answer again for a repeated frame, pushes redelivered until
acknowledged, grants single-use and bound to their digest, generations of tasks. It judges nothing and records in
memory only. `cut` and `script` make it misbehave.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from watchfloor_agent.canonical import canonical_action, digest
from watchfloor_agent.testing_handing_on import HANDING_ON, FakeDesk
from watchfloor_agent.testing_talk import SPOKEN, FakeTalk

Frame = dict[str, Any]
WAIT_MS = 30_000


@dataclass
class FakeAction:
    """One request: `status` pending, permitted, denied, expired, executing, completed, failed."""

    id: str
    request: Frame
    salt: str
    digest: str
    status: str = "pending"
    execution_id: str = ""
    outcome: Any = None
    code: str = ""
    level: int = 0
    seq: int = 0
    attempt: int = 1

    @property
    def grant(self) -> Frame:
        """The terms of its grant."""
        return {
            "grant_id": f"{self.id.replace('act_', 'grt_')}.{self.attempt}",
            "basis": "approved" if self.level else "auto",
            "expires_at": (int(time.time()) + 900) * 1_000_000,
            "execution_ms": 600_000,
            "digest": self.digest,
            "salt": self.salt,
        }


@dataclass
class FakeTask:
    """One task: `status` assigned, running, succeeded, failed, rejected, cancelled."""

    id: str
    generation: int
    status: str = "assigned"
    result: Any = None
    reason: str = ""
    progress: list[int] = field(default_factory=list)


class FakeServer:
    """See the module. All attributes may be read by tests; `rule`, `welcome` and `script` may be set."""

    def __init__(self, *, heartbeat_interval_ms: int = 30_000) -> None:
        self.api_key = f"wf_key_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
        self.rule: Callable[[Frame], str] = lambda _: "permit"
        self.script: Callable[[Frame], list[Frame] | None] = lambda _: None
        self.welcome: Frame = {"heartbeat_interval_ms": heartbeat_interval_ms}
        self.frames: list[Frame] = []
        self.actions: dict[str, FakeAction] = {}
        self.tasks: dict[str, FakeTask] = {}
        self.connections = 0
        self.last_id = 0
        self.seq = 0
        self.acknowledged = 0
        self.refuse_with = 0
        self.talk = FakeTalk()
        self.desk = FakeDesk()
        self._answers: dict[int, tuple[Frame, Frame]] = {}
        self._outbox: list[Frame] = []
        self._cuts: list[tuple[str, str]] = []
        self._sockets: set[ServerConnection] = set()
        self._changed = asyncio.Condition()
        self._server: Server | None = None
        self.port = 0

    async def __aenter__(self) -> FakeServer:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Where agents connect."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def executions(self) -> int:
        """How often an execution was allowed to run."""
        return sum(bool(action.execution_id) for action in self.actions.values())

    async def open(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = await serve(
            self._conversation,
            "127.0.0.1",
            self.port,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=1,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and close every socket; what was recorded stays."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    # What a test tells it to do ----------------------------------------------------------------------------------

    async def decide(self, action_id: str, decision: str) -> None:
        """People have decided: approve, deny, expire or cancel."""
        action = self.actions[action_id]
        action.status = {
            "approve": "permitted",
            "deny": "denied",
            "expire": "expired",
            "cancel": "cancelled",
        }[decision]
        action.level = 3
        await self.push("action:decided", self.decided(action))

    async def assign(self, title: str = "a task", **payload: Any) -> FakeTask:
        """Give a new task to the agent."""
        task = FakeTask(id=f"tsk_{len(self.tasks) + 1}", generation=1)
        self.tasks[task.id] = task
        await self.push(
            "task:assigned",
            {"task_id": task.id, "generation": 1, "attempt": 1, "title": title, "accept_by_at": 0, **payload},
        )
        return task

    async def tell(self, text: str, chat_id: str = "cht_1") -> None:
        """A person says something in a chat."""
        await self.push("chat:message", self.talk.told(chat_id, text))

    async def whisper(self, text: str, sender: str = "agt_2", channel: str = "") -> None:
        """Another agent says something: to this one, or in a channel."""
        kind = "channel:posted" if channel else "message:received"
        await self.push(kind, self.talk.heard(text, sender, channel))

    @property
    def said(self) -> list[str]:
        """Everything the agent has said, in order, wherever."""
        return self.talk.said

    async def finish(
        self, task_id: str, *, status: str = "succeeded", result: Any = None, reason: str = ""
    ) -> None:
        """A task that the agent handed on is over."""
        await self.push("task:result", self.desk.result(task_id, status, result, reason))

    async def cancel(self, task_id: str) -> None:
        """A person cancels a task."""
        task = self.tasks[task_id]
        task.status = "cancelled"
        await self.push(
            "task:cancelled", {"task_id": task_id, "generation": task.generation, "reason": "cancelled"}
        )

    async def push(self, frame_type: str, payload: Frame, *, durable: bool = True) -> None:
        """Send something unasked; a durable push has a seq and is redelivered until acknowledged."""
        frame: Frame = {"type": frame_type, "payload": payload}
        if durable:
            self.seq += 1
            frame["seq"] = self.seq
            self._outbox.append(frame)
        await self._broadcast(frame)

    async def redeliver(self) -> None:
        """Send every unacknowledged push once more."""
        for frame in list(self._outbox):
            await self._broadcast(frame)

    async def drop(self, code: int = 0, reason: str = "") -> None:
        """End every connection: with a close code, or by cutting the wire."""
        for socket in list(self._sockets):
            if code:
                await socket.close(code, reason)
            else:
                socket.transport.abort()
        await self.until(lambda: not self._sockets)

    def cut(self, frame_type: str, when: str) -> None:
        """Cut the wire at the next frame of this type: `before` it is seen, or `after` it is recorded, unanswered."""
        self._cuts.append((frame_type, when))

    # What a test waits for ---------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], wait_ms: int = WAIT_MS) -> None:
        """Return when the condition holds; looked at whenever something has happened. Raises TimeoutError."""
        async with asyncio.timeout(wait_ms / 1000), self._changed:
            await self._changed.wait_for(condition)

    async def asked(self, action_type: str, count: int = 1) -> FakeAction:
        """The newest request of this type, once there are `count`."""

        def of_type() -> list[FakeAction]:
            return [action for action in self.actions.values() if action.request["type"] == action_type]

        await self.until(lambda: len(of_type()) >= count)
        return of_type()[-1]

    def received(self, frame_type: str) -> list[Frame]:
        """Every frame of a type, in order, repetitions included."""
        return [frame for frame in self.frames if frame["type"] == frame_type]

    # The conversation --------------------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refuse_with:
            return connection.respond(http.HTTPStatus(self.refuse_with), "not now\n")
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no such key\n")
        return None

    async def _conversation(self, socket: ServerConnection) -> None:
        self.connections += 1
        self._sockets.add(socket)
        try:
            async for text in socket:
                await self._frame(socket, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self._sockets.discard(socket)
            await self.notify()

    async def _frame(self, socket: ServerConnection, frame: Frame) -> None:
        cut = next((entry for entry in self._cuts if entry[0] == frame["type"]), None)
        if cut is not None:
            self._cuts.remove(cut)
            if cut[1] == "after":
                self.answer(frame)
            socket.transport.abort()
            return
        scripted = self.script(frame)
        if scripted is not None:
            self.frames.append(frame)
            answers = scripted
        else:
            answers = self.answer(frame)
        for answer in answers:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(json.dumps(answer))
        await self.notify()

    def answer(self, frame: Frame) -> list[Frame]:
        """What the protocol says is the answer (for scripts too); the first one again for a repeated frame."""
        self.frames.append(frame)
        frame_type, payload, number = frame["type"], frame["payload"], frame.get("id", 0)
        if frame_type == "hello":
            return [
                *self._welcome(),
                *(push for push in self._outbox if push["seq"] > payload.get("last_seq", 0)),
            ]
        if frame_type == "heartbeat":
            self.acknowledged = max(self.acknowledged, payload.get("seq", 0))
            self._outbox = [push for push in self._outbox if push["seq"] > self.acknowledged]
            return []
        if not number:
            return []
        if number in self._answers:
            first, answer = self._answers[number]
            return [answer if first == frame else _error(number, "frame_reused", "this id had another body")]
        if number <= self.last_id:
            return [_error(number, "too_old", "this id is older than what is remembered")]
        answer = {**self._respond(frame_type, payload), "re": number}
        if answer["type"] != "error" and not answer["payload"].get("dry_run"):
            self.last_id = number
            self._answers[number] = (frame, answer)
        return [answer]

    def _welcome(self) -> list[Frame]:
        welcome = {
            "agent_id": "agt_1",
            "session": f"ses_{self.connections}",
            "last_id": self.last_id,
            "seq": self.seq,
        }
        return [{"type": "welcome", "payload": {**welcome, **self.welcome}}]

    def _respond(self, frame_type: str, payload: Frame) -> Frame:
        if frame_type == "action:request":
            return {"type": "action:decided", "payload": self._judge(payload)}
        if frame_type.startswith(SPOKEN):
            self.seq += 1
            return self.talk.respond(frame_type, payload, self.seq)
        if frame_type in HANDING_ON:
            self.seq += 1
            return self.desk.respond(frame_type, payload, self.seq)
        if frame_type == "task:resume":
            return self._resume(payload)
        if frame_type.startswith("task:"):
            return {"type": "task:recorded", "payload": self._report(frame_type, payload)}
        action = self.actions.get(payload.get("action_id", ""))
        if action is None:
            return {
                "type": "error",
                "payload": {"code": "unknown_id", "detail": "no such action", "field": "/payload"},
            }
        if frame_type == "action:started":
            return self._start(action, payload)
        if frame_type == "action:retry":
            return self._retry(action, payload)
        if payload["execution_id"] == action.execution_id:
            action.status = "completed" if frame_type == "action:completed" else "failed"
            action.outcome, action.code = payload.get("outcome"), payload.get("code", "")
        self.seq += 1
        return {
            "type": "action:recorded",
            "payload": self._recorded(action, payload["execution_id"], action.status),
        }

    def _judge(self, request: Frame) -> Frame:
        """The ruling of `rule`, recorded unless it is a dry run."""
        verdict = self.rule(request)
        canonical = canonical_action(request["type"], request.get("tool", ""), request.get("params", {}))
        salt = secrets.token_hex(32)
        action = FakeAction(f"act_{len(self.actions) + 1}", request, salt, digest(salt, canonical))
        action.status = {"permit": "permitted", "deny": "denied", "hold": "pending"}[verdict]
        if request.get("dry_run"):
            return {**self.decided(action), "grant": None, "dry_run": True, "judged_at_seq": self.seq}
        self.seq += 1
        action.seq = self.seq
        self.actions[action.id] = action
        return self.decided(action)

    def decided(self, action: FakeAction) -> Frame:
        """The payload of action:decided as the action stands."""
        verdict = action.status if action.status in ("permitted", "pending") else "denied"
        decided: Frame = {
            "judged_at_seq": action.seq,
            "action_id": action.id,
            "verdict": verdict,
            "level": action.level,
            "digest": action.digest,
            "status": "approved" if action.status == "permitted" and action.level else action.status,
        }
        if verdict == "permitted":
            decided["grant"] = action.grant
        if verdict == "denied":
            decided["reasons"] = [
                {"rule": "the_script_denies", "answer": "deny", "level": 0, "text": "not today"}
            ]
        return decided

    def _start(self, action: FakeAction, payload: Frame) -> Frame:
        """Single use, and only for the digest that was granted."""
        execution_id = payload["execution_id"]
        usable = action.status == "permitted" or action.execution_id == execution_id
        if (
            not usable
            or payload["grant_id"] != action.grant["grant_id"]
            or payload.get("digest") != action.digest
        ):
            return {"type": "error", "payload": {"code": "grant_misused", "detail": "not given for this"}}
        action.status, action.execution_id = "executing", execution_id
        self.seq += 1
        return {"type": "action:recorded", "payload": self._recorded(action, execution_id, "executing")}

    def _retry(self, action: FakeAction, payload: Frame) -> Frame:
        """What failed is granted again, as often as the request said."""
        failed = action.status == "failed" and payload["execution_id"] == action.execution_id
        if not failed or action.attempt >= action.request.get("attempts", 0):
            code = "attempts_used_up" if failed else "not_retryable"
            return {"type": "error", "payload": {"code": code, "detail": "ask again"}}
        action.attempt += 1
        action.status, action.execution_id = "permitted", ""
        self.seq += 1
        return {"type": "action:decided", "payload": {**self.decided(action), "status": "retried"}}

    def _recorded(self, action: FakeAction, execution_id: str, status: str) -> Frame:
        return {"action_id": action.id, "status": status, "seq": self.seq, "execution_id": execution_id}

    def _report(self, frame_type: str, payload: Frame) -> Frame:
        task = self.tasks[payload["task_id"]]
        late = payload["generation"] != task.generation or task.status not in ("assigned", "running")
        if not late:
            self.seq += 1
            if frame_type == "task:progress":
                task.progress.append(payload.get("percent", 0))
            else:
                task.status = {
                    "task:accepted": "running",
                    "task:rejected": "rejected",
                    "task:completed": "succeeded",
                    "task:failed": "failed",
                }[frame_type]
                task.result = payload.get("result")
                task.reason = payload.get("reason", "")
        recorded = {"task_id": task.id, "status": task.status, "generation": task.generation, "seq": self.seq}
        return {**recorded, "late": late}

    def _resume(self, payload: Frame) -> Frame:
        task = self.tasks[payload["task_id"]]
        ours = payload["generation"] == task.generation and task.status == "running"
        kind = "task:continue" if ours else "task:reassigned"
        return {"type": kind, "payload": {"task_id": task.id, "generation": task.generation}}

    async def _broadcast(self, frame: Frame) -> None:
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionClosed):
                await socket.send(json.dumps(frame))
        await self.notify()

    async def notify(self) -> None:
        """Have every `until` look again, after a test changed something itself."""
        async with self._changed:
            self._changed.notify_all()


def _error(number: int, code: str, detail: str) -> Frame:
    return {"type": "error", "re": number, "payload": {"code": code, "detail": detail}}

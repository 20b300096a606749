"""What a simulated agent says: scripts for `benchmarks.loadgen`.

A script is a generator for one unit of work. It yields (frame type, payload as JSON bytes) and gets the raw answer to
that frame; `AnswerError` marks the unit as failed. A factory takes the options of the run and returns the `Script`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

Turns: TypeAlias = Generator[tuple[bytes, bytes], bytes, None]


class AnswerError(Exception):
    """The answer is not the one the script waits for; the text names the kind."""


@dataclass(frozen=True)
class Script:
    """`turns(agent, number)` is one unit of work; `match(frame)` is the id that a frame answers, 0 for a push."""

    turns: Callable[[int, int], Turns]
    match: Callable[[bytes], int]
    await_welcome: bool = False
    """Whether the server greets with `welcome`, whose `last_id` says where ids go on."""


def by_re(frame: bytes) -> int:
    """Watchfloor's answers: `re` is the last field but for `seq` and `traceparent`, or stands near the front."""
    at = frame.rfind(b'"re":', -128)
    if at < 0:
        at = frame.find(b'"re":', 0, 128)
        if at < 0:
            return 0
    return number_at(frame, at + 5)


def by_id(frame: bytes) -> int:
    """An echo: the answer is the request."""
    at = frame.find(b'"id":', 0, 128)
    return number_at(frame, at + 5) if at >= 0 else 0


def number_at(frame: bytes, start: int) -> int:
    """The integer that begins there."""
    end = start
    while 48 <= frame[end] <= 57:
        end += 1
    return int(frame[start:end] or b"0")


def echo(size: int = 314) -> Script:
    """Frames of about `size` bytes for a server that sends every frame back."""
    payload = b'{"data":"%b"}' % (b"x" * max(0, size - 60))

    def turns(_agent: int, _number: int) -> Turns:
        yield b"action:request", payload

    return Script(turns, by_id)


def decisions(
    action_type: str = "file.write",
    tool: str = "editor",
    verdict: str = "permitted",
    distinct: int = 0,
    estimate: str = "",
) -> Script:
    """One action request each. `distinct` > 0: so many different parameters, else every request differs.

    `estimate` is JSON that goes in front of the parameters, such as `"tokens":1,`.
    """
    head = b'{"type":%b,"tool":%b,"reason":"benchmark",%b"params":' % (
        msgspec.json.encode(action_type),
        msgspec.json.encode(tool),
        estimate.encode(),
    )
    wanted = b'"verdict":%b' % msgspec.json.encode(verdict)

    def turns(agent: int, number: int) -> Turns:
        which = number % distinct if distinct else number
        answer = yield (
            b"action:request",
            head
            + b'{"path":"notes/%d/%d.txt","lines":12,"summary":"append a line to the log"}}' % (agent, which),
        )
        if wanted not in answer:
            raise AnswerError(kind_of(answer))

    return Script(turns, by_re, await_welcome=True)


def whole_actions(action_type: str = "file.write", tool: str = "editor") -> Script:
    """Request, start, complete: three durable answers."""
    request = decisions(action_type, tool).turns

    def turns(agent: int, number: int) -> Turns:
        asking = request(agent, number)
        answer = yield next(asking)
        decided = read(answer)
        if decided.grant is None:
            raise AnswerError(kind_of(answer))
        answer = yield (
            b"action:started",
            b'{"action_id":"%b","grant_id":"%b","execution_id":"exe_%d_%d","digest":"%b"}'
            % (
                decided.action_id.encode(),
                decided.grant.grant_id.encode(),
                agent,
                number,
                decided.digest.encode(),
            ),
        )
        if b'"action:recorded"' not in answer:
            raise AnswerError(kind_of(answer))
        answer = yield (
            b"action:completed",
            b'{"action_id":"%b","execution_id":"exe_%d_%d","cost_micro":100,"outcome":{"lines":12}}'
            % (decided.action_id.encode(), agent, number),
        )
        if b'"action:recorded"' not in answer:
            raise AnswerError(kind_of(answer))

    return Script(turns, by_re, await_welcome=True)


class _Grant(msgspec.Struct):
    grant_id: str


class _Decided(msgspec.Struct):
    action_id: str = ""
    digest: str = ""
    grant: _Grant | None = None


class _Answer(msgspec.Struct):
    type: str
    payload: msgspec.Raw


class _Error(msgspec.Struct):
    code: str = ""
    verdict: str = ""


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_decided = msgspec.json.Decoder(_Decided).decode
_decode_error = msgspec.json.Decoder(_Error).decode


def read(answer: bytes) -> _Decided:
    """The ruling in an `action:decided`."""
    return _decode_decided(_decode_answer(answer).payload)


def kind_of(answer: bytes) -> str:
    """What to count an unexpected answer as."""
    envelope = _decode_answer(answer)
    detail = _decode_error(envelope.payload)
    return " ".join(filter(None, (envelope.type, detail.code or detail.verdict)))

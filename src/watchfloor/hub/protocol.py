"""Agent protocol v1: every frame as a Struct (spec 2.2). The one vocabulary of hub, schemas and golden frames.

Theory of operation
-------------------
A frame is `{"type", "id"?, "re"?, "seq"?, "traceparent"?, "payload"}`. `id` numbers an agent's requests: strictly
increasing, so that a repeated frame gets its first answer (DESIGN 2b.5); `re` is the id an answer belongs to; `seq`
is the ledger position of a push, redelivered until a heartbeat acknowledges it. Reading goes in two steps, envelope
and then payload by type, so that a refused payload can still be answered with its `re`. Subtrees that the agent
composes freely (params, results, reports, metadata) stay `Raw` until `strict` has looked at them (DESIGN 2b.16).
All text that leaves `decode_frame` is NFC. Unknown fields pass; an unknown type is refused.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw

from watchfloor.hub.from_agent import (
    FROM_AGENT,
    ActionCompleted,
    ActionFailed,
    ActionRequest,
    ActionRetry,
    ActionSettled,
    ActionStarted,
    AgentSpawn,
    Heartbeat,
    Hello,
    Metrics,
    StatusUpdate,
    TaskAccepted,
    TaskCompleted,
    TaskDelegate,
    TaskFailed,
    TaskProgress,
    TaskRejected,
    TaskResume,
    TaskSubmit,
)
from watchfloor.hub.from_server import (
    FROM_SERVER,
    ActionDecided,
    ActionRecorded,
    ActionStopped,
    AgentSpawned,
    Checkpoint,
    ConfigUpdated,
    Disconnecting,
    Error,
    Grant,
    Limits,
    Part,
    Permissions,
    RateLimited,
    Reason,
    Resync,
    Risk,
    RiskFactor,
    SupervisionChanged,
    TaskAssigned,
    TaskCancelled,
    TaskContinue,
    TaskPaused,
    TaskReassigned,
    TaskRecorded,
    TaskResult,
    TaskSubmitted,
    TaskUnpaused,
    Welcome,
)
from watchfloor.hub.wire import PROTOCOL_VERSION, CloseCode, Payload
from watchfloor.kernel.codec import canonical, encoded
from watchfloor.kernel.limits import INTEGER_MAX, JSON_DEPTH_MAX, PARAMS_BYTES_MAX
from watchfloor.kernel.strict import BadInput, strict, strict_object

__all__ = [
    "FROM_AGENT",
    "FROM_SERVER",
    "PROTOCOL_VERSION",
    "SUBTREE_DEPTH_MAX",
    "ActionCompleted",
    "ActionDecided",
    "ActionFailed",
    "ActionRecorded",
    "ActionRequest",
    "ActionRetry",
    "ActionSettled",
    "ActionStarted",
    "ActionStopped",
    "AgentSpawn",
    "AgentSpawned",
    "BadFrame",
    "Checkpoint",
    "CloseCode",
    "ConfigUpdated",
    "Disconnecting",
    "Error",
    "Frame",
    "Grant",
    "Heartbeat",
    "Hello",
    "Limits",
    "Metrics",
    "Part",
    "Payload",
    "Permissions",
    "RateLimited",
    "Reason",
    "Resync",
    "Risk",
    "RiskFactor",
    "StatusUpdate",
    "SupervisionChanged",
    "TaskAccepted",
    "TaskAssigned",
    "TaskCancelled",
    "TaskCompleted",
    "TaskContinue",
    "TaskDelegate",
    "TaskFailed",
    "TaskPaused",
    "TaskProgress",
    "TaskReassigned",
    "TaskRecorded",
    "TaskRejected",
    "TaskResult",
    "TaskResume",
    "TaskSubmit",
    "TaskSubmitted",
    "TaskUnpaused",
    "Welcome",
    "canonical_action",
    "decode_frame",
    "encode_frame",
    "read_params",
    "read_subtree",
]

SUBTREE_DEPTH_MAX = JSON_DEPTH_MAX - 4  # subtrees are recorded inside two or three more containers

P_co = TypeVar("P_co", bound=Payload, covariant=True)


class Frame(Generic[P_co]):
    """A frame from an agent, checked. `id` 0: not numbered; `size` bytes as received; `body` the payload as sent."""

    __slots__ = ("body", "id", "payload", "size", "traceparent", "type")

    def __init__(self, payload: P_co, number: int, traceparent: str, size: int, body: Raw) -> None:
        self.type = payload.FRAME
        self.payload = payload
        self.id = number
        self.traceparent = traceparent
        self.size = size
        self.body = body


class BadFrame(BadInput):
    """A frame that is refused with `error`; `re` is its id when that much could be read, else 0."""

    def __init__(self, code: str, field: str, detail: str, re: int = 0) -> None:
        super().__init__(code, field, detail)
        self.re = re


class _In(msgspec.Struct, gc=False):
    type: Annotated[str, Meta(max_length=64)]
    id: Annotated[int, Meta(ge=0, le=INTEGER_MAX)] = 0
    payload: Raw = Raw(b"{}")
    traceparent: Annotated[str, Meta(max_length=128)] = ""


class _Out(msgspec.Struct, omit_defaults=True, gc=False):
    type: str
    payload: Payload
    re: int = 0
    seq: int = 0
    traceparent: str = ""


_decode_envelope = msgspec.json.Decoder(_In).decode
_decoders = {payload.FRAME: msgspec.json.Decoder(payload).decode for payload in FROM_AGENT}
_encode = msgspec.json.Encoder().encode
_PLACE = re.compile(r" - at `\$([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]*)`")


def decode_frame(data: bytes) -> Frame[Payload]:
    """The frame in one text message. Raises BadFrame, whatever the bytes (malformed_json, unknown_type, …)."""
    number = 0
    place = ""
    try:
        envelope = _decode_envelope(data)
        number = envelope.id
        decode = _decoders.get(envelope.type)
        if decode is None:
            raise BadFrame("unknown_type", "/type", f"no frame is called {envelope.type[:64]!r}", number)
        place = "/payload"
        payload = decode(envelope.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(error, place, number) from error
    if not data.isascii() or b"\\u" in data:
        payload = _in_nfc(payload)
    return Frame(payload, number, envelope.traceparent, len(data), envelope.payload)


def encode_frame(payload: Payload, *, re: int = 0, seq: int = 0, traceparent: str = "") -> bytes:
    """One text message: an answer to frame `re`, or a push at ledger position `seq`."""
    return _encode(_Out(payload.FRAME, payload, re, seq, traceparent))


def read_params(request: ActionRequest) -> dict[str, object]:
    """The parameters of a request as a strict object. Raises BadInput."""
    return strict_object(
        request.params, bytes_max=PARAMS_BYTES_MAX, depth_max=SUBTREE_DEPTH_MAX, field="/payload/params"
    )


def read_subtree(raw: Raw, field: str) -> object:
    """A result, report or outcome as strict plain data; `field` is its name in the payload. Raises BadInput."""
    return strict(raw, bytes_max=PARAMS_BYTES_MAX, depth_max=SUBTREE_DEPTH_MAX, field=f"/payload/{field}")


def canonical_action(action_type: str, tool: str, params: dict[str, object]) -> bytes:
    """What a digest and an approval bind to: canonical {"params", "tool", "type"} (DESIGN 2b.1).

    `params` come from `read_params`, which has looked at every value: they are not walked a second time.
    """
    return b'{"params":%b,"tool":%b,"type":%b}' % (encoded(params), canonical(tool), canonical(action_type))


def _refusal(error: Exception, place: str, number: int) -> BadFrame:
    """What msgspec says, as a code and a JSON pointer."""
    if isinstance(error, RecursionError):
        return BadFrame("too_deep", place, "nested too deep", number)
    message = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return BadFrame("malformed_json", place, message, number)
    found = _PLACE.search(message)
    path = found.group(1) if found else ""
    pointer = place + re.sub(r"\[(\d+)\]", r".\1", path).replace("[...]", "").replace(".", "/")
    missing = _MISSING.search(message)
    if missing:
        return BadFrame("missing_field", f"{pointer}/{missing.group(1)}", "this field is required", number)
    return BadFrame("invalid_field", pointer, _PLACE.sub("", message), number)


def _in_nfc(payload: Payload) -> Payload:
    """The payload with its text in NFC (DESIGN 2b.2); Raw subtrees are normalised by `strict`."""
    changed = {
        name: unicodedata.normalize("NFC", value)
        for name in payload.__struct_fields__
        if isinstance(value := getattr(payload, name), str) and not value.isascii()
    }
    return msgspec.structs.replace(payload, **changed) if changed else payload

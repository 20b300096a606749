"""The agents' request window: frame id → seq and body digest of the last 1,024 frames (DESIGN 2b.5).

Cell `requests`, keyed by the agent's public id. Entries are 24 packed bytes (id, seq, body), kept in chunks of 64, so
that a new entry copies at most one chunk and a full window takes 24 KiB.
"""

from __future__ import annotations

from struct import Struct as Packing

import msgspec

from watchfloor.kernel.limits import REQUEST_CHUNK, REQUEST_WINDOW
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

_ENTRY = Packing(">QQQ")
_SIZE = _ENTRY.size
_CHUNK_BYTES = REQUEST_CHUNK * _SIZE
_CHUNKS = REQUEST_WINDOW // REQUEST_CHUNK


class Window(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`high` the highest id seen, `chunks` full chunks (oldest first), `recent` the entries since."""

    high: int = 0
    chunks: tuple[bytes, ...] = ()
    recent: bytes = b""


class Known(msgspec.Struct, frozen=True, gc=False):
    """A frame that was answered before: the seq of its first event and its body digest (hex16)."""

    seq: int
    body: str


def record(event: Event, read: Read) -> list[tuple[str, object, object]]:
    """Add the event's frame to its agent's window."""
    agent = event.actor.id
    window: Window = read("requests", agent) or _EMPTY
    entry = _ENTRY.pack(event.frame, event.seq, int(event.body or "0", 16))
    recent = window.recent + entry
    chunks = window.chunks
    if len(recent) == _CHUNK_BYTES:
        chunks = (*chunks, recent)[-_CHUNKS:]
        recent = b""
    high = window.high if window.high > event.frame else event.frame
    return [("requests", agent, Window(high, chunks, recent))]


_EMPTY = Window()


def find(window: Window | None, frame: int) -> Known | None:
    """The earlier answer to this frame id, None when the window does not hold it. Newest chunk first."""
    if window is None or not window.high:
        return None
    wanted = frame.to_bytes(8, "big")
    for chunk in (window.recent, *reversed(window.chunks)):
        at = chunk.find(wanted)
        while at >= 0:
            if at % _SIZE == 0:
                _, seq, body = _ENTRY.unpack_from(chunk, at)
                return Known(seq, f"{body:016x}")
            at = chunk.find(wanted, at + 1)
    return None


def too_old(window: Window | None, frame: int) -> bool:
    """Is the id below everything the full window remembers? Such a frame is never executed again."""
    if window is None or len(window.chunks) < _CHUNKS:
        return False
    oldest: int = _ENTRY.unpack_from(window.chunks[0], 0)[0]
    return frame < oldest


REGISTER = Register(name="requests", cells={"requests": Window}, folds={}, framed=record)

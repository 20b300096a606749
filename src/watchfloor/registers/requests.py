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
    """`high` the highest id seen, `chunks` full chunks (oldest first), `recent` the entries since; `forgotten` the
    highest id that has fallen out."""

    high: int = 0
    chunks: tuple[bytes, ...] = ()
    recent: bytes = b""
    forgotten: int = 0


class Known(msgspec.Struct, frozen=True, gc=False):
    """A frame that was answered before: the seq of its first event and its body digest (hex16)."""

    seq: int
    body: str


def record(event: Event, read: Read) -> list[tuple[str, object, object]]:
    """Add the event's frame to its agent's window."""
    agent = event.actor.id
    window: Window = read("requests", agent) or _EMPTY
    recent, chunks, forgotten = window.recent, window.chunks, window.forgotten
    entry = _ENTRY.pack(event.frame, event.seq, int(event.body or "0", 16))
    if entry == (recent or (chunks[-1] if chunks else b""))[-_SIZE:]:
        return []
    recent += entry
    if len(recent) == _CHUNK_BYTES:
        if len(chunks) == _CHUNKS:
            forgotten = max(forgotten, *(frame for frame, _, _ in _ENTRY.iter_unpack(chunks[0])))
            chunks = chunks[1:]
        chunks = (*chunks, recent)
        recent = b""
    high = window.high if window.high > event.frame else event.frame
    return [("requests", agent, Window(high, chunks, recent, forgotten))]


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
    """Has the window forgotten ids as high as this? Such a frame may have been executed: never again.

    Asked about an id that `find` does not know.
    """
    return window is not None and frame <= window.forgotten


REGISTER = Register(name="requests", cells={"requests": Window}, folds={}, framed=record)

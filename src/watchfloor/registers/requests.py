"""The agents' request window: frame id → seq and body digest of the last 1,024 frames (DESIGN 2b.5).

Cell `requests`, keyed by the agent's public id. Entries are 16 packed bytes (id 7, seq 5, first half of the body digest
4), kept in chunks of 64, so that a new entry copies at most one chunk and a full window takes 16 KiB: a thousand agents
fill theirs within a million requests, and that must not show as growth.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.limits import REQUEST_CHUNK, REQUEST_WINDOW
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

_SIZE = 16
_ID_BYTES = 7  # frame ids are below 2⁵³
_CHUNK_BYTES = REQUEST_CHUNK * _SIZE
_CHUNKS = REQUEST_WINDOW // REQUEST_CHUNK


class RequestWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`high` the highest id seen, `chunks` full chunks (oldest first), `recent` the entries since; `forgotten` the
    highest id that has fallen out."""

    high: int = 0
    chunks: tuple[bytes, ...] = ()
    recent: bytes = b""
    forgotten: int = 0


class Known(msgspec.Struct, frozen=True, gc=False):
    """A frame that was answered before: the seq of its first event and the first half of its body digest."""

    seq: int
    body: int

    def same_body(self, body: str) -> bool:
        """Is this (hex16) the digest of the request that was answered?"""
        return self.body == _half(body)


def _half(body: str) -> int:
    return int(body[:8] or "0", 16)


def record(event: Event, read: Read) -> list[tuple[str, object, object]]:
    """Add the event's frame to its agent's window."""
    agent = event.actor.id
    window: RequestWindow = read("requests", agent) or _EMPTY
    recent, chunks, forgotten = window.recent, window.chunks, window.forgotten
    entry = (event.frame << 72 | event.seq << 32 | _half(event.body)).to_bytes(_SIZE, "big")
    if entry == (recent or (chunks[-1] if chunks else b""))[-_SIZE:]:
        return []
    recent += entry
    if len(recent) == _CHUNK_BYTES:
        if len(chunks) == _CHUNKS:
            forgotten = max(forgotten, *_frames(chunks[0]))
            chunks = chunks[1:]
        chunks = (*chunks, recent)
        recent = b""
    high = window.high if window.high > event.frame else event.frame
    return [("requests", agent, RequestWindow(high, chunks, recent, forgotten))]


_EMPTY = RequestWindow()


def _frames(chunk: bytes) -> list[int]:
    return [int.from_bytes(chunk[at : at + _ID_BYTES], "big") for at in range(0, len(chunk), _SIZE)]


def find(window: RequestWindow | None, frame: int) -> Known | None:
    """The earlier answer to this frame id, None when the window does not hold it. Newest chunk first."""
    if window is None or not window.high:
        return None
    wanted = frame.to_bytes(_ID_BYTES, "big")
    for chunk in (window.recent, *reversed(window.chunks)):
        at = chunk.find(wanted)
        while at >= 0:
            if at % _SIZE == 0:
                entry = int.from_bytes(chunk[at : at + _SIZE], "big")
                return Known(entry >> 32 & 0xFF_FFFF_FFFF, entry & 0xFFFF_FFFF)
            at = chunk.find(wanted, at + 1)
    return None


def too_old(window: RequestWindow | None, frame: int) -> bool:
    """Has the window forgotten ids as high as this? Such a frame may have been executed: never again.

    Asked about an id that `find` does not know.
    """
    return window is not None and frame <= window.forgotten


REGISTER = Register(name="requests", cells={"requests": RequestWindow}, folds={}, framed=record)

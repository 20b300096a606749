"""The built application as files: found in one folder, held in memory, compressed once (spec 7).

The build is output, not source: without it the server serves its own pages and nothing else. A new build is noticed by
the time of its `index.html`, so that a running server shows what was built last.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent.parent / "floor"
NONCE = "__CSP_NONCE__"
FILE_BYTES_MAX = (
    16 * 1024 * 1024
)  # a build is a few hundred kilobytes; larger is a mistake, not a file to hold
COMPRESS_FROM_BYTES = 1_024  # below, the headers weigh more than what is saved
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,128}\Z")
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain",
}
_PACKED = frozenset((".woff2", ".png", ".ico"))  # compressed already


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the build. `packed` is its gzip form, empty where that would not be smaller."""

    content: bytes
    packed: bytes
    media_type: str


class Build:
    """What lies in a folder now. Reads each file once for every build."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._of = 0
        self._index = ""
        self._files: dict[str, File] = {}

    @property
    def exists(self) -> bool:
        """Is there a build to serve?"""
        return bool(self.index())

    def index(self) -> str:
        """The text of `index.html`, empty when nothing was built."""
        try:
            stamp = (self._folder / "index.html").stat().st_mtime_ns
            if stamp != self._of:
                self._index = (self._folder / "index.html").read_text(encoding="utf-8")
                self._files = {}
                self._of = stamp
        except (OSError, UnicodeDecodeError):
            self._of, self._index, self._files = 0, "", {}
        return self._index

    def file(self, place: str, name: str) -> File | None:
        """A file of the build's root (`place` empty) or of its `assets`; None for what is not there."""
        self.index()
        known = self._files.get(f"{place}/{name}")
        if known is not None:
            return known
        suffix = Path(name).suffix
        if not _NAME.match(name) or suffix not in _TYPES:
            return None
        path = self._folder / place / name
        try:
            if path.is_symlink() or path.stat().st_size > FILE_BYTES_MAX:
                return None
            content = path.read_bytes()
        except OSError:
            return None
        packed = b""
        if suffix not in _PACKED and len(content) >= COMPRESS_FROM_BYTES:
            packed = gzip.compress(content, 9, mtime=0)
        if len(packed) >= len(content):
            packed = b""
        made = File(content=content, packed=packed, media_type=_TYPES[suffix])
        self._files[f"{place}/{name}"] = made
        return made

"""Disk kept back for the moment it runs full (DESIGN 2b.17): stops, redactions and an orderly end still fit."""

from __future__ import annotations

import os
from pathlib import Path

from watchfloor.ledger.limits import RESERVE_BYTES


class Reserve:
    """A file of `size_bytes` real blocks. `release` gives them to the file system, `refill` takes them again."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def held_bytes(self) -> int:
        try:
            return self._path.stat().st_blocks * 512
        except FileNotFoundError:
            return 0

    @property
    def free_bytes(self) -> int:
        """Free space of the file system, the reserve not counted."""
        found = os.statvfs(self._path.parent)
        return found.f_bavail * found.f_frsize

    def release(self) -> None:
        self._path.unlink(missing_ok=True)

    def refill(self) -> bool:
        """Take the reserve when twice its size is free; False when there is too little space (nothing is kept then)."""
        if self.held_bytes >= self._size_bytes:
            return True
        if self.free_bytes < 2 * self._size_bytes:
            return False
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        except OSError:
            self.release()
            return False
        finally:
            os.close(descriptor)
        return True

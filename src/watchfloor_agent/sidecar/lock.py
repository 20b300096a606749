"""One sidecar per folder: a lock for as long as the process lives, and its process id for those who would stop it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from watchfloor_agent.errors import ConfigurationError

NAME = "sidecar.pid"


class Lock:
    """Held from construction until the process ends. Raises ConfigurationError when another has it."""

    def __init__(self, folder: Path) -> None:
        self._number = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._number)
            raise ConfigurationError(
                f"a sidecar runs in {folder} already (process {holder(folder) or '?'})"
            ) from error
        os.ftruncate(self._number, 0)
        os.write(self._number, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next one in."""
        os.ftruncate(self._number, 0)
        os.close(self._number)


def holder(folder: Path) -> int:
    """The process that holds the lock; 0 when nobody does, whatever the file says."""
    try:
        number = os.open(folder / NAME, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        said = os.read(number, 32).strip()
        return int(said) if said.isdigit() else 0
    finally:
        os.close(number)
    return 0

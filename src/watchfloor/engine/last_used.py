"""When each key was last used, over restarts (spec 2.1 *Keys*; DESIGN 2b.6).

No event: it would be one per request. A small file beside the ledger, written once a minute and at the end; what a killed
process had not written yet is lost, and nothing but what people see depends on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import msgspec

from watchfloor.engine.credentials import Credentials
from watchfloor.ledger.files import write_durably

FILE = "last-used.json"
EVERY_S = 60.0
_log = logging.getLogger(__name__)


class LastUsed:
    """Keeps `credentials.used_at` in a file."""

    def __init__(self, path: Path, credentials: Credentials) -> None:
        self._path = path
        self._credentials = credentials
        self._written: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def load(self) -> None:
        """What was known before this process; what it has seen itself is newer. A damaged file is no knowledge."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found = msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
            for key, at in found.items():
                if self._credentials.get(key) is not None:
                    self._credentials.used_at.setdefault(key, at)
            self._written = dict(found)

    def save(self) -> None:
        """Write what is known of keys that exist, when it has changed. A full disk is logged and no more."""
        known = dict(self._credentials.used_at)
        if known == self._written:
            return
        try:
            write_durably(self._path, (msgspec.json.encode(known),))
            self._written = known
        except OSError as error:
            _log.warning("when keys were last used cannot be kept: %s", error)

    def start(self) -> None:
        """Read the file, and write it from now on."""
        self.load()
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await asyncio.to_thread(self.save)

    async def stop(self) -> None:
        """The last word."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self.save()

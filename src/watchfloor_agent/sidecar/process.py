"""The sidecar as a process: one folder, one lock, one relay, until a signal or a Fatal error."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from watchfloor_agent.sidecar.leftovers import MARK, sweep
from watchfloor_agent.sidecar.lock import Lock
from watchfloor_agent.sidecar.relay import Relay
from watchfloor_agent.sidecar.settings import Settings
from watchfloor_agent.sidecar.spool import Spool

log = logging.getLogger("watchfloor_sidecar")


def serve(settings: Settings, folder: Path) -> None:
    """Run until SIGTERM or SIGINT. Raises Fatal and ConfigurationError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock(folder)
    try:
        spool = Spool(folder / "spool.db")
        try:
            swept = sweep(MARK, spool.mark)
            if swept:
                log.warning("%d processes of an earlier life were ended", swept)
            asyncio.run(_serve(settings, spool, folder))
        finally:
            spool.close()
    finally:
        lock.release()


async def _serve(settings: Settings, spool: Spool, folder: Path) -> None:
    relay = Relay(settings, spool, folder)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, relay.stop)
    await relay.serve()
    log.info("stopped")

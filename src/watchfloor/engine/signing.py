"""Checkpoints: at most 1 s or 1,000 events apart, at once where people decided, and at shutdown (spec 04, DESIGN 2b.4).

The order is commit → fsync of the signer's file → publish. The view of the tree is taken when a batch goes to the
ledger and signed only after that batch is durable.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from watchfloor.engine.sequencer import Pending, Sequencer
from watchfloor.kernel.limits import CHECKPOINT_INTERVAL_MS, EVENTS_PER_CHECKPOINT
from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.heads import LogView
from watchfloor.ledger.signer import ForkSuspected, RollbackSuspected, Signer

if TYPE_CHECKING:
    from watchfloor.engine.engine import Engine

_log = logging.getLogger(__name__)


class Signing:
    """Signs committed heads. `published` is told of every fresh checkpoint (org, size, note)."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.latest: dict[int, tuple[int, str]] = {}
        self._noted: dict[int, LogView] = {}
        self._signed: dict[int, int] = {}
        self._urgent = asyncio.Event()
        self._watchers: list[Callable[[int, int, str], None]] = []

    def watch(self, watcher: Callable[[int, int, str], None]) -> None:
        self._watchers.append(watcher)

    def start_from(self, org: int, size: int, note: str) -> None:
        """The newest checkpoint found in the store at start."""
        self._signed[org] = size
        self.latest[org] = (size, note)

    def note(self, core: Sequencer, pending: Pending) -> None:
        """A batch goes to the ledger: remember its head where a checkpoint is wanted soon."""
        for org in pending.events:
            node = core.nodes[org]
            if org in pending.heavy or node.world.seq - self._signed.get(org, 0) >= EVENTS_PER_CHECKPOINT:
                self._noted[org] = node.head.view(core.ledger)
                self._urgent.set()

    def forget(self) -> None:
        """A commit failed: heads noted for what may never have been stored are not signed."""
        self._noted.clear()

    async def run(self, engine: Engine) -> None:
        """Sign for ever."""
        while True:
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECKPOINT_INTERVAL_MS / 1_000):
                    await self._urgent.wait()
            self._urgent.clear()
            if engine.read_only:
                continue
            try:
                await self.sign_now(engine)
            except (RollbackSuspected, ForkSuspected) as error:
                _log.critical("%s", error)
                engine.read_only = str(error)
            except (LedgerError, OSError) as error:
                _log.error("checkpoint not signed: %s", error)
            except Exception:
                _log.exception("checkpoint not signed")

    async def sign_now(self, engine: Engine) -> None:
        """Sign every organisation whose committed head is newer than its last checkpoint."""
        ready: list[tuple[LogView, str | None]] = []
        for org, node in engine.core.nodes.items():
            view = self._noted.pop(org, None)
            if view is None and node.world.seq == node.committed > self._signed.get(org, 0):
                view = node.head.view(engine.core.ledger)
            if view is None or view.size > node.committed:
                if view is not None:
                    self._noted[org] = view  # its batch is still on its way
                    self._urgent.set()
                    await asyncio.sleep(0.005)
                continue
            if view.size > self._signed.get(org, 0):
                latest = self.latest.get(org)
                ready.append((view, latest[1] if latest else None))
        if not ready:
            return
        for fresh in await asyncio.to_thread(self.signer.sign, ready):
            await engine.ledger.store_checkpoint(fresh.org, fresh.size, fresh.note)
            self._signed[fresh.org] = fresh.size
            self.latest[fresh.org] = (fresh.size, fresh.note)
            for watcher in self._watchers:
                watcher(fresh.org, fresh.size, fresh.note)

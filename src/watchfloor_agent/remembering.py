"""What an agent remembers of the ledger between sessions: the newest checkpoint it was shown (spec 04).

The SDK does not check signatures (the stand-alone verifier does); it demands that the ledger never shrinks and never
tells another story at the same size. With a file, it demands so across restarts too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from watchfloor_agent.errors import ConfigurationError, LedgerShrank
from watchfloor_agent.received import Checkpoint


class Memory:
    """The newest checkpoint seen, in memory and, when `path` is given, in a file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._agent_id = ""
        self.newest: Checkpoint | None = None
        if path is not None and path.exists():
            self._agent_id, self.newest = _read(path)

    def see(self, agent_id: str, checkpoint: Checkpoint | None) -> None:
        """Compare with what is known and remember it. Raises LedgerShrank."""
        if agent_id != self._agent_id:
            self._agent_id, self.newest = agent_id, None
        known = self.newest
        if known is not None and (checkpoint is None or checkpoint.size < known.size):
            size = checkpoint.size if checkpoint else "no"
            raise LedgerShrank(
                f"the ledger had {known.size} events under checkpoint {known.root[:16]}…, now {size}"
            )
        if checkpoint is None or checkpoint == known:
            return
        if known is not None and checkpoint.size == known.size and checkpoint.root != known.root:
            raise LedgerShrank(
                f"at {known.size} events the root was {known.root[:16]}… and is {checkpoint.root[:16]}… now"
            )
        self.newest = checkpoint
        if self._path is not None:
            _write(self._path, agent_id, checkpoint)


def _read(path: Path) -> tuple[str, Checkpoint]:
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        newest = Checkpoint(size=int(stored["size"]), root=str(stored["root"]), note=str(stored["note"]))
        return str(stored["agent_id"]), newest
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is not a state file of this SDK; move it away") from error


def _write(path: Path, agent_id: str, checkpoint: Checkpoint) -> None:
    """Replace the file at once, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    content = {
        "agent_id": agent_id,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "note": checkpoint.note,
    }
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

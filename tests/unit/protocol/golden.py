"""The golden frames, as both SDKs and the hub are held to them (protocol/golden)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3] / "protocol"


def golden(name: str) -> list[dict[str, Any]]:
    """The entries of one golden file."""
    entries: list[dict[str, Any]] = json.loads((ROOT / "golden" / f"{name}.json").read_text(encoding="utf-8"))
    return entries


def frames(sender: str) -> list[dict[str, Any]]:
    """Golden frames that `agent` or `server` sends."""
    return [entry for entry in golden("frames") if entry["from"] == sender]

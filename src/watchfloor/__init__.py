"""Watchfloor: a self-hosted control plane for AI agents. A ledger with opinions."""

from __future__ import annotations

__version__ = "0.1.0"

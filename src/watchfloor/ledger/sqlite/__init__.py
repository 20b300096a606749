"""The ledger on SQLite: one file, one writer thread, group commit (DESIGN §2 *Measured*)."""

from __future__ import annotations

from watchfloor.ledger.sqlite.store import SQLiteLedger, SQLiteSettings

__all__ = ["SQLiteLedger", "SQLiteSettings"]

"""Somebody who owns the database file, knows the format, and recomputes every hash that could give them away."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.contracts.ledger_kit import ORIGIN, event_bytes

from watchfloor.ledger.chain import Chain
from watchfloor.ledger.checkpoints import Checkpoint
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.ledger.notes import ED25519, VerifierKey, sign_note

ORG = "org_1"


class Forger:
    """Works on a closed store of organisation 1. `rows` are the events' bytes, to be changed at will."""

    def __init__(self, database: Path) -> None:
        self._db = sqlite3.connect(database, isolation_level=None)
        for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self._db.execute(f"DROP TRIGGER {name}")
        self.rows: list[bytes] = [row[0] for row in self._db.execute("SELECT data FROM events ORDER BY id")]

    def edit(self, seq: int, text: str = "forged") -> None:
        self.rows[seq - 1] = event_bytes(ORG, seq, facts={"text": text})

    def renumber(self) -> None:
        """After an insertion or a deletion: every event says the seq it now has."""
        self.rows = [event_bytes(ORG, seq, facts=None if b"forged" not in row else {"text": "forged"}) for seq, row in enumerate(self.rows, 1)]  # fmt: skip

    def store(self, *, tiles: bool = True) -> None:
        """Write the rows back with a perfect chain, and perfect tiles unless told otherwise."""
        chain, tree = Chain(), Tree()
        self._db.execute("BEGIN")
        self._db.execute("DELETE FROM events")
        if tiles:
            self._db.execute("DELETE FROM tiles")
        for seq, data in enumerate(self.rows, 1):
            tree.append(leaf_hash(data))
            key = 1 << 40 | seq
            self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (key, key, data, chain.append(data)))
        if tiles:
            for level, number, data in tree.take_tiles():
                self._db.execute("INSERT INTO tiles VALUES (?, ?)", (1 << 40 | level << 36 | number, data))
        self._db.execute("COMMIT")

    def drop_checkpoints(self, above: int) -> None:
        self._db.execute("DELETE FROM checkpoints WHERE size > ?", (above,))

    def sign_again(self, key_file: Path) -> None:
        """With the stolen key: new notes for every checkpoint there was."""
        private = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(private, Ed25519PrivateKey)
        key = VerifierKey(f"{ORIGIN}/{ORG}", ED25519, private.public_key().public_bytes_raw())
        sizes = [row[0] for row in self._db.execute("SELECT size FROM checkpoints ORDER BY size")]
        tree = Tree()
        for size, data in enumerate(self.rows, 1):
            tree.append(leaf_hash(data))
            if size in sizes:
                note = sign_note(Checkpoint(key.name, size, tree.root()).text, key, private)
                self._db.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (note, size))

    def run(self, statement: str) -> None:
        self._db.execute(statement)

    def close(self) -> None:
        self._db.close()

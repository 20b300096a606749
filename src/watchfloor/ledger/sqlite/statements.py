"""What the writer says to SQLite. Keys are packed in SQL, so that batches go to `executemany` as they are."""

from __future__ import annotations

INSERT_EVENTS = (
    "INSERT INTO events (id, stream, data, hash) VALUES ((?1 << 40) | ?2, (?1 << 40) | ?3, ?4, ?5)"
)
INSERT_PRIVATES = "INSERT INTO privates (id, salt, body) VALUES ((?1 << 40) | ?2, ?3, ?4)"
INSERT_TILES = "INSERT INTO tiles (id, data) VALUES ((?1 << 40) | (?2 << 36) | ?3, ?4)"
INSERT_REDACTIONS = "INSERT OR IGNORE INTO redactions (id) VALUES ((?1 << 40) | ?2)"
ERASE_PRIVATES = "DELETE FROM privates WHERE id = (?1 << 40) | ?2"
INSERT_ORGANISATIONS = "INSERT INTO organisations (org, public_id, name, created_at) VALUES (?, ?, ?, ?)"
UPSERT_CREDENTIALS = """
INSERT INTO credentials
    (id, org, kind, subject, verifier, scopes, created_at, expires_at, revoked_at, label)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    verifier = excluded.verifier, scopes = excluded.scopes, expires_at = excluded.expires_at,
    revoked_at = excluded.revoked_at, label = excluded.label
"""
INSERT_CHECKPOINT = "INSERT INTO checkpoints (org, epoch, size, note) VALUES (?, ?, ?, ?)"
CREATE_KEYS = """
CREATE TABLE IF NOT EXISTS keys_{day:d} (
    org INTEGER NOT NULL, credential TEXT NOT NULL, key TEXT NOT NULL, body_digest BLOB NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (org, credential, key)
) WITHOUT ROWID
"""

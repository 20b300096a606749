"""Tables, triggers and connection settings of the SQLite store.

Events are keyed by one integer, organisation ‖ seq: 2 to 6 µs less per event than two columns and their index, and each
organisation appends at its own right edge. `stream` carries the organisation in the same way, so that the only
secondary index holds integers (measured: text keys double the cost of an append).

The triggers stop accidents and honest mistakes; somebody who owns the file can drop them, and is found by the chain,
the tree and the signer. There is no trigger on insert: it would cost 6 µs an event (measured), and `REPLACE` fires
the delete trigger on our own connections (`recursive_triggers`).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.limits import BUSY_TIMEOUT_MS, CACHE_KIB, PAGE_BYTES, SEQ_BITS

APPLICATION_ID = 0x57464C47  # "WFLG", shown by file(1)
SCHEMA_VERSION = 1
SEQ_MASK = (
    1 << SEQ_BITS
) - 1  # SQL texts write both out: `<< 40`, `& 0xFFFFFFFFFF`; they are part of the format

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE organisations (
    org INTEGER PRIMARY KEY, public_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE TABLE events (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, data BLOB NOT NULL, hash BLOB NOT NULL);
CREATE INDEX events_by_stream ON events (stream);
CREATE TABLE privates (id INTEGER PRIMARY KEY, salt BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE redactions (id INTEGER PRIMARY KEY);
CREATE TABLE tiles (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE checkpoints (
    org INTEGER NOT NULL, epoch INTEGER NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (org, epoch, size)
) WITHOUT ROWID;
CREATE TABLE credentials (
    id TEXT PRIMARY KEY, org INTEGER NOT NULL, kind TEXT NOT NULL, subject INTEGER NOT NULL, verifier BLOB NOT NULL,
    scopes TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL,
    label TEXT NOT NULL
);
CREATE VIEW ledger AS
    SELECT id >> 40 AS org, id & 0xFFFFFFFFFF AS seq, stream & 0xFFFFFFFFFF AS stream,
           CAST(data AS TEXT) AS data, lower(hex(hash)) AS hash FROM events;
"""

TILE_BITS = 36  # a tile's key is organisation ‖ level (4 bits) ‖ number
EPOCH = "coalesce((SELECT value FROM meta WHERE name = 'signer_epoch'), 0)"

PROTECTED = {  # table -> what is refused
    "events": ("UPDATE", "DELETE"),
    "tiles": ("UPDATE", "DELETE"),
    "checkpoints": ("UPDATE", "DELETE"),
    "redactions": ("UPDATE", "DELETE"),
    "privates": ("UPDATE",),
}

REDACTION_TRIGGER = """
CREATE TRIGGER privates_delete_needs_redaction BEFORE DELETE ON privates
WHEN NOT EXISTS (SELECT 1 FROM redactions WHERE id = OLD.id)
BEGIN SELECT RAISE(ABORT, 'a private part is erased only by a redaction, which is an event'); END
"""


class StoreUnknown(LedgerError):
    """The file is not a ledger of a version this program can write."""


def key_of(org: int, seq: int) -> int:
    """The integer key of (organisation, seq)."""
    return (org << SEQ_BITS) | seq


def key_bounds(org: int, after: int = 0) -> tuple[int, int]:
    """Lower (exclusive) and upper (inclusive) bound of the keys of an organisation with seq > after."""
    return (org << SEQ_BITS) | after, (org << SEQ_BITS) | SEQ_MASK


def tile_key(org: int, level: int, number: int) -> int:
    """The integer key of a tile; events are bounded by 2^40, so numbers by 2^32 and levels by 5."""
    return (org << SEQ_BITS) | (level << TILE_BITS) | number


def open_writer(path: Path, synchronous: str = "FULL") -> sqlite3.Connection:
    """Open or create the store for writing. Page size and vacuum mode must come before the first table."""
    if not path.exists():  # sqlite would create it readable for all
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            f"page_size = {PAGE_BYTES}",
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"cache_size = -{CACHE_KIB}",
            "wal_autocheckpoint = 0",  # the writer folds the log itself, so that a failed fsync is seen
            "recursive_triggers = ON",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the store for reading only."""
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def check_known(connection: sqlite3.Connection) -> bool:
    """True for a ledger of this version, False for an empty file; anything else raises StoreUnknown."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables == 0 and application in (0, APPLICATION_ID):
        return False
    if application != APPLICATION_ID:
        raise StoreUnknown("the file is a database, but not a Watchfloor ledger")
    if version != SCHEMA_VERSION:
        raise StoreUnknown(f"the ledger has schema version {version}, this program knows {SCHEMA_VERSION}")
    return True


def _migrate(connection: sqlite3.Connection) -> None:
    if check_known(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.strip().split(";\n"):
        if statement.strip(" ;\n"):
            connection.execute(statement)
    for table, refused in PROTECTED.items():
        for verb in refused:
            connection.execute(
                f"CREATE TRIGGER {table}_{verb.lower()}_refused BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are written once and never changed'); END"
            )
    connection.execute(REDACTION_TRIGGER)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")

"""Bounds of the ledger, each with its reason (law *Limits*)."""

from __future__ import annotations

SEQ_BITS = 40  # one integer key packs (organisation, seq): 10¹² events each …
ORGANISATION_MAX = 2**23 - 1  # … for eight million organisations
TILE_WIDTH = 256  # C2SP tlog-tiles: hashes in one full tile
TILE_HEIGHT = 8  # levels of the tree covered by one tile
WAL_PAGES_MAX = 2_500  # 40 MiB of 16 KiB pages before the log is folded back; measured in limits.md
CACHE_KIB = 64 * 1024  # the pages a busy day touches, so that appends never read
PAGE_BYTES = 16 * 1024  # fewer interior pages than 4 KiB at 500-byte rows; measured
BUSY_TIMEOUT_MS = 5_000  # only a backup or a person with sqlite3 could hold the lock
RESERVE_BYTES = 64 * 1024 * 1024  # disk kept back for stops, redactions and an orderly end
NOTE_BYTES_MAX = 64 * 1024  # a checkpoint with its signatures; C2SP witnesses allow the same order
SIGNATURES_MAX = 64  # lines of one note
PROOF_HASHES_MAX = 64  # a tree of 2⁶⁴ leaves needs no more
SNAPSHOT_SLICE_BYTES = 1024 * 1024  # handed to the writing thread at a time
SNAPSHOT_BLOB_BYTES_MAX = 64 * 1024 * 1024  # a frame that claims more is damaged
BACKUPS_KEPT = 3  # spec 04: default keep 3
EXPORTS_KEPT = 3  # of each organisation, made through the server: each is a whole copy of its record
ARCHIVE_PART_BYTES = 256 * 1024  # of an export that is downloaded, packed and sent at a time
READ_ROWS = 5_000  # rows fetched at a time by verification and export: about 3 MB
SIGNER_STATE_BYTES_MAX = 256 * 1024  # then it is written as one line again: a start reads it all
TILES_KEPT = 16  # 128 KiB: one proof reads at most two tiles of each level

"""Key files that lie beside the ledger, in its backups: what HTTP workers' calls and agents' tokens are signed with.

Copied with mode 0600 into `keys/` of the backup, whose folder is 0700 like the data directory itself: a backup is as
secret as what it copies. The checkpoint signer's key is never among them: whoever had ledger and key could write history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from watchfloor.ledger.directory import check_private_file, make_private
from watchfloor.ledger.files import write_durably

KEYS = "keys"
FILES = ("workers.key",)
FOLDERS = ("token-keys",)  # of *.json


def _found(directory: Path) -> Iterator[str]:
    """Relative names of the key files there are."""
    for name in FILES:
        if (directory / name).exists():
            yield name
    for folder in FOLDERS:
        for path in sorted((directory / folder).glob("*.json")):
            yield f"{folder}/{path.name}"


def _known(name: str) -> bool:
    """Is it one of our names? A manifest names no other file of the machine."""
    folder, slash, file = name.partition("/")
    inside = folder in FOLDERS and file.endswith(".json") and "/" not in file and not file.startswith(".")
    return inside if slash else name in FILES


def copy_keys(directory: Path, backup: Path) -> dict[str, str]:
    """SHA-256 (hex) by name of what was copied. Raises DirectoryUnsafe for a file others can read, OSError."""
    digests = {}
    for name in _found(directory):
        check_private_file(directory / name)
        key = (directory / name).read_bytes()
        target = backup / KEYS / name
        make_private(backup / KEYS)
        make_private(target.parent)
        write_durably(target, [key])
        digests[name] = sha256(key).hexdigest()
    return digests


def fault_of_keys(backup: Path, digests: Mapping[str, str]) -> str:
    """Why the copies are not those of the manifest, "" when they are. Raises OSError."""
    for name, digest in digests.items():
        if not _known(name):
            return f"{name} is no key file"
        if sha256((backup / KEYS / name).read_bytes()).hexdigest() != digest:
            return f"{name} does not have the checksum of the manifest"
    return ""


def restore_keys(backup: Path, directory: Path, digests: Mapping[str, str]) -> tuple[str, ...]:
    """Put the keys in place; one that is there stays. Names of those that were put there."""
    placed = []
    for name in digests:
        target = directory / name
        if target.exists():
            continue
        make_private(target.parent)
        write_durably(target, [(backup / KEYS / name).read_bytes()])
        placed.append(name)
    return tuple(placed)

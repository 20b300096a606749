"""The criterion `file`: a regular file inside the roots, of this size and content (spec 2.4 *Verification*).

The path is resolved once, must stay in a root, and is then opened part by part from the root without following any link:
whoever swaps a folder for a link in between is refused, and what is hashed is what was opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
import time
from pathlib import Path

from watchfloor.runners.terms import Refusal, VerificationTerms
from watchfloor.work.criteria import FileCriterion

HASHED_BYTES_MAX = 1024 * 1024 * 1024  # seconds of hashing; an artefact above that has a digest elsewhere
_PIECE_BYTES = 1024 * 1024


def check(
    criterion: FileCriterion, terms: VerificationTerms, until: float, cancelled: threading.Event
) -> tuple[bool, str]:
    """Whether it holds, and why not. `until` is of the monotonic clock. Raises Refusal, TimeoutError."""
    if not terms.roots:
        raise Refusal("no root is configured")
    places = terms.places(criterion.path)
    if not places:
        raise Refusal("the path leaves the roots of this server")
    why = "there is no such file"
    for root, place in places:
        try:
            descriptor = _opened(root, place)
        except OSError as error:
            why = (
                "there is no such file" if isinstance(error, FileNotFoundError) else "the file cannot be read"
            )
            continue
        try:
            return _judged(criterion, descriptor, until, cancelled)
        finally:
            os.close(descriptor)
    return False, why


def _opened(root: Path, place: Path) -> int:
    """The file, opened from its root without following a link. Raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    with contextlib.ExitStack() as stack:
        folder = os.open(root, flags | os.O_DIRECTORY)
        stack.callback(os.close, folder)
        *folders, name = place.relative_to(root).parts or (".",)
        for part in folders:
            folder = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
            stack.callback(os.close, folder)
        return os.open(name, flags | os.O_NONBLOCK, dir_fd=folder)


def _judged(
    criterion: FileCriterion, descriptor: int, until: float, cancelled: threading.Event
) -> tuple[bool, str]:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return False, "not a regular file"
    if not criterion.bytes_min <= status.st_size <= criterion.bytes_max:
        return False, f"{status.st_size} bytes"
    if not criterion.sha256:
        return True, f"{status.st_size} bytes"
    if status.st_size > HASHED_BYTES_MAX:
        raise Refusal(f"files above {HASHED_BYTES_MAX} bytes are not hashed")
    digest = hashlib.sha256()
    read = 0
    while read <= HASHED_BYTES_MAX:  # it may grow while it is read
        if cancelled.is_set() or time.monotonic() > until:
            raise TimeoutError
        piece = os.read(descriptor, _PIECE_BYTES)
        if not piece:
            break
        digest.update(piece)
        read += len(piece)
    found = digest.hexdigest()
    return found == criterion.sha256, f"{read} bytes, SHA-256 {found}"

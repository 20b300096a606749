"""The data directory: private to its owner, and held by one process (09-faults A15, A16)."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType

from watchfloor.ledger.contract import LedgerError

LOCK_FILE = "watchfloor.lock"


class DirectoryUnsafe(LedgerError):
    """The data directory could be read or replaced by somebody else."""


class DirectoryHeld(LedgerError):
    """Another process holds the data directory; `pid` is its process id (0 when it could not be read)."""

    def __init__(self, path: Path, pid: int) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{path} is held by {holder}: one server per data directory. Stop it first, or use another directory."
        )
        self.pid = pid


def make_private(path: Path) -> Path:
    """Create the directory with mode 0700, or check that an existing one is safe. Raises DirectoryUnsafe."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise DirectoryUnsafe(f"{path} is a symbolic link: name the directory itself")
    if not stat.S_ISDIR(found.st_mode):
        raise DirectoryUnsafe(f"{path} is not a directory")
    if found.st_uid != os.geteuid():
        raise DirectoryUnsafe(
            f"{path} belongs to uid {found.st_uid}, this process runs as uid {os.geteuid()}"
        )
    if found.st_mode & 0o077:
        raise DirectoryUnsafe(
            f"{path} has mode {stat.S_IMODE(found.st_mode):04o}: others can enter it. Run: chmod 700 {path}"
        )
    return path


def check_private_file(path: Path) -> None:
    """A file that exists must be a regular file of ours that nobody else can read. Raises DirectoryUnsafe."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise DirectoryUnsafe(f"{path} is not a regular file")
    if found.st_uid != os.geteuid():
        raise DirectoryUnsafe(
            f"{path} belongs to uid {found.st_uid}, this process runs as uid {os.geteuid()}"
        )
    if found.st_mode & 0o077:
        raise DirectoryUnsafe(
            f"{path} has mode {stat.S_IMODE(found.st_mode):04o}: others can read it. Run: chmod 600 {path}"
        )


class FileLock:
    """An exclusive lock that dies with its process; the holder's pid is inside the file. Raises DirectoryHeld."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held = error.errno in (errno.EAGAIN, errno.EACCES)
            text = os.pread(self._descriptor, 20, 0).strip()
            os.close(self._descriptor)
            if not held:
                raise
            raise DirectoryHeld(path.parent, int(text) if text.isdigit() else 0) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)  # the file stays: removing it would let two processes lock two files
            self._descriptor = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class DataDirectory:
    """A data directory, locked for as long as this object is open.

    ledger.db         events, private parts, tiles, checkpoints
    signer/           key and state of the checkpoint signer (may be put on another disk)
    snapshots/        folded state
    backups/          verified copies
    reserve           disk kept back (see reserve.py)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = make_private(Path(path).absolute())
        self._lock = FileLock(self.path / LOCK_FILE)

    @property
    def database(self) -> Path:
        return self.path / "ledger.db"

    @property
    def signer(self) -> Path:
        return self.path / "signer"

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def backups(self) -> Path:
        return self.path / "backups"

    @property
    def reserve(self) -> Path:
        return self.path / "reserve"

    def close(self) -> None:
        self._lock.release()

    def __enter__(self) -> DataDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""What a sidecar is told once: where the server is, which command it wakes, and its bounds."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from watchfloor_agent.errors import ConfigurationError

NAME = "sidecar.json"
Milliseconds = Annotated[int, Meta(ge=0, le=30 * 86_400_000)]
FINAL_EXITS = (
    2,
    64,
    65,
    66,
    67,
    68,
    70,
    76,
    77,
    78,
    126,
    127,
)  # sysexits.h, and a shell's "cannot", "not found"
AGAIN_EXIT = 75  # EX_TEMPFAIL: the same wake may work in a moment


class Git(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The git workflow. `base` empty: the remote's own default branch. `submit` is an argv template."""

    remote: Annotated[str, Meta(min_length=1)]
    base: str = ""
    protected: tuple[str, ...] = ()
    author: str = ""
    submit: tuple[str, ...] = ()
    time_ms: Milliseconds = 600_000


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`argv` is the command; `time_ms` bounds it beside the task's own limit; `silence_ms` 0: it may be silent for ever.

    `concurrency` tasks run at a time and `queue` more are kept; `wakes` is how often a wake is tried for one
    assignment; exits in `final_exits` say that trying again is useless; `drain_ms` is what running commands get when
    the sidecar is stopped.
    """

    url: str
    key_file: str
    argv: Annotated[tuple[str, ...], Meta(min_length=1)]
    name: str = ""
    directory: str = ""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 1
    queue: Annotated[int, Meta(ge=0, le=1_000)] = 8
    time_ms: Milliseconds = 0
    silence_ms: Milliseconds = 0
    grace_ms: Milliseconds = 5_000
    drain_ms: Milliseconds = 10_000
    wakes: Annotated[int, Meta(ge=1, le=20)] = 3
    final_exits: tuple[int, ...] = FINAL_EXITS
    first_ms: Milliseconds = 1_000
    longest_ms: Milliseconds = 60_000
    insecure: bool = False
    git: Git | None = None


def words(command: str) -> tuple[str, ...]:
    """A command line split once, as a shell would, and never given to one. Raises ConfigurationError."""
    try:
        argv = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(f"{command!r} cannot be split into words: {error}") from error
    if not argv:
        raise ConfigurationError("the command is empty")
    return argv


def read(path: Path) -> Settings:
    """Settings from a file. Raises ConfigurationError with the place."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise ConfigurationError(f"no settings can be read from {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def erase(folder: Path) -> None:
    """Remove a folder with all a command left in it, read-only folders too; links are removed, not followed.

    Raises OSError when something stays.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    if not folder.exists():
        return
    for place, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(place, name)
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(folder)


def write(path: Path, settings: Settings) -> None:
    """Replace the settings file at once; only its owner may read it."""
    replace(path, msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")


def replace(path: Path, data: bytes) -> None:
    """Put `data` into `path` durably: after a crash it holds the old or the new, whole. Mode 0600."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

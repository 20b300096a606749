"""The signer's memory on disk: what it signed last for every origin, and its epoch (DESIGN 2b.4).

A text file of lines `<BLAKE2b-128 of the rest, hex> <JSON>`. The first line holds everything, each further one what a
later signing changed; so remembering is one append and one fdatasync, not a rewrite. A last line that was cut off by a
crash was never handed out and is dropped; any other damage is an error, never a silent step back.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

import msgspec

from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.directory import check_private_file
from watchfloor.ledger.files import write_durably
from watchfloor.ledger.limits import SIGNER_STATE_BYTES_MAX


class SignerError(LedgerError):
    """The signer's files are missing, unreadable or contradict each other."""


class Signed(msgspec.Struct, frozen=True):
    """The last head that was signed for one origin."""

    root: bytes
    size: int


class State(msgspec.Struct, forbid_unknown_fields=True):
    """Everything, in the first line; a change in the others (with the epoch it was made in)."""

    epoch: int
    logs: dict[str, Signed]


_encode = msgspec.json.Encoder(order="sorted").encode


def encode_line(state: State) -> bytes:
    text = _encode(state)
    return blake2b(text, digest_size=16).hexdigest().encode() + b" " + text + b"\n"


def decode_state(data: bytes) -> State:
    """The state after all whole lines. Raises SignerError."""
    lines = data.split(b"\n")
    lines.pop()  # nothing, or what a crash cut off
    if not lines:
        raise SignerError("the signer's state is empty")
    state = State(epoch=0, logs={})
    for number, line in enumerate(lines, 1):
        digest, _, text = line.partition(b" ")
        try:
            found = msgspec.json.decode(text, type=State)
        except msgspec.MsgspecError as error:
            raise SignerError(f"line {number} of the signer's state is damaged: {error}") from error
        right = blake2b(text, digest_size=16).hexdigest().encode() == digest
        if not right or any(len(s.root) != 32 or s.size < 1 for s in found.logs.values()):
            raise SignerError(f"line {number} of the signer's state is damaged")
        state = State(epoch=found.epoch, logs={**state.logs, **found.logs})
    return state


def raise_epoch(data: bytes) -> bytes:
    """A state file with the next epoch: what a restored copy begins from. Raises SignerError."""
    state = decode_state(data)
    return encode_line(State(epoch=state.epoch + 1, logs=state.logs))


class StateFile:
    """The file, open for appending. `state` is what is durable in it."""

    def __init__(self, path: Path) -> None:
        """Raises SignerError when it is damaged, FileNotFoundError when there is none (see `create`)."""
        check_private_file(path)
        self._path = path
        data = path.read_bytes()
        try:
            self.state = decode_state(data)
        except SignerError as error:
            raise SignerError(f"{path}: {error}. Restore it from its copy.") from error
        self._size = data.rfind(b"\n") + 1
        self._file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        os.ftruncate(self._file, self._size)
        self._doubtful = False

    @staticmethod
    def create(path: Path) -> None:
        """The state of a signer that never signed."""
        write_durably(path, [encode_line(State(epoch=1, logs={}))])

    def remember(self, changes: dict[str, Signed]) -> None:
        """Durable when this returns. After an OSError the next call writes everything anew."""
        logs = {**self.state.logs, **changes}
        line = encode_line(State(epoch=self.state.epoch, logs=changes))
        if self._doubtful or self._size + len(line) > SIGNER_STATE_BYTES_MAX:
            self.replace(State(epoch=self.state.epoch, logs=logs))
            return
        self._doubtful = True
        if os.pwrite(self._file, line, self._size) != len(line):
            raise OSError("the signer's state could not be written whole")
        os.fdatasync(self._file)
        self._doubtful = False
        self._size += len(line)
        self.state = State(epoch=self.state.epoch, logs=logs)

    def replace(self, state: State) -> None:
        """Write everything as one line, into a new file."""
        line = encode_line(state)
        write_durably(self._path, [line])
        os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._size, self.state, self._doubtful = len(line), state, False

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

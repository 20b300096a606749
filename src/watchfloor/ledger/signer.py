"""The signer: one key, and a memory of what it signed that lives outside the database (DESIGN 2b.4, spec 04).

    signer/key      Ed25519 private key, PKCS#8 PEM, mode 0600
    signer/state    what was signed last, for every origin (signer_state.py)
    signer/lock     held by the one process that may sign

The rule of a transparency log is that it never signs a checkpoint inconsistent with one it signed before. So the
signer proves every new head consistent with its own file *and* with the newest stored checkpoint, makes its file
durable and only then hands the note out. The order is commit → file → publish: after a
crash the file may be ahead of what is published, never ahead of what is committed. A ledger that is *behind* the file
was rolled back, or is another ledger: nothing is signed until an operator says so (`declare_rollback`), which the
engine records as an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from watchfloor.ledger.checkpoints import Checkpoint, open_checkpoint, origin_of
from watchfloor.ledger.contract import LedgerError
from watchfloor.ledger.directory import FileLock, check_private_file, make_private
from watchfloor.ledger.files import write_durably
from watchfloor.ledger.heads import LogView
from watchfloor.ledger.merkle import TileMissing, consistency_proof
from watchfloor.ledger.notes import ED25519, VerifierKey, check_name, sign_note
from watchfloor.ledger.proofs import ProofRejected, verify_consistency
from watchfloor.ledger.signer_state import Signed, SignerError, State, StateFile, decode_state


class RollbackSuspected(LedgerError):
    """The ledger is shorter than what was signed: an older copy was restored, or the end was cut off."""

    def __init__(self, origin: str, signed: int, stored: int) -> None:
        super().__init__(
            f"{origin}: {signed} events were signed, the ledger has {stored}. Read-only until the missing events are"
            " restored or `watchfloor ledger recover --declare-rollback` is run."
        )
        self.origin = origin
        self.signed = signed
        self.stored = stored


class ForkSuspected(LedgerError):
    """The ledger is not a continuation of what was signed: it was rewritten, or belongs to another deployment."""

    def __init__(self, origin: str, signed: int) -> None:
        super().__init__(
            f"{origin}: the first {signed} events are not those that were signed. Read-only: restore the right ledger,"
            " or run `watchfloor ledger recover --declare-rollback`."
        )
        self.origin = origin
        self.signed = signed


class SignedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh note, already in the signer's file, to be published with `Ledger.store_checkpoint`."""

    org: int
    size: int
    note: str


class Signer:
    """Holds the key and the lock. Blocking: the engine calls it on a worker thread."""

    def __init__(self, directory: Path, origin: str) -> None:
        """Open, or found on first use. Raises DirectoryHeld, DirectoryUnsafe, SignerError."""
        self.origin = check_name(origin)
        self._directory = make_private(directory)
        self._lock = FileLock(directory / "lock")
        try:
            self._private = self._load_key()
            self._file = self._open_state()
        except BaseException:
            self._lock.release()
            raise
        self._public = self._private.public_key().public_bytes_raw()
        self._newest: dict[str, str] = {}  # the last note made here, by origin

    def close(self) -> None:
        self._file.close()
        self._lock.release()

    # -- keys -------------------------------------------------------------------------------------------------

    def _load_key(self) -> Ed25519PrivateKey:
        path = self._directory / "key"
        check_private_file(path)
        if not path.exists():
            # The state is written first: a key without a state is then never a first start, but a loss.
            if not self._state_path.exists():
                StateFile.create(self._state_path)
            elif decode_state(self._state_path.read_bytes()).logs:
                raise SignerError(f"{path} is missing, but its state is there: restore the key")
            private = Ed25519PrivateKey.generate()
            pem = private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_durably(path, [pem])
            return private
        loaded = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise SignerError(f"{path} is not an Ed25519 key")
        return loaded

    def key_of(self, public_id: str) -> VerifierKey:
        """The public key under the name of an organisation's log; `.text` is the vkey an auditor pins."""
        return VerifierKey(origin_of(self.origin, public_id), ED25519, self._public)

    # -- state ------------------------------------------------------------------------------------------------

    @property
    def _state_path(self) -> Path:
        return self._directory / "state"

    def _open_state(self) -> StateFile:
        try:
            return StateFile(self._state_path)
        except FileNotFoundError as error:
            raise SignerError(
                f"{self._state_path} is missing: what was signed before is unknown. Restore it from its copy, or begin"
                " from a checkpoint you trust: `watchfloor ledger signer adopt`."
            ) from error

    @property
    def _state(self) -> State:
        return self._file.state

    @property
    def epoch(self) -> int:
        """Grows whenever history was declared rolled back or the signer moved; the store keeps the highest seen."""
        return self._state.epoch

    def last(self, public_id: str) -> Signed | None:
        """The last head signed for an organisation."""
        return self._state.logs.get(origin_of(self.origin, public_id))

    @property
    def origins(self) -> list[str]:
        """The origins this signer has signed for."""
        return sorted(self._state.logs)

    # -- signing ----------------------------------------------------------------------------------------------

    def check(self, view: LogView, stored_note: str | None = None) -> None:
        """The view continues everything signed before. Raises RollbackSuspected, ForkSuspected, NoteRejected, SignerError."""
        origin = origin_of(self.origin, view.public_id)
        signed = self._state.logs.get(origin)
        if signed is not None:
            _require_continuation(origin, signed.size, signed.root, view)
        if stored_note is not None:
            if signed is None:
                raise SignerError(
                    f"{origin} has published checkpoints this signer does not know: adopt one first"
                )
            if stored_note == self._newest.get(origin):
                return  # this signer's own, whose head was checked above
            stored = open_checkpoint(stored_note, self.key_of(view.public_id))
            if (stored.size, stored.root) != (signed.size, signed.root):
                _require_continuation(origin, stored.size, stored.root, view)

    def sign(self, requests: Sequence[tuple[LogView, str | None]]) -> list[SignedCheckpoint]:
        """Sign the heads of (view, newest stored checkpoint), all with one write of the signer's file.

        Empty views are left out. Nothing is signed when one of them is suspect.
        Raises as `check`; OSError when the file cannot be written (nothing is handed out then).
        """
        fresh: list[SignedCheckpoint] = []
        changes: dict[str, Signed] = {}
        for view, stored_note in requests:
            self.check(view, stored_note)
            if view.size == 0:
                continue
            key = self.key_of(view.public_id)
            checkpoint = Checkpoint(key.name, view.size, view.root)
            if self._state.logs.get(key.name) != (signed := Signed(view.root, view.size)):
                changes[key.name] = signed
            note = sign_note(checkpoint.text, key, self._private)
            fresh.append(SignedCheckpoint(org=view.org, size=view.size, note=note))
        if changes:
            self._file.remember(changes)
        for view, made in zip([view for view, _ in requests if view.size], fresh, strict=True):
            self._newest[origin_of(self.origin, view.public_id)] = made.note
        return fresh

    # -- changes of history, all by an operator's word --------------------------------------------------------

    def adopt(self, public_id: str, pinned_note: str) -> None:
        """Begin from a checkpoint the operator pinned: for a new node, or a copy restored without the signer's file.

        Raises NoteRejected, or SignerError when this signer already knows more.
        """
        key = self.key_of(public_id)
        pinned = open_checkpoint(pinned_note, key)
        known = self._state.logs.get(key.name)
        if known is not None and known.size > pinned.size:
            raise SignerError(f"{key.name}: this signer already signed {known.size} events")
        logs = {**self._state.logs, key.name: Signed(pinned.root, pinned.size)}
        self._file.replace(State(epoch=self._state.epoch + 1, logs=logs))

    def declare_rollback(self, heads: Iterable[tuple[LogView, str | None]]) -> dict[str, int]:
        """Accept these (view, newest stored checkpoint) as they are, forgetting what contradicts them.

        Returns the sizes that had been signed, by origin. The engine must record `ledger.rollback_declared/1` with it.
        Every earlier pin outside still shows the fork.
        """
        forgotten: dict[str, int] = {}
        logs = dict(self._state.logs)
        kept: set[str] = set()
        for view, stored_note in heads:
            origin = origin_of(self.origin, view.public_id)
            kept.add(origin)
            try:
                self.check(view, stored_note)
            except (RollbackSuspected, ForkSuspected) as error:
                forgotten[origin] = error.signed
                logs.pop(origin, None)
                if view.size:
                    logs[origin] = Signed(view.root, view.size)
        for origin in logs.keys() - kept:
            forgotten[origin] = logs.pop(origin).size
        if forgotten:
            self._file.replace(State(epoch=self._state.epoch + 1, logs=logs))
        return forgotten


def _require_continuation(origin: str, size: int, root: bytes, view: LogView) -> None:
    """The view's tree begins with the tree (size, root)."""
    if view.size < size:
        raise RollbackSuspected(origin, size, view.size)
    try:
        verify_consistency(
            size, view.size, root, view.root, consistency_proof(size, view.size, view.read_tile)
        )
    except (ProofRejected, TileMissing) as error:
        raise ForkSuspected(origin, size) from error


def public_key_of(directory: Path, origin: str) -> Callable[[str], VerifierKey]:
    """The signer's public keys, by organisation, read beside a running server (no lock). Raises SignerError."""
    try:
        loaded = serialization.load_pem_private_key((directory / "key").read_bytes(), None)
    except OSError as error:
        raise SignerError(f"the signer's key cannot be read: {error}") from error
    if not isinstance(loaded, Ed25519PrivateKey):
        raise SignerError(f"{directory / 'key'} is not an Ed25519 key")
    public = loaded.public_key().public_bytes_raw()
    return lambda public_id: VerifierKey(origin_of(origin, public_id), ED25519, public)


def state_copy(directory: Path) -> bytes | None:
    """The bytes of the signer's state file, for a backup; never the key."""
    try:
        return (directory / "state").read_bytes()
    except FileNotFoundError:
        return None

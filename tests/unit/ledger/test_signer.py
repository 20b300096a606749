"""The signer refuses whatever contradicts what it signed before (spec 04; 09-faults A11, A18, M2, M4)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import Historian, SQLiteHouse

from watchfloor.ledger.checkpoints import open_checkpoint
from watchfloor.ledger.directory import DirectoryHeld, DirectoryUnsafe
from watchfloor.ledger.heads import LogView
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.ledger.notes import NoteRejected
from watchfloor.ledger.signer import ForkSuspected, RollbackSuspected, Signer
from watchfloor.ledger.signer_state import Signed, SignerError, State, decode_state, encode_line, raise_epoch

ORIGIN = "watch.example"


def view(size: int, salt: str = "", public_id: str = "org_1", org: int = 1) -> LogView:
    """A log of `size` events; the same salt is the same history."""
    tree = Tree()
    for number in range(size):
        tree.append(leaf_hash(f"{salt}{number}".encode()))
    tiles = {(tile.level, tile.number): tile.data for tile in tree.take_tiles()}
    return LogView(
        org=org,
        public_id=public_id,
        size=size,
        root=tree.root(),
        read_tile=tree.reader(lambda level, index: tiles.get((level, index))),
    )


class Desk:
    """Opens and closes signers of one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: list[Signer] = []

    def open(self) -> Signer:
        self.close()
        self._open.append(Signer(self.path, ORIGIN))
        return self._open[-1]

    def close(self) -> None:
        for signer in self._open:
            signer.close()
        self._open.clear()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "signer")
    yield made
    made.close()


def test_a_checkpoint_is_signed_under_the_organisations_own_origin(desk: Desk) -> None:
    signer = desk.open()
    (fresh,) = signer.sign([(view(5), None)])
    key = signer.key_of("org_1")
    assert key.name == "watch.example/org_1"
    checkpoint = open_checkpoint(fresh.note, key)
    assert (checkpoint.size, checkpoint.root) == (5, view(5).root)


def test_several_organisations_are_remembered_with_one_write(desk: Desk) -> None:
    signer = desk.open()
    lines = (desk.path / "state").read_bytes().count(b"\n")
    fresh = signer.sign([(view(3), None), (view(0, "", "org_2", 2), None), (view(7, "b", "org_3", 3), None)])
    assert [(item.org, item.size) for item in fresh] == [(1, 3), (3, 7)]
    assert (desk.path / "state").read_bytes().count(b"\n") == lines + 1
    assert desk.open().origins == ["watch.example/org_1", "watch.example/org_3"]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    ("size", "salt", "error"),
    [
        (299, "", RollbackSuspected),
        (0, "", RollbackSuspected),
        (300, "x", ForkSuspected),
        (500, "x", ForkSuspected),
    ],
    ids=["shorter", "empty", "other_of_same_size", "longer_but_other"],
)
def test_what_is_no_continuation_is_never_signed(
    desk: Desk, size: int, salt: str, error: type[Exception], restarted: bool
) -> None:
    signer = desk.open()
    signer.sign([(view(300), None)])
    if restarted:
        signer = desk.open()
    before = (desk.path / "state").read_bytes()
    with pytest.raises(error):
        signer.sign([(view(4, "", "org_2", 2), None), (view(size, salt), None)])
    assert (desk.path / "state").read_bytes() == before  # the innocent one was not signed either
    assert [item.size for item in signer.sign([(view(301), None)])] == [301]


def test_the_newest_stored_checkpoint_binds_as_well_as_the_file(desk: Desk) -> None:
    """The file was put back to an older copy; what is published still shows it (and the other way round)."""
    signer = desk.open()
    signer.sign([(view(100), None)])
    old_state = (desk.path / "state").read_bytes()
    (published,) = signer.sign([(view(300), None)])
    desk.close()
    (desk.path / "state").write_bytes(old_state)
    signer = desk.open()
    with pytest.raises(RollbackSuspected):
        signer.sign([(view(200), published.note)])
    with pytest.raises(NoteRejected):
        signer.sign([(view(301), published.note.replace("\n300\n", "\n301\n"))])
    signer.sign([(view(301), published.note)])


def test_published_checkpoints_that_the_file_does_not_know_stop_the_signer(
    desk: Desk, tmp_path: Path
) -> None:
    signer = desk.open()
    (published,) = signer.sign([(view(30), None)])
    desk.close()
    (desk.path / "state").write_bytes(encode_line(State(epoch=1, logs={})))
    with pytest.raises(SignerError, match="adopt"):
        desk.open().sign([(view(31), published.note)])


def test_adopting_a_pinned_checkpoint_lets_a_new_node_go_on(desk: Desk) -> None:
    signer = desk.open()
    (pinned,) = signer.sign([(view(30), None)])
    desk.close()
    (desk.path / "state").write_bytes(encode_line(State(epoch=4, logs={})))
    signer = desk.open()
    signer.adopt("org_1", pinned.note)
    assert signer.epoch == 5
    with pytest.raises(RollbackSuspected):
        signer.sign([(view(29), None)])
    signer.sign([(view(40), pinned.note)])
    with pytest.raises(SignerError, match="already signed 40"):
        signer.adopt("org_1", pinned.note)


def test_a_declared_rollback_is_signed_again_under_the_next_epoch(desk: Desk) -> None:
    signer = desk.open()
    signer.sign([(view(300), None), (view(9, "", "org_2", 2), None)])
    lost = signer.declare_rollback([(view(200), None), (view(9, "", "org_2", 2), None)])
    assert lost == {"watch.example/org_1": 300}
    assert signer.epoch == 2
    signer = desk.open()
    assert signer.epoch == 2
    assert [item.size for item in signer.sign([(view(201), None)])] == [201]


def test_a_declared_rollback_forgets_organisations_that_are_gone(desk: Desk) -> None:
    signer = desk.open()
    signer.sign([(view(30), None)])
    assert signer.declare_rollback([]) == {"watch.example/org_1": 30}
    assert signer.origins == []


def test_declaring_a_rollback_that_did_not_happen_changes_nothing(desk: Desk) -> None:
    signer = desk.open()
    signer.sign([(view(30), None)])
    assert signer.declare_rollback([(view(31), None)]) == {}
    assert signer.epoch == 1


# -- files ------------------------------------------------------------------------------------------------------------


def test_key_and_state_are_readable_by_their_owner_only(desk: Desk) -> None:
    desk.open()
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o700
    for name in ("key", "state", "lock"):
        assert stat.S_IMODE((desk.path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["key", "state"])
def test_files_that_others_can_read_are_refused(desk: Desk, name: str) -> None:
    desk.open()
    desk.close()
    (desk.path / name).chmod(0o640)
    with pytest.raises(DirectoryUnsafe, match="chmod 600"):
        desk.open()


def test_there_is_one_signer_at_a_time(desk: Desk) -> None:
    desk.open()
    with pytest.raises(DirectoryHeld, match=f"process {os.getpid()}"):
        Signer(desk.path, ORIGIN)


def test_a_lost_state_is_never_taken_for_a_first_start(desk: Desk) -> None:
    desk.open().sign([(view(5), None)])
    desk.close()
    (desk.path / "state").unlink()
    with pytest.raises(SignerError, match="is missing"):
        desk.open()


def test_a_lost_key_is_never_replaced(desk: Desk) -> None:
    desk.open().sign([(view(5), None)])
    desk.close()
    (desk.path / "key").unlink()
    with pytest.raises(SignerError, match="restore the key"):
        desk.open()


def test_a_crash_between_state_and_key_is_a_first_start(desk: Desk) -> None:
    """The state of a signer that never signed is there, the key is not."""
    desk.open()
    desk.close()
    (desk.path / "key").unlink()
    desk.open().sign([(view(5), None)])


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_last_line_cut_off_by_a_crash_is_dropped(desk: Desk, cut: int) -> None:
    signer = desk.open()
    signer.sign([(view(5), None)])
    signer.sign([(view(6), None)])
    desk.close()
    data = (desk.path / "state").read_bytes()
    (desk.path / "state").write_bytes(data[:-cut])
    signer = desk.open()
    last = signer.last("org_1")
    assert last is not None
    assert last.size == 5  # the note over 6 had not been handed out yet
    signer.sign([(view(7), None)])
    assert desk.open().last("org_1") == Signed(view(7).root, 7)


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_flipped_bit_in_the_state_is_found(desk: Desk, line: int) -> None:
    signer = desk.open()
    signer.sign([(view(5), None)])
    signer.sign([(view(6), None)])
    desk.close()
    lines = (desk.path / "state").read_bytes().split(b"\n")
    for position in range(0, len(lines[line]), 5):
        bent = bytearray(lines[line])
        bent[position] ^= 4
        data = b"\n".join([*lines[:line], bytes(bent), *lines[line + 1 :]])
        with pytest.raises(SignerError, match="damaged"):
            decode_state(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"garbage\n", b"00 {}\n", encode_line(State(epoch=1, logs={"x": Signed(b"short", 1)}))],
)
def test_a_state_that_is_none_is_refused(desk: Desk, data: bytes) -> None:
    desk.open()
    desk.close()
    (desk.path / "state").write_bytes(data)
    with pytest.raises(SignerError):
        desk.open()


def test_the_state_file_stays_small(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.ledger.signer_state.SIGNER_STATE_BYTES_MAX", 1_000)
    signer = desk.open()
    for size in range(1, 40):
        signer.sign([(view(size), None)])
        assert (desk.path / "state").stat().st_size <= 1_200
    assert desk.open().last("org_1") == Signed(view(39).root, 39)


def test_nothing_is_handed_out_when_the_state_cannot_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = desk.open()
    signer.sign([(view(5), None)])

    def failing(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("watchfloor.ledger.signer_state.os.fdatasync", failing)
        with pytest.raises(OSError, match="Input/output"):
            signer.sign([(view(6), None)])
    assert signer.last("org_1") == Signed(view(5).root, 5)
    signer.sign([(view(7), None)])  # written anew, whole
    assert (desk.path / "state").read_bytes().count(b"\n") == 1
    assert desk.open().last("org_1") == Signed(view(7).root, 7)


def test_a_restored_copy_begins_with_the_next_epoch() -> None:
    state = encode_line(State(epoch=3, logs={"a/b": Signed(bytes(32), 9)}))
    raised = decode_state(raise_epoch(state))
    assert (raised.epoch, raised.logs) == (4, {"a/b": Signed(bytes(32), 9)})


async def test_commit_file_publish_survives_a_crash_before_publishing(desk: Desk, tmp_path: Path) -> None:
    """The file is ahead of what is published, never of what is committed: the next start just goes on."""
    house = SQLiteHouse(tmp_path / "data")
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 20)
    signer = desk.open()
    signer.sign([(historian.head(1).view(ledger), None)])  # and here the process dies
    signer = desk.open()
    await historian.write(1, 1)
    await historian.sign(signer)
    newest = ledger.latest_checkpoint(1)
    assert newest is not None
    assert newest.size == 21
    house.close()

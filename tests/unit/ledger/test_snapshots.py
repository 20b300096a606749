"""Snapshots are whole or passed over, and writing them does not hold the loop (DESIGN §2; 09-faults A2, A10)."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.ledger.snapshots import (
    Header,
    Snapshot,
    SnapshotDamaged,
    newest_snapshot,
    path_of,
    write_snapshot,
)


def header(seq: int = 9, org: int = 1) -> Header:
    return Header(
        org=org,
        public_id=f"org_{org}",
        seq=seq,
        hash=bytes(32),
        edge=(b"e" * 32,),
        fingerprints={"trust": "v1", "work": "v2"},
        created_at=5,
    )


BLOBS = [("trust", b"one"), ("trust", b"two" * 1000), ("work", b""), ("work", b"\x00" * 50)]


async def written(tmp_path: Path, blobs: list[tuple[str, bytes]] | None = None, **how: int) -> Path:
    return await write_snapshot(
        tmp_path / "snapshots", header(**how), iter(BLOBS if blobs is None else blobs)
    )


async def test_a_snapshot_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = await written(tmp_path)
    snapshot = Snapshot(path)
    assert snapshot.header == header()
    assert list(snapshot.blobs()) == BLOBS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_empty_state_is_a_snapshot_too(tmp_path: Path) -> None:
    assert list(Snapshot(await written(tmp_path, [])).blobs()) == []


async def test_any_bit_flipped_anywhere_is_found(tmp_path: Path) -> None:
    path = await written(tmp_path, [("trust", b"one"), ("work", b"two")])
    whole = path.read_bytes()
    for position in range(len(whole)):
        bent = bytearray(whole)
        bent[position] ^= 1
        path.write_bytes(bytes(bent))
        with pytest.raises(SnapshotDamaged):
            Snapshot(path).check()


async def test_any_cut_and_any_addition_is_found(tmp_path: Path) -> None:
    path = await written(tmp_path, [("trust", b"one"), ("work", b"two")])
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(SnapshotDamaged):
            Snapshot(path).check()
    path.write_bytes(whole + b"x")
    with pytest.raises(SnapshotDamaged):
        Snapshot(path).check()


async def test_frames_cannot_change_places(tmp_path: Path) -> None:
    path = await written(tmp_path, [("trust", b"one"), ("trust", b"two")])
    whole = path.read_bytes()
    one, two = whole.index(b"one") - 21, whole.index(b"two") - 21
    swapped = whole[:one] + whole[two : two + 24] + whole[one : one + 24] + whole[two + 24 :]
    assert len(swapped) == len(whole)
    path.write_bytes(swapped)
    with pytest.raises(SnapshotDamaged):
        Snapshot(path).check()


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_garbage_is_never_a_snapshot(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "1-0000000000001.snapshot"
    path.touch(mode=0o600)
    path.write_bytes(b"WFSNAP1\n" + data)
    with pytest.raises(SnapshotDamaged):
        Snapshot(path).check()


async def test_the_newest_whole_snapshot_of_the_organisation_is_found(tmp_path: Path) -> None:
    directory = tmp_path / "snapshots"
    assert newest_snapshot(directory, 1) is None
    for seq in (10, 20):
        await written(tmp_path, seq=seq)
    await written(tmp_path, seq=99, org=2)
    found = newest_snapshot(directory, 1)
    assert found is not None
    assert found.header.seq == 20
    at_most = newest_snapshot(directory, 1, up_to=19)
    assert at_most is not None
    assert at_most.header.seq == 10
    with path_of(directory, 1, 20).open("r+b") as file:
        file.truncate(100)
    older = newest_snapshot(directory, 1)
    assert older is not None
    assert older.header.seq == 10


async def test_two_snapshots_are_kept_and_nothing_unfinished_is_one(tmp_path: Path) -> None:
    for seq in (10, 20, 30):
        await written(tmp_path, seq=seq)
    directory = tmp_path / "snapshots"
    assert sorted(path.name for path in directory.iterdir()) == [
        "1-0000000000020.snapshot",
        "1-0000000000030.snapshot",
    ]

    def failing() -> Iterator[tuple[str, bytes]]:
        yield "trust", b"one"
        raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        await write_snapshot(directory, header(40), failing())
    found = newest_snapshot(directory, 1)
    assert found is not None
    assert found.header.seq == 30


async def test_a_blob_that_could_not_be_read_back_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchfloor.ledger.snapshots.SNAPSHOT_BLOB_BYTES_MAX", 1_000)
    with pytest.raises(ValueError, match="slices"):
        await written(tmp_path, [("work", bytes(1_001))])
    assert newest_snapshot(tmp_path / "snapshots", 1) is None


async def test_writing_lets_the_loop_go_on_between_blobs(tmp_path: Path) -> None:
    """A large snapshot in small blobs: another task is never kept waiting for more than a few blobs' time."""
    pauses: list[float] = []
    done = asyncio.Event()

    async def other() -> None:
        before = time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(0)
            now = time.perf_counter()
            pauses.append(now - before)
            before = now

    task = asyncio.create_task(other())
    blob = os.urandom(32 * 1024)
    await write_snapshot(tmp_path / "snapshots", header(), (("work", blob) for _ in range(2_000)))
    done.set()
    await task
    pauses.sort()
    assert len(pauses) >= 2_000
    assert pauses[len(pauses) * 95 // 100] < 0.015

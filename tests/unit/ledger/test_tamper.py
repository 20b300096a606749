"""The attack matrix of 09-faults §3.2: which detector finds which attack, by real SQL on the real store.

600 events, a checkpoint every 60, an auditor who kept the one of size 300, a witness who kept the newest. The attacker
owns the database and recomputes everything in it; in the last four attacks the signing key was stolen as well. What a
detector cannot see is asserted too: it is the reason for the next one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import ORIGIN, Historian, SQLiteHouse, organisation
from tests.unit.ledger.forger import Forger
from tests.unit.verify.story_kit import run

from watchfloor.ledger.export import export_ledger
from watchfloor.ledger.recovery import start_up
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.verify import verify_here

EVENTS, EVERY, PINNED = 600, 60, 300


class Scene:
    """A signed store, closed, with what outsiders kept of it."""

    def __init__(self, path: Path) -> None:
        self.house = SQLiteHouse(path)
        self.path = path
        self.export_number = 0
        self.pins: dict[int, Path] = {}

    async def make(self) -> None:
        ledger = self.house.open()
        signer = Signer(self.path / "signer", ORIGIN)
        historian = Historian(ledger)
        await ledger.claim_signer_epoch(signer.epoch)
        for size in range(EVERY, EVENTS + 1, EVERY):
            await historian.write(1, EVERY)
            await historian.sign(signer)
            if size in (PINNED, EVENTS):
                newest = ledger.latest_checkpoint(1)
                assert newest is not None
                self.pins[size] = self.path.parent / f"pin-{size}"
                self.pins[size].write_text(newest.note)
        signer.close()
        ledger.close_now()

    def chain(self) -> bool:
        """Rows, chain and tiles of the living store, by themselves."""
        return self._verify(None)

    def checkpoints(self) -> bool:
        """The same against the checkpoints that are stored beside them."""
        return self._verify("key")

    def _verify(self, key: str | None) -> bool:
        ledger = self.house.open()
        signer = Signer(self.path / "signer", ORIGIN)
        reports = verify_here(ledger, signer.key_of if key else None)
        signer.close()
        ledger.close_now()
        return any(report.problem for report in reports)

    def signer(self) -> bool:
        """The start-up check against the signer's own file."""
        ledger = self.house.open()
        signer = Signer(self.path / "signer", ORIGIN)
        found = start_up(ledger, signer, self.path / "verified.json")
        signer.close()
        ledger.close_now()
        (self.path / "verified.json").unlink(missing_ok=True)
        return bool(found.read_only)

    def auditor(self) -> bool:
        """The stand-alone verifier on an export, with the checkpoint of size 300."""
        return self.outside(PINNED) != 0

    def witness(self) -> bool:
        """The same with what a witness kept: the newest checkpoint it cosigned."""
        return self.outside(EVENTS) != 0

    def outside(self, pin: int) -> int:
        ledger = self.house.open()
        signer = Signer(self.path / "signer", ORIGIN)
        self.export_number += 1
        directory = self.path.parent / f"export-{self.export_number}"
        key = signer.key_of("org_1")
        export_ledger(ledger, organisation(ledger, 1), key, directory, at=1, every_checkpoint=True)
        signer.close()
        ledger.close_now()
        return run(directory, "--key", key.text, "--pin", self.pins[pin], "--no-rules").exit

    def forge(self) -> Forger:
        return Forger(self.house.path)

    @property
    def key_file(self) -> Path:
        return self.path / "signer" / "key"


@pytest.fixture
async def scene(tmp_path: Path) -> Iterator[Scene]:  # type: ignore[misc]
    made = Scene(tmp_path / "data")
    await made.make()
    yield made
    made.house.close()


def edit_and_rehash(scene: Scene) -> None:
    forger = scene.forge()
    forger.edit(180)
    forger.store()
    forger.close()


def drop_the_tail(scene: Scene) -> None:
    forger = scene.forge()
    del forger.rows[540:]
    forger.store()
    forger.close()


def drop_the_tail_and_its_checkpoints(scene: Scene) -> None:
    forger = scene.forge()
    del forger.rows[540:]
    forger.store()
    forger.drop_checkpoints(540)
    forger.close()


def restore_an_older_copy(scene: Scene) -> None:
    forger = scene.forge()
    del forger.rows[360:]
    forger.store()
    forger.drop_checkpoints(360)
    forger.close()


def rewrite_all_and_sign_again(scene: Scene) -> None:
    forger = scene.forge()
    forger.edit(1)
    forger.store()
    forger.sign_again(scene.key_file)
    forger.close()


def rewrite_behind_the_pin_and_sign_again(scene: Scene) -> None:
    forger = scene.forge()
    forger.edit(301)
    forger.store()
    forger.sign_again(scene.key_file)
    forger.close()


def insert_backdated_in_the_last_window_and_sign_again(scene: Scene) -> None:
    forger = scene.forge()
    forger.rows.insert(570, b"forged")
    forger.renumber()
    forger.store()
    forger.sign_again(scene.key_file)
    forger.close()


def rewrite_all_and_sign_again_and_forge_the_signers_file(scene: Scene) -> None:
    rewrite_all_and_sign_again(scene)
    for name in ("state", "lock"):
        (scene.path / "signer" / name).unlink()
    from watchfloor.ledger.signer_state import StateFile

    StateFile.create(scene.path / "signer" / "state")
    ledger = scene.house.open()
    signer = Signer(scene.path / "signer", ORIGIN)
    newest = ledger.latest_checkpoint(1)
    assert newest is not None
    signer.adopt("org_1", newest.note)
    signer.close()
    ledger.close_now()


DETECTORS = ("chain", "checkpoints", "signer", "auditor", "witness")
MATRIX: list[tuple[Callable[[Scene], None], str]] = [
    # attack, and for each detector in turn whether it sees it
    (edit_and_rehash, "-++++"),
    (drop_the_tail, "-++++"),
    (drop_the_tail_and_its_checkpoints, "--+-+"),
    (restore_an_older_copy, "--+-+"),
    (rewrite_all_and_sign_again, "--+++"),
    (rewrite_behind_the_pin_and_sign_again, "--+-+"),
    (insert_backdated_in_the_last_window_and_sign_again, "--+-+"),
    (rewrite_all_and_sign_again_and_forge_the_signers_file, "---++"),
]
CASES = [
    pytest.param(attack, detector, row[column] == "+", id=f"{attack.__name__}-{detector}")
    for attack, row in MATRIX
    for column, detector in enumerate(DETECTORS)
]


@pytest.mark.parametrize(("attack", "detector", "seen"), CASES)
async def test_who_sees_which_attack(
    scene: Scene, attack: Callable[[Scene], None], detector: str, seen: bool
) -> None:
    attack(scene)
    assert getattr(scene, detector)() is seen


@pytest.mark.parametrize("detector", DETECTORS)
async def test_nobody_cries_wolf(scene: Scene, detector: str) -> None:
    assert getattr(scene, detector)() is False


async def test_the_exit_codes_tell_short_from_fork(scene: Scene) -> None:
    copy = scene.house.path.with_name("untouched.db")
    shutil.copy(scene.house.path, copy)
    for attack, pin, expected in (
        (edit_and_rehash, PINNED, 2),
        (drop_the_tail, PINNED, 3),
        (restore_an_older_copy, EVENTS, 3),
        (rewrite_all_and_sign_again, PINNED, 4),
        (rewrite_behind_the_pin_and_sign_again, EVENTS, 4),
    ):
        attack(scene)
        assert scene.outside(pin) == expected, attack.__name__
        shutil.copy(copy, scene.house.path)


# -- cruder attacks are seen by the store itself, and the first wrong event is named -----------------------------------


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        (
            "UPDATE events SET data = replace(data, '\"seq\":300', '\"seq\":301') WHERE id & 0xFFFFFFFFFF = 300",
            300,
        ),
        ("UPDATE events SET hash = zeroblob(32) WHERE id & 0xFFFFFFFFFF = 300", 300),
        ("DELETE FROM events WHERE id & 0xFFFFFFFFFF = 300", 300),
        ("DELETE FROM events WHERE id & 0xFFFFFFFFFF = 1", 1),
        ("UPDATE events SET id = id + 1 WHERE id & 0xFFFFFFFFFF = 600", 600),
        ("UPDATE events SET stream = 1 << 40 | 1 WHERE id & 0xFFFFFFFFFF = 300", 300),
        ("UPDATE tiles SET data = zeroblob(8192) WHERE id & 0xFFFFFFFFF = 1", 257),
        ("DELETE FROM tiles WHERE id & 0xFFFFFFFFF = 0", 1),
        (
            "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 60) WHERE size = 120",
            601,
        ),
        ("UPDATE checkpoints SET note = replace(note, 'org_1', 'org_2') WHERE size = 120", 120),
        ("UPDATE checkpoints SET size = 700 WHERE size = 600", 601),
        ("INSERT INTO privates VALUES (1 << 40 | 7, x'00', x'00')", 7),
        ("INSERT INTO redactions VALUES (1 << 40 | 7)", 0),
    ],
)
async def test_a_crude_change_is_seen_and_named(scene: Scene, statement: str, first_bad: int) -> None:
    forger = scene.forge()
    forger.run(statement)
    forger.close()
    ledger = scene.house.open()
    signer = Signer(scene.path / "signer", ORIGIN)
    (report,) = verify_here(ledger, signer.key_of)
    signer.close()
    assert report.first_bad == first_bad
    assert bool(report.problem) is bool(first_bad)


async def test_a_chain_recomputed_without_the_tree_is_seen(scene: Scene) -> None:
    forger = scene.forge()
    forger.edit(180)
    forger.store(tiles=False)
    forger.close()
    assert scene.chain()


async def test_an_organisation_that_vanished_is_missed_by_the_signer(scene: Scene) -> None:
    forger = scene.forge()
    forger.run("DELETE FROM organisations")
    forger.close()
    assert not scene.chain()  # there is nothing to look at
    assert scene.signer()

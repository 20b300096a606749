"""Exits 1 to 5: exports that are wrong, short, forked, unwitnessed or not exports at all (spec 04; 09-faults M5 to M7, M12)."""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import event_bytes
from tests.unit.verify.story_kit import ORG, ORIGIN, Log, Witness, run

import watchfloor_verify as verifier
from watchfloor.ledger.merkle import EMPTY_ROOT

NOW_S = 1_795_000_500


def events(count: int, salt: str = "") -> list[bytes]:
    return [event_bytes(ORG, seq, facts={"text": salt}) for seq in range(1, count + 1)]


@pytest.fixture
def log() -> Log:
    return Log()


def code(export: Path, log: Log, *more: str | Path) -> int:
    return run(export, "--key", log.key.text, *more).exit


def pin(tmp_path: Path, note: str) -> Path:
    path = tmp_path / f"pin-{len(list(tmp_path.iterdir()))}"
    path.write_text(note)
    return path


# -- good -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 700])
def test_a_good_export_of_any_size_is_good(tmp_path: Path, log: Log, count: int) -> None:
    export = log.export(tmp_path / "x", events(count), sizes=tuple({count // 3, count // 2, count} - {0}))
    report = run(export, "--key", log.key.text)
    assert (report.exit, report.size, report.signed_size) == (0, count, count)


def test_every_size_can_be_a_checkpoint(tmp_path: Path, log: Log) -> None:
    export = log.export(tmp_path / "x", events(300), sizes=tuple(range(1, 301)))
    assert run(export, "--key", log.key.text).checkpoints == 300


def test_an_empty_tree_may_be_signed(tmp_path: Path, log: Log) -> None:
    export = log.export(tmp_path / "x", events(3), notes={"0.note": log.note_of(0, EMPTY_ROOT)})
    assert code(export, log) == 0


def test_events_behind_the_newest_checkpoint_are_allowed_and_reported(tmp_path: Path, log: Log) -> None:
    report = run(log.export(tmp_path / "x", events(20), sizes=(15,)), "--key", log.key.text)
    assert (report.exit, report.size, report.signed_size) == (0, 20, 15)


def test_a_pinned_checkpoint_that_is_continued_is_good(tmp_path: Path, log: Log) -> None:
    history = events(40)
    export = log.export(tmp_path / "x", history)
    assert code(export, log, "--pin", pin(tmp_path, log.note(history, 17))) == 0


def test_the_key_may_be_in_a_file(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "log.vkey"
    path.write_text(log.key.text + "\n")
    assert run(log.export(tmp_path / "x", events(3)), "--key", path).exit == 0


# -- 2: rows, chain, signatures ---------------------------------------------------------------------------------------


def test_an_edited_row_is_named(tmp_path: Path, log: Log) -> None:
    export = log.export(tmp_path / "x", events(100))
    lines = (export / "events.jsonl").read_bytes().split(b"\n")
    lines[41] = lines[41].replace(b'"text":""', b'"text":"!"')
    (export / "events.jsonl").write_bytes(b"\n".join(lines))
    report = run(export, "--key", log.key.text)
    assert report.exit == 2
    assert report.findings[0].seq == 42


@pytest.mark.parametrize("index", [0, 7, 98])
@pytest.mark.parametrize(
    "change",
    [
        lambda rows, i: rows[:i] + rows[i + 1 :],
        lambda rows, i: [*rows[:i], rows[i], *rows[i:]],
        lambda rows, i: [*rows[:i], rows[i + 1], rows[i], *rows[i + 2 :]],
    ],
    ids=["deleted", "repeated", "swapped"],
)
def test_a_row_deleted_repeated_or_swapped_is_found_where_it_is(
    tmp_path: Path, log: Log, index: int, change: Callable[[list[bytes], int], list[bytes]]
) -> None:
    history = events(100)
    export = log.export(tmp_path / "x", history)
    rows = change(history, index)
    (export / "events.jsonl").write_bytes(b"".join(row + b"\n" for row in rows))
    report = run(export, "--key", log.key.text)
    assert report.exit == 2
    expected = {True: index + 2, False: index + 1}[rows[index] == history[index]]
    assert report.findings[0].seq == expected


def test_a_rewrite_with_new_hashes_contradicts_the_signed_checkpoint(tmp_path: Path, log: Log) -> None:
    history = events(100)
    note = {"50.note": log.note(history, 50), "100.note": log.note(history, 100)}
    forged = [*history[:69], event_bytes(ORG, 70, facts={"text": "forged"}), *history[70:]]
    report = run(log.export(tmp_path / "x", forged, sizes=(), notes=note), "--key", log.key.text)
    assert report.exit == 2
    assert report.findings[0].seq == 51  # the first event that no good checkpoint covers


def test_without_any_checkpoint_nothing_is_good(tmp_path: Path, log: Log) -> None:
    assert code(log.export(tmp_path / "x", events(5), sizes=()), log) == 2


@pytest.mark.parametrize(
    "seed_and_origin", [(2, ORIGIN), (1, "watch.example/org_other"), (2, "evil.example/log")]
)
def test_identity_and_key_come_from_the_auditor_not_from_the_export(
    tmp_path: Path, log: Log, seed_and_origin: tuple[int, str]
) -> None:
    """A server that answers with another log, its own key included, is not believed (09-faults M7)."""
    other = Log(*seed_and_origin)
    export = other.export(tmp_path / "x", events(5))
    (export / "key.vkey").write_text(other.key.text)
    assert code(export, log) == 2
    assert code(export, other) in (0, 6)  # it is good, or of another organisation, only by its own key


def test_a_note_with_a_wrong_signature_is_wrong(tmp_path: Path, log: Log) -> None:
    history = events(5)
    note = log.note(history, 5)
    head, _, tail = note.rpartition("\u2014 ")
    broken = head + "\u2014 " + tail[:40] + ("A" if tail[40] != "A" else "B") + tail[41:]
    assert code(log.export(tmp_path / "x", history, notes={"9.note": broken}), log) == 2


def test_lines_of_unknown_keys_in_a_note_are_ignored(tmp_path: Path, log: Log) -> None:
    history = events(5)
    note = Witness("stranger.example/w", 5).cosigned(log.note(history, 5), NOW_S)
    assert code(log.export(tmp_path / "x", history, sizes=(), notes={"5.note": note}), log) == 0


def test_a_private_part_that_is_not_the_committed_one_is_wrong(tmp_path: Path, log: Log) -> None:
    salt, body = bytes(32), b'{"text":"true"}'
    history = [
        event_bytes(ORG, 1),
        event_bytes(ORG, 2, private=sha256(salt + body).hexdigest()),
        event_bytes(ORG, 3),
    ]
    for name, privates, expected in (
        ("true", [(2, salt, body)], 0),
        ("erased", [], 0),
        ("altered", [(2, salt, b'{"text":"lie"}')], 2),
        ("misplaced", [(1, salt, body)], 2),
        ("beyond", [(9, salt, body)], 2),
        ("twice", [(2, salt, body), (2, salt, body)], 2),
    ):
        export = log.export(tmp_path / name, history, privates=privates)
        assert code(export, log) == expected, name
        assert code(export, log, "--no-rules") == expected, name


@pytest.mark.parametrize(
    "row",
    [
        b'{"seq":2, "org":"x"}',
        b'{"at":1,"at":2}',
        b"[1,2]",
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"at":1.5}',
        b'{"at":NaN}',
        b"",
    ],
    ids=["spaces", "key_twice", "list", "not_utf8", "open", "deep", "float", "nan", "empty"],
)
def test_a_row_that_is_not_one_canonical_object_is_wrong_although_signed(
    tmp_path: Path, log: Log, row: bytes
) -> None:
    export = log.export(tmp_path / "x", [event_bytes(ORG, 1), row, event_bytes(ORG, 3)])
    report = run(export, "--key", log.key.text)
    assert report.exit == 2
    assert report.findings[0].seq == 2


# -- 3: short or old --------------------------------------------------------------------------------------------------


def test_a_tail_cut_off_below_a_checkpoint_is_short(tmp_path: Path, log: Log) -> None:
    history = events(100)
    export = log.export(tmp_path / "x", history[:90], sizes=(50,), notes={"100.note": log.note(history, 100)})
    assert code(export, log) == 3


def test_a_tail_cut_off_with_its_checkpoints_is_short_against_the_pin(tmp_path: Path, log: Log) -> None:
    history = events(100)
    export = log.export(tmp_path / "x", history[:60])
    assert code(export, log) == 0  # by itself it is a perfect shorter history
    assert code(export, log, "--pin", pin(tmp_path, log.note(history, 100))) == 3


def test_events_without_the_checkpoints_that_covered_them_are_old(tmp_path: Path, log: Log) -> None:
    history = events(100)
    export = log.export(tmp_path / "x", history, sizes=(60,))
    assert code(export, log, "--pin", pin(tmp_path, log.note(history, 90))) == 3


# -- 4: forks ---------------------------------------------------------------------------------------------------------


def test_a_rewritten_and_newly_signed_history_is_a_fork_of_the_pin(tmp_path: Path, log: Log) -> None:
    """The log's key was stolen: everything inside the export is perfect (09-faults M3)."""
    export = log.export(tmp_path / "x", events(100, "rewritten"))
    assert code(export, log) == 0
    assert code(export, log, "--pin", pin(tmp_path, log.note(events(100), 50))) == 4


def test_two_signed_histories_of_one_size_are_a_fork(tmp_path: Path, log: Log) -> None:
    other = log.note(events(50, "other"), 50)
    export = log.export(tmp_path / "x", events(100), sizes=(50, 100), notes={"50b.note": other})
    report = run(export, "--key", log.key.text)
    assert 4 in {finding.code for finding in report.findings}


# -- 5: witnesses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_s", "max_age", "expected"),
    [(60, 600, 0), (601, 600, 5), (10_000, 0, 0), (-600, 600, 5)],
    ids=["fresh", "stale", "any_age", "from_the_future"],
)
def test_a_cosignature_is_wanted_and_must_be_fresh(
    tmp_path: Path, log: Log, age_s: int, max_age: int, expected: int
) -> None:
    history, witness = events(10), Witness()
    note = witness.cosigned(log.note(history, 10), NOW_S - age_s)
    export = log.export(tmp_path / "x", history, sizes=(), notes={"10.note": note})
    wanted = ("--cosigner", witness.key.text, "--max-age", str(max_age), "--at", str(NOW_S))
    assert code(export, log, *wanted) == expected


def test_a_missing_cosignature_is_exit_5(tmp_path: Path, log: Log) -> None:
    history = events(10)
    note = Witness("witness.example/other", 5).cosigned(log.note(history, 10), NOW_S)
    export = log.export(tmp_path / "x", history, sizes=(), notes={"10.note": note})
    assert code(export, log, "--cosigner", Witness().key.text, "--at", str(NOW_S)) == 5


def test_a_forged_cosignature_is_wrong(tmp_path: Path, log: Log) -> None:
    history, witness = events(10), Witness()
    forger = Witness(seed=6)
    note = log.note(history, 10)
    forged = note + forger.cosigned(note, NOW_S).splitlines()[-1] + "\n"
    head, _, line = forged.rstrip("\n").rpartition("\n")
    value = base64.b64decode(line.split(" ")[2])
    relabelled = f"\u2014 {witness.key.name} {base64.b64encode(witness.key.key_id + value[4:]).decode()}\n"
    export = log.export(tmp_path / "x", history, sizes=(), notes={"10.note": head + "\n" + relabelled})
    assert code(export, log, "--cosigner", witness.key.text, "--at", str(NOW_S)) == 2


# -- 1: not an export, or not a question ------------------------------------------------------------------------------


def cli(*arguments: str | Path, memory_mib: int = 0) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if memory_mib:
            resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))

    return subprocess.run(
        [sys.executable, "-I", verifier.__file__, *map(str, arguments)],
        capture_output=True, text=True, timeout=100, check=False, preexec_fn=limit,
    )  # fmt: skip


def test_the_command_prints_a_report_and_uses_its_exit_code(tmp_path: Path, log: Log) -> None:
    export = log.export(tmp_path / "x", events(10))
    good = cli(export, "--key", log.key.text, "--json")
    assert good.returncode == 0
    assert json.loads(good.stdout)["size"] == 10
    text = cli(export, "--key", log.key.text)
    assert text.stdout.splitlines()[-1].startswith("good: head ")
    (export / "hashes.bin").write_bytes(bytes(320))
    bad = cli(export, "--key", log.key.text)
    assert bad.returncode == 2
    assert "event 1: " in bad.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--key", "x"],
        ["{export}"],
        ["{export}", "--key", "not-a-key"],
        ["{export}", "--key", "a+b+c"],
        ["--colour"],
    ],
)
def test_a_wrong_call_is_exit_1_never_2(tmp_path: Path, log: Log, arguments: list[str]) -> None:
    export = log.export(tmp_path / "x", events(1))
    done = cli(*(argument.format(export=export) for argument in arguments))
    assert done.returncode == 1
    assert done.stderr.startswith("watchfloor-verify: ")


def test_a_vkey_whose_id_does_not_fit_is_refused(tmp_path: Path, log: Log) -> None:
    name, _, encoded = log.key.text.split("+", 2)
    export = log.export(tmp_path / "x", events(1))
    assert cli(export, "--key", f"{name}+00000000+{encoded}").returncode == 1


def test_a_pin_signed_by_somebody_else_is_refused(tmp_path: Path, log: Log) -> None:
    history = events(5)
    export = log.export(tmp_path / "x", history)
    foreign = Log(seed=3)
    assert (
        cli(export, "--key", log.key.text, "--pin", pin(tmp_path, foreign.note(history, 5))).returncode == 1
    )


def damage(export: Path, name: str, data: bytes) -> None:
    (export / name).write_bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("manifest.json", b"", 1),
        ("manifest.json", b"garbage", 1),
        ("manifest.json", b"[" * 100_000, 1),
        ("manifest.json", b'{"format":"watchfloor-export/9","origin":"x","size":1}', 1),
        ("events.jsonl", b"", 2),
        ("events.jsonl", b"\x00" * 5_000_000, 2),
        ("events.jsonl", b"\n" * 1_000, 2),
        ("events.jsonl", os.urandom(100_000), 2),
        ("hashes.bin", b"", 2),
        ("hashes.bin", b"x" * 7, 2),
        ("checkpoints/bad.note", b"", 2),
        ("checkpoints/bad.note", os.urandom(200), 2),
        ("checkpoints/bad.note", b"a\n\n" * 100_000, 2),
        ("checkpoints/bad.note", "o\n1\nx\n\n\u2014 o AAAA\n".encode(), 2),
        ("privates.jsonl", b"garbage\n", 2),
        ("privates.jsonl", b'{"seq":1,"salt":"*","body":""}\n', 2),
    ],
)
def test_garbage_is_judged_never_a_traceback(
    tmp_path: Path, log: Log, name: str, data: bytes, expected: int
) -> None:
    export = log.export(tmp_path / "x", events(10))
    damage(export, name, data)
    done = cli(export, "--key", log.key.text)
    assert done.returncode == expected, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


def test_a_cut_at_any_byte_is_found(tmp_path: Path, log: Log) -> None:
    export = log.export(tmp_path / "x", events(3))
    whole = (export / "events.jsonl").read_bytes()
    for end in range(0, len(whole), 7):
        damage(export, "events.jsonl", whole[:end])
        assert code(export, log) == 2, end


def test_a_file_that_is_not_a_directory_is_not_an_export(tmp_path: Path, log: Log) -> None:
    zipped = tmp_path / "export.zip"
    zipped.write_bytes(b"PK\x03\x04" + os.urandom(1000))
    assert cli(zipped, "--key", log.key.text).returncode == 1
    assert cli(tmp_path / "nowhere", "--key", log.key.text).returncode == 1


def test_a_line_of_gigabytes_is_refused_in_bounded_memory(tmp_path: Path, log: Log) -> None:
    export = log.export(tmp_path / "x", events(10))
    with (export / "events.jsonl").open("r+b") as file:
        file.truncate(5 << 30)  # sparse: 5 GiB of zeros without a newline
    done = cli(export, "--key", log.key.text, "--processes", "1", memory_mib=200)
    assert done.returncode == 2
    assert "event 11: a row is longer than any event" in done.stdout


# -- many processes give the same verdict -----------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [2, 3, 5])
@pytest.mark.parametrize("rules", ["--rules", "--no-rules"])
def test_several_processes_say_what_one_says(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch, processes: int, rules: str
) -> None:
    monkeypatch.setattr(verifier, "PARALLEL_FROM_BYTES", 0)
    history = events(5_000)
    sizes = (1, 255, 256, 1_024, 1_700, 2_560, 3_333, 4_999, 5_000)
    export = log.export(tmp_path / "x", history, sizes=sizes)
    alone = run(export, "--key", log.key.text, rules, "--processes", "1")
    together = run(export, "--key", log.key.text, rules, "--processes", str(processes))
    assert alone.exit == 0
    assert together._replace(seconds=0) == alone._replace(seconds=0)
    damage(
        export, "hashes.bin", b"".join([(export / "hashes.bin").read_bytes()[: 32 * 4_000], bytes(32_000)])
    )
    broken = run(export, "--key", log.key.text, rules, "--processes", str(processes))
    assert (broken.exit, broken.findings[0].seq) == (2, 4_001)


def test_events_that_lie_about_their_seq_do_not_confuse_several_processes(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "PARALLEL_FROM_BYTES", 0)
    history = [event_bytes(ORG, seq + 256 if seq > 900 else seq) for seq in range(1, 3_001)]
    export = log.export(tmp_path / "x", history, sizes=(1_000, 3_000))
    report = run(export, "--key", log.key.text, "--no-rules", "--processes", "2")
    assert (report.exit, report.size) == (
        0,
        3_000,
    )  # chain and tree are those of the bytes, whatever they say
    assert run(export, "--key", log.key.text, "--processes", "2").exit == 6

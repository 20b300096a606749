"""Signed notes, checkpoints and receipts: published vectors, strict parsing, foreign keys (C2SP; spec 04)."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

import watchfloor_verify as verifier
from watchfloor.ledger.checkpoints import (
    Checkpoint,
    check_receipt,
    make_receipt,
    open_checkpoint,
    origin_of,
    parse_checkpoint,
    parse_receipt,
    read_checkpoint,
)
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.ledger.notes import (
    COSIGNATURE,
    ED25519,
    NoteRejected,
    VerifierKey,
    check_name,
    cosign,
    cosigned_at,
    open_note,
    parse_note,
    sign_note,
)
from watchfloor.ledger.proofs import ProofRejected

# From the documentation of golang.org/x/mod/sumdb/note, where the format began.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("watch.example/org_1", ED25519, PRIVATE.public_key().public_bytes_raw())
WITNESS_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS = VerifierKey("witness.example", COSIGNATURE, WITNESS_PRIVATE.public_key().public_bytes_raw())


def checkpoint(size: int = 5, root: bytes = bytes(32)) -> str:
    return sign_note(Checkpoint(KEY.name, size, root).text, KEY, PRIVATE)


def test_the_note_of_gos_documentation_verifies() -> None:
    key = VerifierKey.parse(GO_VKEY)
    assert key.text == GO_VKEY
    assert open_note(GO_NOTE, key).startswith("If you think")


def test_the_stand_alone_verifier_reads_the_same_key_and_signature() -> None:
    key = verifier.parse_key(GO_VKEY, 1)
    signature = base64.b64decode(GO_NOTE.split(" ")[-1])[4:]
    assert verifier.Ed25519(key.public).verifies(signature, GO_NOTE.partition("\n\n")[0].encode() + b"\n")
    with pytest.raises(ValueError, match="not a checkpoint"):
        verifier.Notary(key, [], many=False).open(GO_NOTE.encode() + b"", "note")


def test_a_checkpoint_survives_signing_and_opening() -> None:
    root = bytes(range(32))
    assert open_checkpoint(checkpoint(7, root), KEY) == Checkpoint(KEY.name, 7, root)
    assert read_checkpoint(checkpoint(7, root)).size == 7
    assert origin_of("watch.example", "org_1") == KEY.name


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
@settings(max_examples=25)
def test_signatures_agree_with_cryptography(message: bytes, seed: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    signature = private.sign(message)
    ours = verifier.Ed25519(public)
    assert ours.verifies(signature, message)
    assert not ours.verifies(signature, message + b"x")
    assert not ours.verifies(signature[:-1], message)
    for position in (0, 31, 32, 63):
        bent = bytearray(signature)
        bent[position] ^= 1
        assert not ours.verifies(bytes(bent), message)


def test_the_wide_tables_give_the_same_verdicts() -> None:
    wide = verifier.Ed25519(KEY.public, many=True)
    signature = PRIVATE.sign(b"text")
    assert wide.verifies(signature, b"text")
    assert not wide.verifies(signature, b"test")


def test_a_signature_made_larger_by_the_group_order_is_refused() -> None:
    """S + L verifies in lax implementations: two signatures of one text (RFC 8032 §5.1.7)."""
    signature = PRIVATE.sign(b"text")
    order = 2**252 + 27742317777372353535851937790883648493
    larger = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not verifier.Ed25519(KEY.public).verifies(signature[:32] + larger, b"text")


@pytest.mark.parametrize(
    "public", [b"\xff" * 32, (2**255 - 19).to_bytes(32, "little"), b"\x02" + bytes(31), bytes(31)]
)
def test_what_is_no_point_is_no_key(public: bytes) -> None:
    with pytest.raises(ValueError, match="not a point"):
        verifier.Ed25519(public)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n5\n", "\n6\n"),
        lambda note: note.replace(KEY.name + "\n", "watch.example/org_2\n"),
        lambda note: note.replace("\n\n", "\nextension\n\n"),
        lambda note: note.rstrip("\n"),
        lambda note: note + "\n",
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\u2014 ", "- "),
        lambda note: note.replace("\u2014 ", "\u2014  "),
        lambda note: note.replace("\n5\n", "\n05\n"),
        lambda note: note.replace("\n5\n", "\n\u0665\n"),
        lambda note: note + "\u2014 watch.example/org_1 AAAA\n",
        lambda note: note + "\u2014 a+b AAAAAAAA\n",
        lambda note: note + note.splitlines()[-1].replace("AAAA", "AAAB") + "\x00\n",
        lambda note: note + "\u2014 other AAAAAAA\n" * 65,
        lambda note: "",
        lambda note: "x" * 70_000,
    ],
)
def test_a_note_that_is_not_exactly_right_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(NoteRejected):
        open_checkpoint(change(checkpoint()), KEY)


def test_another_key_under_the_same_name_is_an_unknown_key() -> None:
    stranger = VerifierKey(KEY.name, ED25519, WITNESS.public)
    with pytest.raises(NoteRejected, match="not signed by"):
        open_checkpoint(checkpoint(), stranger)


def test_a_key_with_the_same_name_and_id_must_verify() -> None:
    note = checkpoint()
    forged = note[:-6] + ("AAA=\n" if not note.endswith("AAA=\n") else "BBB=\n")
    with pytest.raises(NoteRejected):
        open_checkpoint(forged, KEY)


def test_a_checkpoint_of_another_origin_under_this_key_is_refused() -> None:
    foreign = sign_note(Checkpoint("elsewhere.example/log", 5, bytes(32)).text, KEY, PRIVATE)
    with pytest.raises(NoteRejected, match="not of watch"):
        open_checkpoint(foreign, KEY)


@pytest.mark.parametrize(
    "text", ["", "a", "a\n1\n", "a\n1\nAAAA\n", "a\n-1\n" + "A" * 43 + "=\n", "a\n1\n" + "A" * 43 + "=\nb\n"]
)
def test_a_text_that_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRejected):
        parse_checkpoint(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\nb"])
def test_names_that_could_be_read_two_ways_are_refused(name: str) -> None:
    with pytest.raises(NoteRejected):
        check_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        "a+b+c",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        "x" + GO_VKEY,
        GO_VKEY + "AA",
        GO_VKEY.replace("ARpc", "AhpC"),
    ],
)
def test_a_vkey_that_does_not_fit_together_is_refused(text: str) -> None:
    with pytest.raises(NoteRejected):
        VerifierKey.parse(text)


def test_cosignatures_carry_their_time_and_are_checked() -> None:
    note = checkpoint()
    text = parse_note(note).text
    both = note + cosign(text, WITNESS, WITNESS_PRIVATE, 1_795_000_000)
    assert cosigned_at(both, [WITNESS]) == {WITNESS.name: 1_795_000_000}
    assert cosigned_at(note, [WITNESS]) == {}
    assert open_checkpoint(both, KEY).size == 5
    head, _, value = both.rstrip("\n").rpartition(" ")
    another_time = base64.b64decode(value)[:11] + b"\x07" + base64.b64decode(value)[12:]
    with pytest.raises(NoteRejected, match="is wrong"):
        cosigned_at(f"{head} {base64.b64encode(another_time).decode()}\n", [WITNESS])


# -- receipts ---------------------------------------------------------------------------------------------------------


class Grown:
    def __init__(self, size: int) -> None:
        self.rows = [b"event %d" % seq for seq in range(1, size + 1)]
        self.tree = Tree()
        for row in self.rows:
            self.tree.append(leaf_hash(row))
        self.note = checkpoint(size, self.tree.root())
        self.read = self.tree.reader(lambda _level, _index: None)


@given(st.integers(1, 250), st.data())
def test_a_receipt_proves_its_event_and_no_other(size: int, data: st.DataObject) -> None:
    grown = Grown(size)
    seq = data.draw(st.integers(1, size))
    text = make_receipt(seq, grown.note, grown.read).text
    assert check_receipt(text, grown.rows[seq - 1], KEY).size == size
    assert parse_receipt(text).text == text
    with pytest.raises(ProofRejected):
        check_receipt(text, b"another event", KEY)
    if size > 1:
        moved = text.replace(f"index {seq - 1}\n", f"index {seq % size}\n")
        with pytest.raises(ProofRejected):
            check_receipt(moved, grown.rows[seq - 1], KEY)


def test_a_receipt_has_the_form_of_c2sp() -> None:
    grown = Grown(3)
    lines = make_receipt(3, grown.note, grown.read).text.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 2"]
    assert len(base64.b64decode(lines[2])) == 32
    assert lines[3:6] == ["", KEY.name, "3"]


def test_extra_data_in_a_receipt_is_allowed_and_not_believed() -> None:
    grown = Grown(3)
    text = make_receipt(2, grown.note, grown.read).text.replace("@v1\n", "@v1\nextra aGVsbG8=\n")
    assert check_receipt(text, grown.rows[1], KEY).size == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("index 1", "index 01"),
        lambda text: text.replace("index 1", "index -1"),
        lambda text: text.replace("index 1\n", ""),
        lambda text: text.replace("@v1\n", "@v1\nextra ***\n"),
        lambda text: text.replace("index 1\n", "index 1\n" + ("A" * 43 + "=\n") * 65),
        lambda text: text.replace("index 1\n", "index 1\nAAAA\n"),
        lambda text: text.partition("\n\n")[0],
        lambda text: "",
    ],
)
def test_a_malformed_receipt_is_refused(change: object) -> None:
    assert callable(change)
    grown = Grown(3)
    with pytest.raises(NoteRejected):
        check_receipt(change(make_receipt(2, grown.note, grown.read).text), grown.rows[1], KEY)


def test_a_receipt_under_another_logs_key_is_refused() -> None:
    grown = Grown(3)
    stranger = VerifierKey(KEY.name, ED25519, WITNESS.public)
    with pytest.raises(NoteRejected):
        check_receipt(make_receipt(2, grown.note, grown.read).text, grown.rows[1], stranger)

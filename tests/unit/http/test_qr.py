"""QR codes hold what was put in, in the form the standard asks for (ISO/IEC 18004)."""

from __future__ import annotations

from hashlib import sha256

import pytest

from watchfloor.http import qr

URI = "otpauth://totp/Watchfloor%20acme%3Aada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Watchfloor%20acme&digits=6"


def read(rows: tuple[str, ...]) -> bytes:
    """The content of a code of one block: the mask by its format bits, then the modules in their order."""
    size = len(rows)
    version = (size - 17) // 4
    form = int("".join(rows[y][8] for y in (0, 1, 2, 3, 4)), 2)  # the low bits, least first
    mask = next(m for m in range(8) if _form(m) & 0b11111 == int(f"{form:05b}"[::-1], 2))
    reserved: qr.Grid = [[-1] * size for _ in range(size)]
    qr._patterns(reserved, version)
    qr._told(reserved, version, mask)
    bits = "".join(
        str(int(rows[y][x]) ^ qr._MASKS[mask](y, x)) for y, x in qr._path(size) if reserved[y][x] < 0
    )
    assert bits[:4] == "0100"
    length = int(bits[4:12], 2)
    return bytes(int(bits[12 + 8 * n : 20 + 8 * n], 2) for n in range(length))


def _form(mask: int) -> int:
    return qr._checked(0b01 << 3 | mask, 10, 0b10100110111) ^ 0b101010000010010


@pytest.mark.parametrize("text", ["a", "Watchfloor", "x" * 78, "é" * 39, "y" * 100])
def test_what_was_put_in_comes_out(text: str) -> None:
    assert read(qr.rows(text)) == text.encode()


def test_the_standards_own_check_values() -> None:
    assert _form(0) == 0b111011111000100  # level L, mask 0, table C.1
    assert _form(5) == 0b110001100011000
    assert qr._checked(7, 12, 0b1111100100101) == 0b000111110010010100  # version 7, table D.1
    # Annex I: "01234567" at 1-M has these data and correction bytes; the correction is the same whatever the mode.
    data = bytes.fromhex("10200c566180ec11ec11ec11ec11ec11")
    assert qr._correction(data, 10) == bytes.fromhex("a524d4c1ed36c7872c55")


def test_codes_are_as_another_implementation_draws_them() -> None:
    """All masks at 136 lengths were compared with another encoder, module by module; these digests hold what that saw."""
    found = {
        len(text): sha256("\n".join(qr.rows(text)).encode()).hexdigest()[:16]
        for text in ("a", URI, "z" * 230)
    }
    assert found == GOLDEN


def test_the_smallest_that_holds_it_is_taken_and_the_largest_is_the_end() -> None:
    for length, size in (
        (17, 21),
        (18, 25),
        (134, 41),
        (135, 45),
        (154, 45),
        (192, 49),
        (230, 53),
        (271, 57),
    ):
        assert {len(row) for row in qr.rows("x" * length)} == {size} == {len(qr.rows("x" * length))}
    with pytest.raises(qr.TooLong):
        qr.rows("x" * 272)


GOLDEN = {1: "56bb324cb2e86a13", 112: "e330a483376fcb55", 230: "9d2b0f22ca3a4c70"}

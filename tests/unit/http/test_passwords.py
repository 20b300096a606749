"""What is kept of passwords, seeds and recovery codes (spec 6 *Security*; faults S4, S9)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from watchfloor.http import passwords, second_factor
from watchfloor.http.passwords import Hashing
from watchfloor.http.second_factor import Seals
from watchfloor.ledger.directory import DirectoryUnsafe

LONG = "a sentence that is long enough"


async def test_what_is_kept_is_argon2id_with_the_named_parameters_and_salted() -> None:
    hashing = Hashing()
    kept = await hashing.hashed(LONG)
    assert kept.startswith(b"$argon2id$v=19$m=65536,t=3,p=1$")
    assert kept != await hashing.hashed(LONG)
    assert await hashing.matches(kept, LONG)
    assert not await hashing.matches(kept, LONG + " ")
    assert not hashing.outdated(kept)
    assert Hashing(1024).outdated(kept)


async def test_nobody_takes_as_long_as_somebody_and_is_never_right() -> None:
    hashing = Hashing()
    kept = await hashing.hashed(LONG)

    async def fastest(of: bytes | None) -> float:
        spent = []
        for _ in range(3):
            begun = (
                time.process_time()
            )  # what it took of the processor: a busy machine lets both wait as it likes
            assert not await hashing.matches(of, "wrong")
            spent.append(time.process_time() - begun)
        return min(spent)

    somebody, nobody = await fastest(kept), await fastest(None)
    assert max(somebody, nobody) < 2 * min(somebody, nobody)
    assert min(somebody, nobody) > 0.03


async def test_a_damaged_digest_is_no_password() -> None:
    assert not await Hashing(1024).matches(b"$argon2id$nonsense", "x")


async def test_the_same_letters_typed_differently_are_the_same_password() -> None:
    hashing = Hashing(1024)
    assert await hashing.matches(await hashing.hashed("pass\u00e9word ﬁne"), "passe\u0301word fine")


@pytest.mark.parametrize(
    "password", [LONG, "ada likes her long sentences", "7#kQ2!vB9@xLm", "ünïcödé sentence"]
)
def test_a_good_password_is_taken(password: str) -> None:
    assert passwords.fault(password, "ada", 12) == ""


def test_codes_are_those_of_the_standard() -> None:
    seed = b"12345678901234567890"  # RFC 6238 appendix B, the last six digits
    for at, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037"), (20000000000, "353130")):
        assert second_factor.code_of(seed, at // 30) == code
        assert second_factor.step_of(seed, code, at) == at // 30
        assert second_factor.step_of(seed, code, at + 30) == at // 30
        assert second_factor.step_of(seed, code, at + 90) == 0


def test_a_seed_opens_with_its_key_and_for_its_owner_alone(tmp_path: Path) -> None:
    seals = Seals(tmp_path / "sign-in.key")
    kept = seals.seal(b"s" * 20, "otp_a")
    assert b"s" * 20 not in kept
    assert Seals(tmp_path / "sign-in.key").open(kept, "otp_a") == b"s" * 20
    assert seals.open(kept, "otp_b") is None
    assert Seals(None).open(kept, "otp_a") is None
    assert (tmp_path / "sign-in.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "sign-in.key").chmod(0o644)
    with pytest.raises(DirectoryUnsafe):
        Seals(tmp_path / "sign-in.key").seal(b"x", "y")
    (tmp_path / "short").write_bytes(b"x")
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(ValueError, match="32 bytes"):
        Seals(tmp_path / "short").seal(b"x", "y")


def test_a_recovery_code_is_used_up_alone() -> None:
    codes = second_factor.recovery_codes()
    kept = second_factor.kept_codes(codes)
    assert len(set(codes)) == 10
    left = second_factor.without(kept, second_factor.written(codes[3].upper().replace("-", " ")))
    assert left is not None
    assert second_factor.without(left, second_factor.written(codes[3])) is None
    assert second_factor.without(left, second_factor.written(codes[4])) is not None
    for wrong in ("", "abc", "a" * 16, codes[0][:-1]):
        assert second_factor.without(kept, second_factor.written(wrong)) is None

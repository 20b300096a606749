"""Public ids: a subject's integer and 40 random bits in Crockford base 32, so there is no map table (DESIGN 2b.12)."""

from __future__ import annotations

from functools import lru_cache

from watchfloor.kernel.messages import Refused

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: index for index, character in enumerate(ALPHABET)}
_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)
NONCE_BITS = 40
_NONCE_MASK = (1 << NONCE_BITS) - 1

PREFIXES = {
    "organisation": "org",
    "agent": "agt",
    "task": "tsk",
    "action": "act",
    "decision": "dec",
    "person": "per",
    "policy": "pol",
    "stop": "stp",
    "standing": "std",
    "credential": "key",
    "enrolment": "enr",
    "execution": "exe",
    "grant": "grt",
    "supervision": "sup",
    "chat": "cht",
    "channel": "chn",
    "budget": "bud",
    "schedule": "sch",
    "anomaly": "ano",
    "bypass": "byp",
    "alert": "alr",
}
KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}


def nonce_from(entropy: bytes) -> int:
    """The 40 random bits of a public id, taken from a command's entropy (≥ 5 bytes)."""
    return int.from_bytes(entropy[:5], "big")


@lru_cache(maxsize=16_384)  # answer, push, story and row of one subject ask for the same id within moments
def public_id(kind: str, subject: int, nonce: int) -> str:
    """`act_…` for the subject's integer and its random bits. Total and injective in (subject, nonce)."""
    nonce &= (
        _NONCE_MASK  # two digits at a time: every decision makes its id twice, for its answer and for its row
    )
    low = (
        f"{_PAIRS[nonce >> 30]}{_PAIRS[nonce >> 20 & 1023]}{_PAIRS[nonce >> 10 & 1023]}{_PAIRS[nonce & 1023]}"
    )
    high = ""
    while subject:
        high = _PAIRS[subject & 1023] + high
        subject >>= 10
    return f"{PREFIXES[kind]}_{(high + low).lstrip('0') or '0'}"


@lru_cache(maxsize=16_384)  # every frame about a task names it by its id
def parse_id(text: str, kind: str) -> tuple[int, int]:
    """(subject, nonce) of a public id. Raises Refused `unknown_id` (404) when it is not one of this kind."""
    prefix, _, digits = text.partition("_")
    if prefix != PREFIXES[kind] or not 0 < len(digits) <= 24:
        raise Refused("unknown_id", f"not an id of a {kind}", status=404)
    number = 0
    for character in digits:
        value = _VALUES.get(character)
        if value is None:
            raise Refused("unknown_id", f"not an id of a {kind}", status=404)
        number = number << 5 | value
    return number >> NONCE_BITS, number & _NONCE_MASK

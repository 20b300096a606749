"""Agent cards of the A2A protocol, read strictly: what one says of an agent becomes a registration (spec 2.1).

A card is somebody else's word. It is bounded, its texts are data, and nothing in it gives rights: capabilities are only
what tasks are matched by, and the person who imports it owns the agent.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import urlsafe_b64encode
from typing import Any

import msgspec
from joserfc import jws
from joserfc._rfc7515.model import JWSAlgModel
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from watchfloor.kernel.codec import NotCanonical, canonical
from watchfloor.kernel.limits import CAPABILITIES_MAX, CAPABILITY_CHARS_MAX, NAME_CHARS_MAX
from watchfloor.kernel.messages import Refused

CARD_BYTES_MAX = 256 * 1024
ALGORITHMS = ("Ed25519", "EdDSA", "ES256")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the agent says it can do."""

    id: str
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A detached JWS over the card (A2A 0.3 §5.5.6)."""

    protected: str
    signature: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of a card; unknown fields pass."""

    name: str
    description: str = ""
    url: str = ""
    version: str = ""
    protocol_version: str = msgspec.field(default="", name="protocolVersion")
    skills: tuple[Skill, ...] = ()
    signatures: tuple[Signature, ...] = ()


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A registration made of a card."""

    name: str
    capabilities: tuple[str, ...]
    skills: tuple[str, ...]
    version: str
    url: str
    metadata: dict[str, Any]


def wrong(detail: str, field: str = "/card") -> Refused:
    """422: this card cannot be taken."""
    return Refused("invalid_card", detail, field=field, status=422)


def read(document: object) -> Card:
    """The card of a strict JSON document. Raises Refused `invalid_card`."""
    try:
        return msgspec.convert(document, Card)
    except msgspec.ValidationError as error:
        raise wrong(str(error)) from error


def name_of(text: str, chars_max: int) -> str:
    """A text as a name: NFC, printable, on one line, not too long; empty when nothing is left."""
    plain = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() else " " for c in plain).strip()[:chars_max].strip()


def capability_of(text: str) -> str:
    """A skill's id as a capability: lower case, without blanks."""
    return _NOT_IN_A_NAME.sub("-", text.lower()).strip("-.")[:CAPABILITY_CHARS_MAX].strip("-.")


def registration(card: Card) -> Imported:
    """What a card registers. Raises Refused when it names no agent or nothing it can do."""
    name = name_of(card.name, NAME_CHARS_MAX)
    if not name:
        raise wrong("a card names its agent", "/card/name")
    capabilities = tuple(dict.fromkeys(found for skill in card.skills if (found := capability_of(skill.id))))
    if not 0 < len(capabilities) <= CAPABILITIES_MAX:
        raise wrong(f"a card has 1 to {CAPABILITIES_MAX} skills with different ids", "/card/skills")
    skills = dict.fromkeys(name_of(skill.name or skill.id, NAME_CHARS_MAX) for skill in card.skills)
    return Imported(
        name=name,
        capabilities=capabilities,
        skills=tuple(skill for skill in skills if skill),
        version=name_of(card.version, NAME_CHARS_MAX),
        url=card.url,
        metadata={
            "a2a": {
                "description": name_of(card.description, 4_096),
                "protocol_version": name_of(card.protocol_version, 32),
                "url": name_of(card.url, 2_048),
            }
        },
    )


class _Registry(jws.JWSRegistry):
    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS or name not in self.algorithms:
            raise ValueError("not one of the algorithms that are accepted")
        return self.algorithms[name]


def check_signature(document: dict[str, Any], card: Card, jwk: dict[str, Any]) -> None:
    """Demand that one of the card's signatures is by this key, which the importer got by another way. Raises Refused.

    Signed is the canonical form (RFC 8785) of the card without `signatures`. Keys that a card brings along prove nothing
    and are not looked at.
    """
    unsigned = {name: value for name, value in document.items() if name != "signatures"}
    try:
        payload = urlsafe_b64encode(canonical(unsigned)).decode().rstrip("=")
        key = import_key(jwk)
    except (NotCanonical, JoseError, ValueError, TypeError, KeyError) as error:
        raise wrong(f"the signature cannot be checked: {error}", "/jwk") from error
    registry = _Registry(algorithms=list(ALGORITHMS))
    for signature in card.signatures[:8]:
        text = f"{signature.protected}.{payload}.{signature.signature}"
        try:
            jws.deserialize_compact(text, key, registry=registry)
        except (JoseError, ValueError, TypeError):
            continue
        return
    raise wrong("none of its signatures is by this key", "/card/signatures")

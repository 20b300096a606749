"""Policy packs that come with the product: documents for a domain, to begin from (spec 3.7)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec

from watchfloor.kernel.terms import Policy
from watchfloor.policy.document import load

NAMES = ("aviation", "finance", "healthcare")


class Pack(msgspec.Struct, frozen=True):
    """`text` is the YAML as it ships, which says only what differs from the defaults; `meaning` its first line."""

    name: str
    meaning: str
    text: str
    document: Policy


@cache
def pack(name: str) -> Pack | None:
    """The pack of that name, None when there is none."""
    if name not in NAMES:
        return None
    text = (resources.files("watchfloor.policy") / "packs" / f"{name}.yaml").read_text("utf-8")
    return Pack(name, text.partition("\n")[0].lstrip("# "), text, load(text))


def packs() -> tuple[Pack, ...]:
    """All of them, by name."""
    return tuple(found for name in NAMES if (found := pack(name)) is not None)

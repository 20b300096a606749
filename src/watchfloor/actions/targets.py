"""Targets an action names: what may be recorded of them, and whether a start touches another (DESIGN 2b.8, 2b.11).

Theory of operation
-------------------
Hosts and paths are private parameters, so the ruling keeps two things of the normalised ones. *Digests*, salted with
the action's salt and gone with it: when the executor attests at its start what it resolved to, that target must lie
inside one that was asked for (a file in the folder, a host in the zone, an absolute path that ends in the relative
one). *Zones*, 32 bits of a hash of the coarse place (the domain, the first two folders) for this agent alone: enough
to see that an agent goes where it never went, too little to say where that is.

An address attested for a named host is taken: which name it was resolved from nobody here can know.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from watchfloor.actions.names import folders, host_of, path_of, zones

TARGETS_MAX = 8  # of one action; what is attested has to be inside one of the first eight it names
_HEX = 16
_STEPS_MAX = 64
Target = tuple[str, str]  # kind h(ost), p(ath), r(elative path), and its normal form


def host(name: str) -> Target:
    return ("h", name)


def path(text: str) -> Target:
    """Of a normal path (names.path_of)."""
    return ("p" if text.startswith("/") else "r", text)


def digests(targets: Sequence[Target], salt: bytes) -> tuple[str, ...]:
    """Kind and 64 bits of the salted digest of each, at most TARGETS_MAX. The start folder (`.`) says nothing."""
    found = dict.fromkeys(_digest(target, salt) for target in targets[:TARGETS_MAX] if target[1] != ".")
    return tuple(found)


def _digest(target: Target, salt: bytes) -> str:
    kind, text = target
    return kind + sha256(salt + kind.encode() + text.encode()).hexdigest()[:_HEX]


def zones_of(targets: Sequence[Target], agent: int) -> tuple[int, ...]:
    """The coarse places of the targets, each once, as 32 bits that mean something for this agent alone."""
    named = dict.fromkeys(_zone(target) for target in targets[:TARGETS_MAX])
    return tuple(int.from_bytes(sha256(f"{agent}\n{zone}".encode()).digest()[:4]) for zone in named)


def _zone(target: Target) -> str:
    kind, text = target
    if kind == "h":
        return "h" + (
            text if ":" in text or text.replace(".", "").isdigit() else ".".join(text.split(".")[-2:])
        )
    steps = text.split("/")[:-1]
    return "p" + "/".join(steps[: 3 if kind == "p" else 2])


def inside(requested: tuple[str, ...], salt: bytes, attested: str) -> bool:
    """Does the attested target lie inside one that was asked for? True when none was, or none is attested."""
    if not requested or not attested:
        return True
    if not attested.startswith("/"):
        name = host_of(attested)
        if name is None:
            return False
        if ":" in name or name.replace(".", "").isdigit():
            return any(target[0] == "h" for target in requested)
        return any(_digest(host(zone), salt) in requested for zone in zones(name))
    real = path_of(attested)
    if real is None or real.count("/") > _STEPS_MAX:
        return False
    if any(_digest(path(folder), salt) in requested for folder in folders(real)):
        return True
    steps = real[1:].split("/")
    return any(_digest(("r", "/".join(steps[index:])), salt) in requested for index in range(len(steps)))

"""Everything installed at run time may be used inside closed products (decisions/0023)."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PERMISSIVE = re.compile(r"\b(MIT|BSD|Apache|PSF|MPL|Mozilla Public License 2)")
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public License|Server Side Public|Business Source", re.IGNORECASE)


def locked() -> list[str]:
    text = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    return re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE)


def objection(licence: str) -> str:
    """Why a licence may not be installed at run time, or empty."""
    if COPYLEFT.search(licence):
        return "copyleft"
    return "" if PERMISSIVE.search(licence) else "not known to be permissive"


def declared(name: str) -> str:
    """What a package says about its licence: the metadata fields, else the first lines of its licence file."""
    package = importlib.metadata.distribution(name)
    said = package.metadata
    fields = [
        *(said.get_all("License-Expression") or []),
        *(text[:80] for text in said.get_all("License") or []),
    ]
    fields += [c for c in said.get_all("Classifier") or [] if c.startswith("License ::")]
    if not "".join(fields):
        files = [f for f in package.files or [] if "LICEN" in f.name.upper()]
        fields = [Path(str(f.locate())).read_text(encoding="utf-8")[:200] for f in files]
    return " ".join(fields)


@pytest.mark.parametrize("name", locked())
def test_a_dependency_at_run_time_is_permissive(name: str) -> None:
    try:
        licence = declared(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is locked for another platform or Python")
    assert objection(licence) == "", f"{name} declares {licence!r}"


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "LGPL-3.0", "AGPL-3.0", "GNU General Public License v3 (GPLv3)", "MIT AND GPL-2.0", ""],
)
def test_copyleft_and_silence_are_objected_to(licence: str) -> None:
    assert objection(licence)

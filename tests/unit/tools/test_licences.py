"""Everything installed at run time may be used inside closed products (decisions/0023)."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|PSF|MPL[- ]?2|Python Software Foundation|Mozilla Public License 2)\b?"
)
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public License|Server Side Public|Business Source", re.IGNORECASE)


def locked() -> list[str]:
    text = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    # a marker after `;` means: on some other platform or Python, so possibly not installed here
    return re.findall(r"^([a-z0-9._-]+)==[^ ;]+ \\$", text, re.MULTILINE)


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
    licence = declared(name)
    assert PERMISSIVE.search(licence), f"{name} declares {licence!r}"
    assert not COPYLEFT.search(licence), f"{name} declares {licence!r}"

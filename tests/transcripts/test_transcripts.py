"""Every transcript tells what really happens. `pytest --rewrite-transcripts` accepts a change; read the diff."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transcripts.runner import Story

TRANSCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))


def test_there_are_transcripts() -> None:
    assert TRANSCRIPTS


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_transcript_tells_what_really_happens(path: Path, request: pytest.FixtureRequest) -> None:
    written = path.read_text("utf-8")
    played = Story().play(written)
    if request.config.getoption("--rewrite-transcripts"):
        path.write_text(played, "utf-8")
    else:
        assert played.splitlines() == written.splitlines()


def test_a_transcript_that_lies_or_forgets_is_noticed() -> None:
    honest = Story().play("system FoundOrganisation acme name=Acme origin=example.org/acme\n")
    assert "    09:00:00  organisation.founded/1  name=Acme origin=example.org/acme" in honest.splitlines()
    assert Story().play(honest) == honest
    for lie in (
        honest.replace("founded", "dissolved"),
        honest.replace("    acme is", "    nobody is"),
        honest + "    and more\n",
    ):
        assert lie != honest
        assert Story().play(lie) == honest

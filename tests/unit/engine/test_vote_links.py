"""Links of notices: signed, about one person, decision and digest; nobody makes them without the key (spec 3.2; fault S3)."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from watchfloor.engine.credentials import discloses
from watchfloor.engine.vote_links import LinkKeyUnreadable, VoteLinks
from watchfloor.kernel.instants import SECOND
from watchfloor.ledger.directory import DirectoryUnsafe

DIGEST = "9f2c" * 16
UNTIL = 1_795_262_400 * SECOND


@pytest.fixture
def links(tmp_path: Path) -> VoteLinks:
    return VoteLinks(tmp_path / "vote-links.key")


def test_a_link_says_what_it_was_made_for_after_a_restart_too(tmp_path: Path) -> None:
    text = VoteLinks(tmp_path / "key").make(1, 1_041, DIGEST, 12, UNTIL)
    found = VoteLinks(tmp_path / "key").read(text)
    assert found is not None
    assert (found.org, found.decision, found.person, found.expires_at) == (1, 1_041, 12, UNTIL)
    assert found.is_about(DIGEST) and not found.is_about("00" * 32)
    assert found.id.removeprefix("tap_") in text
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_link_is_recognised_as_a_secret_where_none_belongs(links: VoteLinks) -> None:
    assert discloses(f"next={links.make(1, 2, DIGEST, 3, UNTIL)}")


def test_no_changed_character_is_overlooked(links: VoteLinks) -> None:
    text = links.make(1, 1_041, DIGEST, 12, UNTIL)
    for place in range(len(text)):
        changed = text[:place] + ("b" if text[place] != "b" else "c") + text[place + 1 :]
        found = links.read(changed)
        assert found is None or place == len(text) - 1, place  # the last one has bits that say nothing
    for odd in ("", text + "A", text + "\n", text.upper()):
        assert links.read(odd) is None


def test_another_key_makes_no_links_of_ours(links: VoteLinks, tmp_path: Path) -> None:
    other = VoteLinks(tmp_path / "other")
    assert links.read(other.make(1, 2, DIGEST, 3, UNTIL)) is None


def test_a_key_that_others_can_read_or_that_is_none_is_not_used(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.write_bytes(bytes(32))
    open_to_all.chmod(0o644)
    with pytest.raises(DirectoryUnsafe):
        VoteLinks(open_to_all)
    short = tmp_path / "short"
    short.write_bytes(b"x")
    short.chmod(0o600)
    with pytest.raises(LinkKeyUnreadable):
        VoteLinks(short)

"""Opening a decision through REST: the first look counts, and changes nothing about the vote (spec 3.2 *Inbox*)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken, new_agent, person, vote
from tests.integration.http.kit import Running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    yield running
    assert broken(running) == []
    running.stop()


def test_the_first_look_is_kept_once_and_leaves_the_tag_of_the_decision_alone(server: Running) -> None:
    sue, ops = person(server, "supervisor"), person(server, "operator")
    asked = ask_patch(new_agent(server))
    place = f"/api/v1/decisions/{asked['decision_id']}"
    before = sue.get(place)
    first = sue.post(f"{place}/seen")
    assert first.status_code == 200, first.text
    again = sue.post(f"{place}/seen")
    assert again.json()["seq"] == first.json()["seq"], "nothing was recorded the second time"
    assert ops.post(f"{place}/seen").status_code == 200
    after = sue.get(f"{place}?min_seq={first.json()['seq']}")
    assert after.headers["etag"] == before.headers["etag"]
    assert person(server, "auditor").post(f"{place}/seen").status_code == 403
    voted = vote(sue, asked["decision_id"]).json()
    assert voted["status"] == "approved"
    (mine,) = sue.get(f"{place}?min_seq={voted['seq']}").json()["votes"]
    assert before.json()["decision"]["opened_at"] <= mine["seen_at"] <= mine["at"]
    late = ops.post(f"{place}/seen")
    assert late.status_code == 200
    kinds = [line["type"] for line in sue.get(f"{place}?min_seq={late.json()['seq']}").json()["timeline"]]
    assert kinds.count("decision.seen/1") == 2

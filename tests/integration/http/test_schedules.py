"""On-call schedules on a running server: set, asked, overridden, removed; by REST (spec 3.2 *Routing*)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.integration.http.kit import Running

from watchfloor.kernel.instants import HOUR


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def test_a_schedule_says_who_is_on_call_across_the_change_of_the_clocks(server: Running) -> None:
    one, two, boss = server.person("operator"), server.person("director"), server.person("supervisor")
    with server.client(boss) as client:
        body: dict[str, Any] = {
            "name": "berlin",
            "time_zone": "Europe/Berlin",
            "layers": [{"members": [one.id, two.id], "start": "2026-10-24T09:00", "shift_hours": 24}],
        }
        made = client.post("/api/v1/schedules", json=body)
        assert made.status_code == 201, made.text
        place = f"/api/v1/schedules/{made.json()['schedule_id']}"
        seq = made.json()["seq"]

        def asked(text: str) -> dict[str, Any]:
            answer = client.get(place, params={"at": micros(text), "min_seq": seq})
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()["on_call"]
            return found

        assert asked("2026-10-25T08:59+01:00")["person_id"] == one.id
        changed = asked("2026-10-25T09:00+01:00")
        assert changed["person_id"] == two.id
        assert changed["until_at"] == micros("2026-10-26T09:00+01:00")
        assert changed["backups"] == [one.id]

        now = server.engine.clock()
        swap = {"person": one.id, "from_at": now - HOUR, "until_at": now + HOUR}
        with server.client(one) as operator:
            answer = operator.post(f"{place}/override", json=swap)
            assert answer.status_code == 200, answer.text
            assert operator.post(f"{place}/remove", json={}).status_code == 403
        shown = client.get(place, params={"min_seq": answer.json()["seq"]}).json()
        assert shown["on_call"]["person_id"] == one.id
        assert shown["overrides"][0]["person_id"] == one.id

        assert client.post("/api/v1/schedules", json=body | {"time_zone": "Mars/Base"}).status_code == 422
        wrong = {"members": ["nobody"], "start": "2026-10-24T09:00"}
        refused = client.post("/api/v1/schedules", json=body | {"layers": [wrong]})
        assert refused.json()["errors"][0]["field"] == "/layers/0/members/0"
        wrong = {"members": [one.id], "start": "2026-02-31T09:00"}
        refused = client.post("/api/v1/schedules", json=body | {"layers": [wrong]})
        assert refused.json()["errors"][0]["field"] == "/layers/0/start"

        gone = client.post(f"{place}/remove", json={"reason": "test"})
        assert gone.status_code == 200, gone.text
        listed = client.get("/api/v1/schedules", params={"min_seq": gone.json()["seq"]}).json()["items"]
        assert not [entry for entry in listed if entry["name"] == "berlin"]

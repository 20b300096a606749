"""What happens to a decision while it waits, from outside (spec 3.2): stricter policies, people who leave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from tests.acceptance.test_governance import Floor, Said, refused, right, until

import watchfloor_agent as sdk

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    found = Floor(tmp_path_factory.mktemp("deciding"))
    try:
        yield found
        found.verify()
    finally:
        found.close()


def test_a_policy_that_raises_the_level_of_what_waits_is_answered_by_the_stricter_of_both(
    floor: Floor,
) -> None:
    agent = floor.agent()
    asked = agent.request("act.stood", level=2)
    granted = agent.request("act.stood", level=2, n=2)
    assert right(floor.vote("opi", granted))["status"] == "approved"
    assert (asked["verdict"], asked["level"]) == ("pending", 2)

    def raise_it(document: Said) -> None:
        document["classes"]["write"]["base"] = 85
        document["levels"]["critical"] = 4

    floor.policy(raise_it, "sam", "ada")
    assert right(floor.vote("opi", asked))["status"] == "pending", "one operator is not enough any more"
    shown = floor.decision(asked)["also"]
    assert [(one["committee"], one["needed"]) for one in shown] == [("directors", 2)]
    assert right(floor.vote("dan", asked))["status"] == "pending"
    assert right(floor.vote("dot", asked))["status"] == "approved"
    grant = agent.told(asked)["grant"]
    assert grant["basis"] == "committee"
    assert agent.start(asked, grant)["status"] == "executing"
    # What was granted before asks anew, of the committee, and does not go round in circles.
    old = agent.told(granted)["grant"]
    assert agent.start(granted, old)["status"] == "grant_revoked"
    again = until(lambda: _waiting(floor, granted), "a new decision")
    assert floor.decision(again)["decision"]["level"] == 4
    for who in ("dan", "dot"):
        said = right(floor.vote(who, again, digest=granted["digest"]))
    assert said["status"] == "approved"
    second = agent.until(lambda frame: _grant(frame).endswith(".2"))["grant"]
    assert agent.start(granted, second, execution="x2")["status"] == "executing"

    def lower_it(document: Said) -> None:
        document["classes"]["write"]["base"] = 20

    floor.policy(lower_it, "sam", "ada", "dan")


def _waiting(floor: Floor, asked: Said) -> Said | None:
    action = right(floor.people["ada"].get(f"/api/v1/actions/{asked['action_id']}"))["action"]
    new = action["status"] == "pending" and action["decision_id"] != asked["decision_id"]
    return {**asked, "decision_id": action["decision_id"]} if new else None


def _grant(frame: Said) -> str:
    """The id of the grant that a frame brings."""
    return str((frame["payload"].get("grant") or {}).get("grant_id", ""))


def edit(floor: Floor, who: str, asked: Said, digest: str = "", **params: object) -> httpx.Response:
    body = {"digest": digest or asked["digest"], "params": params, "reason": "less will do"}
    return floor.people[who].post(f"/api/v1/decisions/{asked['decision_id']}/edit", json=body)


def test_an_approver_edits_the_parameters_and_the_agent_runs_with_these_or_not_at_all(floor: Floor) -> None:
    agent = floor.agent()
    asked = agent.request("act.two_of_three", level=3, path="/srv/all")
    right(floor.vote("ann", asked))
    refused(edit(floor, "dan", asked, level=3, path="/srv/one"), "not_a_member")
    refused(edit(floor, "ann", asked, digest="0" * 64, level=3), "digest_mismatch")
    done = right(edit(floor, "ben", asked, level=3, path="/srv/one"))
    assert (done["level"], done["digest"] == asked["digest"]) == (3, False)
    assert floor.decision(asked, done["seq"])["decision"]["reason"] == "edited"
    new = {**asked, "decision_id": done["decision_id"], "digest": done["digest"]}
    shown = floor.decision(new, done["seq"])
    assert (shown["params"], shown["words"]) == ({"level": 3, "path": "/srv/one"}, "a scenario")
    assert (shown["edit"]["by"], shown["edit"]["reason"]) == (floor.ids["ben"], "less will do")
    assert shown["votes"] == [], "what was said of the old parameters does not count"
    refused(floor.vote("ann", new, digest=asked["digest"]), "digest_mismatch")
    refused(floor.vote("ben", new), "party_to_it")
    for who in ("ann", "cid"):
        said = right(floor.vote(who, new))
    assert said["status"] == "approved"
    told = agent.told(asked)
    assert told["params"] == {"level": 3, "path": "/srv/one"}
    old = agent.start(asked, told["grant"], digest=asked["digest"])
    assert (old["frame"], old["code"]) == ("error", "grant_misused")
    assert agent.start(asked, told["grant"])["status"] == "executing"
    events = right(floor.people["ann"].get(f"/api/v1/ledger/events?after={done['seq'] - 9}"))["items"]
    (seq,) = (item["seq"] for item in events if item["event"]["type"] == "action.edited/1")
    assert right(floor.people["ann"].get(f"/api/v1/ledger/events/{seq}/audit"))["verdict"] == "same"


def test_an_edit_slips_past_neither_the_envelope_nor_the_level_and_nobody_edits_their_own(
    floor: Floor,
) -> None:
    own = floor.agent("opi")
    asked = own.request("act.plain", level=2)
    refused(edit(floor, "opi", asked, level=2), "own_agent")
    denied = edit(floor, "ann", asked, level=2, path="/etc/passwd")
    assert (denied.status_code, denied.json()["code"]) == (403, "edit_denied")
    assert floor.status(asked) == "pending"
    assert floor.decision(asked)["decision"]["status"] == "pending"
    done = right(edit(floor, "ann", asked, level=4))
    assert done["level"] == 4, "what the new parameters demand"
    new = {**asked, "decision_id": done["decision_id"], "digest": done["digest"]}
    lower = right(edit(floor, "dan", new, level=0))
    assert lower["level"] == 4, "never lower than it was"
    last = {**asked, "decision_id": lower["decision_id"], "digest": lower["digest"]}
    refused(floor.vote("dan", last), "party_to_it")
    refused(edit(floor, "dot", new, level=4), "decision_over")


def test_at_level_2_whoever_edits_may_approve_and_the_sdk_takes_it_only_when_told(floor: Floor) -> None:
    registered = floor.agent()
    registered.close()

    async def story(edits: bool) -> sdk.Grant:
        async with sdk.Agent(floor.url.replace("http", "ws") + "/ws", registered.key) as agent:
            asking = asyncio.create_task(
                agent.request_action("act.plain", params={"level": 2, "n": 10}, edits=edits)
            )
            waiting = await asyncio.to_thread(until, lambda: _newest(floor, registered.id), "it waits")
            done = right(await asyncio.to_thread(edit, floor, "opi", waiting, level=2, n=1))
            new = {**waiting, "decision_id": done["decision_id"], "digest": done["digest"]}
            assert right(await asyncio.to_thread(floor.vote, "opi", new))["status"] == "approved"
            grant = await asking
            async with agent.execution(grant) as execution:
                execution.outcome = grant.action.params["n"]
            return grant

    grant = asyncio.run(story(edits=True))
    assert (grant.edited, grant.action.params) == (True, {"level": 2, "n": 1})
    with pytest.raises(sdk.GrantMismatch):
        asyncio.run(story(edits=False))


def test_a_guarded_function_runs_with_the_arguments_that_people_gave_it_and_can_tell(floor: Floor) -> None:
    registered = floor.agent()
    registered.close()

    async def story(**given: Any) -> list[object]:
        ran: list[object] = []
        async with sdk.Agent(floor.url.replace("http", "ws") + "/ws", registered.key) as agent:

            @agent.guarded("act.plain", edits=True)
            async def spend(level: int, n: int, *, note: str = "") -> int:
                held = sdk.current_execution().grant
                ran.extend((level, n, note, held.edited, held.action.params))
                return n

            asking = asyncio.create_task(spend(2, 10, note="all of it"))
            waiting = await asyncio.to_thread(until, lambda: _newest(floor, registered.id), "it waits")
            done = right(await asyncio.to_thread(edit, floor, "opi", waiting, **given))
            new = {**waiting, "decision_id": done["decision_id"], "digest": done["digest"]}
            assert right(await asyncio.to_thread(floor.vote, "opi", new))["status"] == "approved"
            assert await asking == 1
        return ran

    params = {"level": 2, "n": 1, "note": "less"}
    assert asyncio.run(story(**params)) == [2, 1, "less", True, params]
    with pytest.raises(sdk.GrantMismatch, match="does not take"):
        asyncio.run(story(level=2, n=1, note="less", more=True))
    with pytest.raises(sdk.ConfigurationError):
        sdk.current_execution()


def _newest(floor: Floor, agent_id: str) -> Said | None:
    """What waits of this agent, as a vote needs it."""
    query = {"status": "pending", "agent": agent_id}
    found = right(floor.people["ada"].get("/api/v1/decisions", params=query))["items"]
    return found[0] if found else None


def test_the_inbox_is_mine_my_roles_or_everybodys_by_time_left_and_then_by_risk(floor: Floor) -> None:
    ours, own = floor.agent(), floor.agent("ann")
    slow = ours.ask("action:request", type="act.plain", params={"level": 3}, urgency="normal")
    mine = own.request("act.plain", level=3)
    board = ours.request("act.two_of_three", level=3)
    grave = ours.request("act.plain", level=4)
    asked = {one["decision_id"]: name for name, one in locals().items() if name in _NAMES}
    floor.decision(grave)

    def inbox(who: str, whose: str) -> list[str]:
        said = floor.people[who].get("/api/v1/inbox", params={"whose": whose})
        found = [one["decision"]["decision_id"] for one in right(said)["items"]]
        return [asked[one] for one in found if one in asked]

    assert set(inbox("ann", "me")) == {"slow", "board"}, "neither her own agent's nor the directors'"
    assert set(inbox("ann", "role")) == {"slow", "board", "mine"}
    assert set(inbox("opi", "me")) == set()
    assert set(inbox("dan", "me")) == {"slow", "mine", "grave"}
    assert set(inbox("opi", "all")) == set(_NAMES)
    times = right(floor.people["dan"].get("/api/v1/inbox", params={"whose": "all", "limit": 200}))["items"]
    keys = [(one["decision"]["deadline_at"], -one["decision"]["risk"]) for one in times]
    assert keys == sorted(keys)
    pages: list[str] = []
    page: Said = {"next": ""}
    while page["next"] is not None:
        query = {"whose": "all", "limit": 2, **({"cursor": page["next"]} if page["next"] else {})}
        page = right(floor.people["dan"].get("/api/v1/inbox", params=query))
        pages += [one["decision"]["decision_id"] for one in page["items"]]
    assert pages == [one["decision"]["decision_id"] for one in times]
    seen = right(floor.people["dan"].get("/api/v1/inbox/summary"))
    assert seen["waiting"] == len(times)
    group = next(one for one in seen["groups"] if one["agent_id"] == ours.id and one["type"] == "act.plain")
    assert (group["count"], group["level"]) == (2, 4)
    assert set(group["decision_ids"]) == {slow["decision_id"], grave["decision_id"]}


_NAMES = ("slow", "mine", "board", "grave")


def test_several_votes_take_one_confirmation_and_each_stands_for_itself(floor: Floor) -> None:
    agent, own = floor.agent(), floor.agent("ann")
    asked = [agent.request("act.plain", level=3, n=number) for number in range(3)]
    mine, grave = own.request("act.plain", level=3), agent.request("act.plain", level=4)
    votes = [
        {"decision_id": one["decision_id"], "vote": "approve", "digest": one["digest"]}
        for one in (*asked, mine, grave)
    ]
    votes[1]["digest"] = asked[0]["digest"]
    votes.append({"decision_id": "dec_0", "vote": "deny", "digest": asked[0]["digest"]})
    body = {"votes": votes, "comment": "read them all"}
    headers = {"idempotency-key": "one-look"}
    said = right(floor.people["ann"].post("/api/v1/inbox/votes", json=body, headers=headers))
    codes = ["", "digest_mismatch", "", "own_agent", "needs_a_look", "unknown_decision"]
    found = [one["code"] for one in said["items"]]
    assert found[:5] == codes[:5]
    assert found[5] in ("unknown_decision", "not_found")
    assert said["taken"] == 2
    again = right(floor.people["ann"].post("/api/v1/inbox/votes", json=body, headers=headers))
    assert [one["status"] for one in again["items"]][:3] == ["approved", "", "approved"]
    assert (floor.status(asked[0]), floor.status(asked[1])) == ("granted", "pending")
    too_many = {"votes": votes[:1] * 51}
    assert floor.people["ann"].post("/api/v1/inbox/votes", json=too_many).status_code == 422
    assert floor.people["opi"].post("/api/v1/inbox/votes", json={"votes": []}).status_code == 422


def test_beside_a_decision_stand_similar_ones_and_what_it_does_to_trust(floor: Floor) -> None:
    agent, other = floor.agent(), floor.agent()
    before = agent.request("act.plain", level=3, n=1)
    right(floor.vote("ben", before, "deny"))
    done = other.request("act.plain", level=3)
    right(floor.vote("ben", done))
    other.start(done, other.told(done)["grant"])
    ended = other.ask("action:completed", action_id=done["action_id"], execution_id="x1")
    now = agent.request("act.plain", level=3, n=2)
    place = f"/api/v1/decisions/{now['decision_id']}"
    floor.decision(now, ended["seq"])
    found = right(floor.people["ben"].get(f"{place}/similar"))["items"]
    assert (found[0]["decision_id"], found[0]["same"], found[0]["status"]) == (
        before["decision_id"],
        "agent",
        "denied",
    )
    (elsewhere,) = [one for one in found if one["decision_id"] == done["decision_id"]]
    assert (elsewhere["same"], elsewhere["outcome"]) == ("class", "completed")
    assert now["decision_id"] not in [one["decision_id"] for one in found]
    would = right(floor.people["ben"].get(f"{place}/impact"))
    changes = {(one["vote"], one["outcome"]): one["change"] for one in would["items"]}
    assert changes == {
        ("approve", "completed"): 2,
        ("approve", "failed"): -15,
        ("approve", "unknown"): -10,
        ("deny", ""): 0,
    }
    assert would["score"] == right(floor.people["ben"].get(f"/api/v1/agents/{agent.id}/trust"))["score"]


def test_a_bypass_is_for_hours_of_level_2_and_can_be_taken_back(floor: Floor) -> None:
    agent, own = floor.agent(), floor.agent("dan")
    assert agent.request("act.stood", level=2)["verdict"] == "pending"
    hour = int(time.time() * 1_000_000) + 3_600_000_000
    body: Said = {"type": "act.stood", "expires_at": hour, "reason": "migration night"}
    assert floor.people["ann"].post("/api/v1/bypasses", json=body).status_code == 403
    assert floor.people["dan"].post("/api/v1/bypasses", json=body | {"reason": ""}).status_code == 422
    day = body | {"expires_at": hour + 86_400_000_000}
    assert floor.people["dan"].post("/api/v1/bypasses", json=day).status_code == 422
    mine = floor.people["dan"].post("/api/v1/bypasses", json=body | {"agent_id": own.id})
    refused(mine, "own_agent")
    opened = right(floor.people["dan"].post("/api/v1/bypasses", json=body))
    passed = agent.request("act.stood", n=1)
    assert (passed["verdict"], passed["grant"]["basis"]) == ("permitted", "standing"), passed
    assert agent.start(passed, passed["grant"])["status"] == "executing"
    assert agent.request("act.stood", level=3)["verdict"] == "pending", "never above level 2"
    assert agent.request("act.plain", level=2)["verdict"] == "pending", "of this type only"
    assert own.request("act.stood", n=1)["verdict"] == "pending", "never for their own"
    denied = agent.request("act.stood", path="/etc/passwd")
    assert denied["verdict"] == "denied", "never past the envelope"
    later = agent.request("act.stood", n=2)
    right(floor.people["opi"].post(f"/api/v1/bypasses/{opened['bypass_id']}/end"))
    assert agent.start(later, later["grant"])["status"] == "grant_revoked"
    assert agent.request("act.stood", n=3)["verdict"] == "pending"
    (shown,) = right(floor.people["ann"].get("/api/v1/bypasses", params={"min_seq": opened["seq"]}))["items"]
    assert (shown["reason"], shown["person"]) == ("migration night", floor.ids["dan"])


def test_what_nobody_can_answer_any_more_is_denied_at_once_with_who_must_be_added(floor: Floor) -> None:
    def a_pair(document: Said) -> None:
        seats = [{"person": "ann"}, {"person": "gus"}]
        document["committees"]["everybody"] = {"rule": "all", "seats": seats}

    floor.join("gus", "supervisor")
    floor.policy(a_pair, "sam", "ada", "dan")
    agent = floor.agent()
    asked, other = agent.request("act.everybody", level=3), agent.request("act.plain", level=3)
    right(floor.vote("ann", asked))
    right(floor.people["ada"].post(f"/api/v1/people/{floor.ids['gus']}/disable"))
    told = agent.told(asked)
    assert (told["verdict"], told["status"]) == ("denied", "denied")
    ended = until(lambda: _ended(floor, asked), "denied")
    assert (ended["reason"], ended["missing"], ended["lacks"]) == (
        "unanswerable",
        1,
        ["committee:everybody"],
    )
    assert floor.status(other) == "pending", "others can decide on that"


def _ended(floor: Floor, asked: Said) -> Said | None:
    found: Said = floor.decision(asked)["decision"]
    return found if found["status"] != "pending" else None

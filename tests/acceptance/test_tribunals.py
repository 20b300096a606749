"""Tribunals from outside, by REST and WebSocket only (spec 3.2 *Tribunal*, fault F8): agreeing, split, silent, and one
vote that is sure of nothing. People decide but where the policy lets agents decide level 2."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.acceptance.test_governance import Agent, Floor, Said, refused, right, until

import watchfloor_agent as sdk

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]
OWNERS = ("ann", "ben", "cid")


def judged(document: Said) -> None:
    """A tribunal for everything that waits for people; it decides level 2 alone when it is unanimous."""
    document["tribunal"] |= {
        "level_min": 2,
        "score_min": 0,
        "confidence_min_milli": 300,
        "decides": "unanimous",
        "wait_ms": 3_000,
    }


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    found = Floor(tmp_path_factory.mktemp("tribunals"))
    try:
        found.policy(judged, "sam", "ada", "dan")
        yield found
        found.verify()
    finally:
        found.close()


@pytest.fixture(scope="module")
def bench(floor: Floor) -> tuple[Agent, ...]:
    """Three validators of three owners, and those who must never be asked: of the requester's owner, and a fourth of ann's."""
    floor.agent("ada", capabilities=["validate"])
    floor.agent("ann", capabilities=["work"])
    found = tuple(floor.agent(owner, capabilities=["validate"]) for owner in OWNERS)
    floor.agent("ann", capabilities=["validate"])
    return found


def ask(floor: Floor, bench: tuple[Agent, ...], level: int) -> tuple[Agent, Said]:
    """An action that waits, with every validator asked about it and nobody else."""
    agent = floor.agent("ada", capabilities=["validate", "work"])
    asked = agent.request("act.plain", level=level, what="rotate the logs")
    assert asked["verdict"] == "pending", asked
    for validator in bench:
        question = hears(validator, asked)
        assert question["params"] == {"level": level, "what": "rotate the logs"}
        assert (question["agent_id"], question["digest"]) == (agent.id, asked["digest"])
        assert question["words"] == "a scenario"
    return agent, asked


def hears(validator: Agent, asked: Said) -> Said:
    """The question, as it was pushed."""

    def fits(frame: Said) -> bool:
        mine = frame["payload"].get("decision_id") == asked["decision_id"]
        return bool(frame["type"] == "tribunal:asked" and mine)

    return validator.until(fits)


def say(validator: Agent, asked: Said, vote: str, confidence_milli: int = 900) -> Said:
    told = {"decision_id": asked["decision_id"], "vote": vote, "confidence_milli": confidence_milli}
    return validator.ask("tribunal:vote", **told, reasoning=f"because I {vote}")


def shown(floor: Floor, asked: Said, seq: int) -> tuple[str, str, str]:
    found = floor.decision(asked, seq)["decision"]
    return found["consensus"], found["recommendation"], found["status"]


def test_a_unanimous_tribunal_decides_level_2_alone_and_its_grant_is_used(
    floor: Floor, bench: tuple[Agent, ...]
) -> None:
    agent, asked = ask(floor, bench, 2)
    for validator in bench:
        last = say(validator, asked, "approve")
    assert shown(floor, asked, last["seq"]) == ("unanimous", "approve", "approved")
    grant = agent.told(asked)["grant"]
    assert grant["basis"] == "tribunal"
    assert agent.start(asked, grant)["status"] == "executing"
    assert floor.vote("opi", asked).json()["late"]
    _, other = ask(floor, bench, 2)
    for validator in bench:
        last = say(validator, other, "deny")
    assert shown(floor, other, last["seq"]) == ("unanimous", "deny", "denied")


@pytest.mark.parametrize(("level", "voters"), [(3, ("ann",)), (4, ("dan", "dot"))])
def test_above_level_2_a_unanimous_tribunal_is_advice_and_people_decide(
    floor: Floor, bench: tuple[Agent, ...], level: int, voters: tuple[str, ...]
) -> None:
    agent, asked = ask(floor, bench, level)
    for validator in bench:
        last = say(validator, asked, "approve")
    assert shown(floor, asked, last["seq"]) == ("unanimous", "approve", "pending")
    detail = floor.decision(asked)
    said = {one["owner"]: (one["vote"], one["reasoning"]) for one in detail["judgements"]}
    assert said == {floor.ids[owner]: ("approve", "because I approve") for owner in OWNERS}
    assert "The tribunal recommends to approve (unanimous)." in [
        line["sentence"] for line in detail["timeline"]
    ]
    page = floor.people["ann"].get(f"/inbox/{asked['decision_id']}").text
    assert "recommends to approve" in page
    for who in voters:
        right(floor.vote(who, asked))
    assert agent.start(asked, agent.told(asked)["grant"])["status"] == "executing"


def test_a_split_tribunal_leaves_it_to_people(floor: Floor, bench: tuple[Agent, ...]) -> None:
    agent, asked = ask(floor, bench, 2)
    first, second, third = bench
    say(first, asked, "approve")
    say(second, asked, "deny")
    last = say(third, asked, "abstain")
    assert shown(floor, asked, last["seq"]) == ("split", "", "pending")
    assert right(floor.vote("opi", asked))["status"] == "approved"
    assert agent.told(asked)["grant"]["basis"] == "approved"


def test_a_person_who_decides_against_the_tribunal_is_counted_and_can_be_looked_up(
    floor: Floor, bench: tuple[Agent, ...]
) -> None:
    """Advice that people overrule is an override: counted, and listed with the decision behind it (spec 3.5)."""

    def counted() -> Said:
        (found,) = right(floor.people["ann"].get("/api/v1/analytics/overrides"))["items"]
        kept: Said = found
        return kept

    before = counted()
    against = []
    for recommended, decided, status in (("approve", "deny", "denied"), ("deny", "approve", "approved")):
        agent, asked = ask(floor, bench, 3)
        for validator in bench:
            last = say(validator, asked, recommended)
        assert shown(floor, asked, last["seq"]) == ("unanimous", recommended, "pending")
        assert right(floor.vote("ann", asked, decided))["status"] == status
        assert bool(agent.told(asked).get("grant")) is (decided == "approve")
        against.append(asked["decision_id"])
    until(lambda: counted()["tribunal_overridden"] == before["tribunal_overridden"] + 2, "both are counted")
    after = counted()
    assert after["tribunal_advised"] == before["tribunal_advised"] + 2
    assert after["gate_overridden"] == before["gate_overridden"], "above level 2 the gate leaves it to people"
    assert after["tribunal_ids"][:2] == against[::-1], "the newest first"
    rate = after["tribunal_overridden"] * 1_000 // after["tribunal_advised"]
    assert abs(after["tribunal_permille"] - rate) <= 1
    for decision in against:
        detail = right(floor.people["ann"].get(f"/api/v1/decisions/{decision}"))
        assert detail["decision"]["recommendation"] in ("approve", "deny")
    sheet = floor.people["ann"].get("/api/v1/analytics/overrides.csv")
    assert against[0] in sheet.text


def test_one_vote_of_confidence_0_01_is_no_quorum_and_neither_are_three(
    floor: Floor, bench: tuple[Agent, ...]
) -> None:
    _, asked = ask(floor, bench, 2)
    for validator in bench:
        last = say(validator, asked, "approve", 10)
    assert shown(floor, asked, last["seq"]) == ("no_quorum", "", "pending")
    _, alone = ask(floor, bench, 2)
    say(bench[0], alone, "approve", 10)
    ended = until(lambda: shown(floor, alone, 0)[0], "its time is over")
    assert ended == "no_quorum"
    assert floor.status(alone) == "pending"


def test_a_silent_tribunal_decides_nothing_and_a_late_vote_changes_nothing(
    floor: Floor, bench: tuple[Agent, ...]
) -> None:
    _, asked = ask(floor, bench, 2)
    say(bench[0], asked, "approve")
    say(bench[1], asked, "approve")
    until(lambda: shown(floor, asked, 0)[0], "its time is over")
    assert shown(floor, asked, 0) == ("unanimous", "approve", "pending"), "not complete: people decide"
    late = say(bench[2], asked, "deny")
    assert late["late"], late
    assert shown(floor, asked, late["seq"]) == ("unanimous", "approve", "pending")
    again = say(bench[2], asked, "deny")
    assert (again["frame"], again["code"]) == ("error", "already_voted")
    assert right(floor.vote("opi", asked, "deny"))["status"] == "denied"


def test_people_may_be_faster_and_then_nobody_waits_for_the_tribunal(
    floor: Floor, bench: tuple[Agent, ...]
) -> None:
    agent, asked = ask(floor, bench, 2)
    say(bench[0], asked, "approve")
    assert right(floor.vote("opi", asked, "deny"))["status"] == "denied"
    late = [say(validator, asked, "approve") for validator in bench[1:]]
    assert [one["late"] for one in late] == [True, True]
    assert shown(floor, asked, late[-1]["seq"]) == ("", "", "denied")
    assert not agent.told(asked).get("grant")


def test_only_who_was_asked_judges_and_by_rest_as_well(floor: Floor, bench: tuple[Agent, ...]) -> None:
    agent, asked = ask(floor, bench, 3)
    stranger = say(agent, asked, "approve")
    assert (stranger["frame"], stranger["code"]) == ("error", "not_a_member")
    validator = bench[0]
    with floor.client(validator.key) as client:
        (waiting,) = right(client.get("/api/v1/tribunals"))["items"]
        assert waiting["decision_id"] == asked["decision_id"]
        place = f"/api/v1/tribunals/{asked['decision_id']}"
        seen = right(client.get(place))
        assert seen["params"] == {"level": 3, "what": "rotate the logs"}
        body: Said = {"vote": "deny", "confidence_milli": 700, "reasoning": "by post"}
        assert not right(client.post(f"{place}/vote", json=body))["late"]
        refused(client.post(f"{place}/vote", json=body), "already_voted")
    with floor.client(agent.key) as client:
        assert client.get(place).status_code == 404
        assert client.post(f"{place}/vote", json=body).status_code == 403
    assert floor.people["ann"].post(f"{place}/vote", json=body).status_code == 403


def test_a_validator_written_with_the_sdk_judges_what_it_is_asked(
    floor: Floor, bench: tuple[Agent, ...]
) -> None:
    first, second, third = bench
    third.close()
    program = sdk.Agent(floor.url.replace("http", "ws") + "/ws", third.key)

    @program.on_judgement
    async def judge(question: Any) -> sdk.Judgement:
        fine = question.params["what"] == "rotate the logs"
        return sdk.Judgement("approve" if fine else "deny", 0.75, "nothing is lost")

    async def story() -> Said:
        async with program:
            _, asked = await asyncio.to_thread(ask, floor, (first, second), 3)
            await asyncio.to_thread(say, first, asked, "approve")
            await asyncio.to_thread(say, second, asked, "approve")
            await asyncio.to_thread(until, lambda: shown(floor, asked, 0)[0], "the ruling")
            return floor.decision(asked)

    found = asyncio.run(story())
    assert found["decision"]["consensus"] == "unanimous"
    (mine,) = [one for one in found["judgements"] if one["owner"] == floor.ids["cid"]]
    assert (mine["confidence_milli"], mine["reasoning"]) == (750, "nothing is lost")

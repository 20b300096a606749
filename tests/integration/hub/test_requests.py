"""Frames with an effect on a real port: answered once, bounded, and about one's own things only (spec 2.2, S8)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
from tests.integration.hub.house import GENEROUS, Frame, House, Peer, house, reading

from watchfloor.actions.messages import GrantMisused, GrantStanding
from watchfloor.fleet.messages import AgentThrottled
from watchfloor.hub import floods
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import IN_FLIGHT_PER_AGENT
from watchfloor.kernel.messages import SYSTEM
from watchfloor.kernel.terms import RateTerms


async def test_a_repeated_frame_is_answered_from_the_ledger_with_the_same_words(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            first = await peer.ask("action:request", reading(), number=1)
            head = here.engine.head(here.org)
            again = await peer.ask("action:request", reading(), number=1)
            assert again == first
            assert here.engine.head(here.org) == head
        async with here.peer(key) as peer:
            assert await peer.ask("action:request", reading(), number=1) == first, "on another connection too"
            other = await peer.ask("action:request", reading(reason="other"), number=1)
            assert (other["type"], other["payload"]["code"]) == ("error", "frame_reused")
            assert next(peer.numbers) == 2, "welcome named the last id"


async def test_the_answer_to_a_denied_request_is_the_same_when_it_is_repeated(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            denied = reading(params={"path": "a/../../../etc/passwd"})
            first = await peer.ask("action:request", denied, number=1)
            assert first["payload"]["verdict"] == "denied"
            assert await peer.ask("action:request", denied, number=1) == first


async def test_more_than_eight_at_once_are_refused_and_later_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            # One write, so that all of them are there before the first is durable.
            frames = [
                json.dumps({"type": "action:request", "id": number, "payload": reading()})
                for number in range(1, 41)
            ]
            await asyncio.gather(*(peer.connection.send(frame) for frame in frames))
            answers: dict[int, Frame] = {}
            while len(answers) < 40:
                frame = await peer.hear()
                answers[frame["re"]] = frame
            decided = [n for n, frame in answers.items() if frame["type"] == "action:decided"]
            refused = [frame["payload"] for frame in answers.values() if frame["type"] == "error"]
            assert len(decided) >= IN_FLIGHT_PER_AGENT
            assert all(error["code"] == "too_many_in_flight" and error["retryable"] for error in refused)
            for number in sorted(set(answers) - set(decided)):
                assert (await peer.ask("action:request", reading(), number=number))[
                    "type"
                ] == "action:decided"


async def test_an_empty_bucket_says_how_long_to_wait_and_warns_before(tmp_path: Path) -> None:
    policy = msgspec.structs.replace(GENEROUS, rates=RateTerms(light=10, normal=10, heavy=10))
    async with house(tmp_path, policy) as here:
        public, key = await here.agent("otto")
        async with here.peer(key) as peer:
            heard: list[dict[str, Any]] = []
            for number in range(1, 12):
                await peer.say("action:request", reading(), number=number)
                while True:
                    heard.append(await peer.hear())
                    if heard[-1].get("re") == number:
                        break
            warnings = [
                frame["payload"] for frame in heard if frame["type"] == "rate:limited" and "re" not in frame
            ]
            assert [warning["warning"] for warning in warnings] == [True]
            last = heard[-1]
            assert last["type"] == "rate:limited"
            assert 0 < last["payload"]["retry_after_ms"] <= 6_100
            head = here.engine.head(here.org)
            floods.report(here.hub)
            await here.until(lambda: here.engine.head(here.org) > head)
            event = here.engine.event(here.org, head + 1)
            assert event is not None
            assert isinstance(event.facts, AgentThrottled), "one event a minute, however many were refused"
            assert event.subject == parse_id(public, "agent")[0]


async def test_ten_invalid_frames_in_a_minute_are_answered_and_the_eleventh_is_4008(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            for _ in range(11):
                await peer.connection.send("{")
            code, heard = await peer.ended()
            assert code == 4008
            assert [frame["payload"]["code"] for frame in heard] == ["malformed_json"] * 10


async def test_a_request_without_a_number_is_invalid(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            await peer.say("action:request", reading())
            assert (await peer.hear())["payload"]["code"] == "missing_field"


async def assigned(here: House, peer: Peer) -> dict[str, Any]:
    """A task given to this peer."""
    await here.task()
    payload: dict[str, Any] = (await peer.hear("task:assigned"))["payload"]
    return payload


async def test_a_task_lives_from_assigned_to_completed(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            task = await assigned(here, peer)
            of = {"task_id": task["task_id"], "generation": task["generation"]}
            assert task["title"] == "t"
            statuses = []
            for kind, more in (
                ("task:accepted", {}),
                ("task:progress", {"percent": 10, "status": "blocked"}),
                ("task:progress", {"percent": 50}),
                ("task:completed", {"result": {"ok": True}}),
            ):
                answer = await peer.ask(kind, {**of, **more})
                assert answer["type"] == "task:recorded"
                statuses.append(answer["payload"]["status"])
            assert statuses == ["running", "blocked", "running", "succeeded"]
            late = await peer.ask("task:failed", of)
            assert late["type"] in ("task:recorded", "error")
            assert here.state("task", task["task_id"]).stage == "succeeded"


async def test_an_agent_cannot_report_on_anothers_task_or_action(tmp_path: Path) -> None:
    """S8: whatever it knows of the other's ids."""
    async with house(tmp_path) as here:
        public_a, key_a = await here.agent("otto")
        public_b, key_b = await here.agent("ida", "thief")
        async with here.peer(key_a) as a, here.peer(key_b) as b:
            task = await assigned(here, a)
            of = {"task_id": task["task_id"], "generation": task["generation"]}
            await a.ask("task:accepted", of)
            before = here.state("task", task["task_id"])
            for kind in (
                "task:accepted",
                "task:rejected",
                "task:progress",
                "task:completed",
                "task:failed",
                "task:resume",
            ):
                answer = await b.ask(kind, of)
                late = answer["type"] == "task:recorded" and answer["payload"].get("late")
                assert answer["type"] in ("error", "task:reassigned") or late, (kind, answer)
            after = here.state("task", task["task_id"])
            assert (after.stage, after.agent, after.generation) == (
                before.stage,
                before.agent,
                before.generation,
            )

            until = here.engine.clock() + DAY
            agent_a = parse_id(public_a, "agent")[0]
            await here.put(GrantStanding(agent=agent_a, type="file.read", expires_at=until), SYSTEM)
            decided = (await a.ask("action:request", reading()))["payload"]
            action, grant = decided["action_id"], decided["grant"]["grant_id"]
            stolen = await b.ask(
                "action:started",
                {"action_id": action, "grant_id": grant, "execution_id": "x", "digest": decided["digest"]},
            )
            assert stolen["payload"]["code"] == "grant_misused"
            event = here.engine.event(here.org, here.engine.head(here.org))
            misuses = [
                event.facts.agent
                for event in here.engine.events(here.org, 0, 1_000)
                if isinstance(event.facts, GrantMisused)
            ]
            assert misuses == [parse_id(public_b, "agent")[0]], "recorded against the one who tried"
            assert event is not None
            assert here.state("action", action).status == "granted"
            ran = await a.ask(
                "action:started",
                {"action_id": action, "grant_id": grant, "execution_id": "e", "digest": decided["digest"]},
            )
            assert ran["payload"]["status"] == "executing"
            for kind in ("action:completed", "action:failed"):
                answer = await b.ask(kind, {"action_id": action, "execution_id": "e"})
                assert answer["payload"]["code"] == "not_found", (kind, answer)
            answer = await b.ask(
                "action:settled", {"action_id": action, "execution_id": "e", "outcome": "completed"}
            )
            assert answer["payload"]["code"] == "not_found"
            assert here.state("action", action).status == "executing"


async def test_an_id_with_a_wrong_secret_part_is_not_found(tmp_path: Path) -> None:
    """Whoever guesses numbers learns nothing of what exists."""
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            task = await assigned(here, peer)
            number, nonce = parse_id(task["task_id"], "task")
            guessed = public_id("task", number, nonce ^ 1)
            answers = [
                (await peer.ask("task:accepted", {"task_id": public, "generation": 1}))["payload"]
                for public in (guessed, public_id("task", 10**6, 5))
            ]
            assert answers[0]["code"] == "not_found"
            assert answers[0] == answers[1]

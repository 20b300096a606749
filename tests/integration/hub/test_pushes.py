"""What the server says by itself: pushed once, again after a reconnect, until acknowledged (DESIGN §2, 2b.9)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.hub.house import house, reading

from watchfloor.engine.stops import JournalStop
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.limits import OUTBOX_SEQS
from watchfloor.kernel.messages import Actor
from watchfloor.ledger.contract import StorageFull
from watchfloor.policy.messages import ProposePolicy
from watchfloor.trust.messages import AdjustTrust
from watchfloor.work.messages import CancelTask, PauseTask, UnpauseTask

PERSON = Actor(kind="person", id="per_1", credential="ses_1")


async def test_a_push_comes_again_after_a_reconnect_until_it_was_seen(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            await peer.say("hello")
            await here.task()
            push = await peer.hear("task:assigned")
        async with here.peer(key) as peer:
            await peer.say("hello", {"last_seq": push["seq"] - 1})
            again = await peer.hear("task:assigned")
            assert (again["seq"], again["payload"]["task_id"]) == (push["seq"], push["payload"]["task_id"])
            assert await peer.quiet() == [], "once to a connection"
            await peer.say("heartbeat", {"seq": push["seq"]})
        async with here.peer(key) as peer:
            await peer.say("hello", {"last_seq": push["seq"]})
            assert await peer.quiet() == [], "it was seen"


async def test_pause_and_resume_reach_the_agent_that_has_the_task_and_a_paused_one_keeps_it(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            await peer.say("hello")
            task = await here.task()
            given = (await peer.hear("task:assigned"))["payload"]
            named = {"task_id": given["task_id"], "generation": given["generation"]}
            await peer.ask("task:accepted", named)
            await here.put(PauseTask(subject=task, reason="wait"))
            paused = await peer.hear("task:paused")
            assert {name: paused["payload"][name] for name in named} == named
            progress = await peer.ask("task:progress", {**named, "progress": 40})
            assert progress["type"] == "task:recorded", "what it reports counts"
        async with here.peer(key) as peer:
            await peer.say("hello", {"last_seq": paused["seq"] - 1})
            again = await peer.hear("task:paused")
            assert again["seq"] == paused["seq"], "as every push it comes again until it was seen"
            kept = await peer.ask("task:resume", {**named, "status": "running"})
            assert kept["type"] == "task:continue"
            await here.put(UnpauseTask(subject=task))
            assert (await peer.hear("task:unpaused"))["payload"]["task_id"] == given["task_id"]
            done = await peer.ask("task:completed", {**named, "result": 1})
            assert done["payload"]["status"] == "succeeded"


async def test_a_task_that_waited_for_the_agent_is_pushed_once_with_hello_in_the_frame(
    tmp_path: Path,
) -> None:
    """It is assigned in the very batch of the connection: by welcome and by the follower alike, but told once."""
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        await here.task()
        async with here.peer() as peer:
            await peer.say("hello", {"key": key})
            assert (await peer.hear())["type"] == "welcome"
            assert [frame["type"] for frame in await peer.quiet(0.5)] == ["task:assigned"]


async def test_a_hello_that_comes_after_a_push_still_brings_what_was_missed(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        public, key = await here.agent("otto")
        async with here.peer(key) as peer:
            await here.task()
            missed = (await peer.hear("task:assigned"))["seq"]
        async with here.peer(key) as peer:
            await here.task()
            live = (await peer.hear("task:assigned"))["seq"]
            await peer.say("hello", {"last_seq": missed - 1})
            assert [frame["seq"] for frame in await peer.quiet(0.5)] == [missed]
            assert live > missed
            await peer.say("hello", {"last_seq": 0})
            assert await peer.quiet() == [], "a second hello is none"
        assert len(here.engine.cell(here.org, "load", parse_id(public, "agent")[0])) == 2


async def test_whoever_missed_more_than_the_outbox_keeps_gets_everything_open_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        public, key = await here.agent("otto")
        agent = parse_id(public, "agent")[0]
        async with here.peer(key):
            for _ in range(OUTBOX_SEQS // 2 + 5):
                await here.put(CancelTask(subject=await here.task(), reason="r"))
            open_task = await here.task()
            await here.until(lambda: len(here.engine.cell(here.org, "outbox", agent) or ()) == OUTBOX_SEQS)
        async with here.peer(key) as peer:
            await peer.say("hello", {"last_seq": 1})
            resync = await peer.hear("resync")
            told = resync["payload"]["tasks"]
            assert [parse_id(task["task_id"], "task")[0] for task in told] == [open_task]
            assert await peer.quiet() == []


async def test_an_orphaned_task_is_gone_on_with_after_a_reconnect(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            await here.task()
            task = (await peer.hear("task:assigned"))["payload"]
            of = {"task_id": task["task_id"], "generation": task["generation"]}
            await peer.ask("task:accepted", of)
        await here.until(lambda: here.state("task", task["task_id"]).stage == "orphaned")
        async with here.peer(key) as peer:
            answer = await peer.ask("task:resume", of)
            assert (answer["type"], answer["payload"]["generation"]) == ("task:continue", task["generation"])
            assert (await peer.ask("task:completed", of))["payload"]["status"] == "succeeded"


async def test_a_stop_in_the_journal_holds_requests_by_any_spelling_before_the_ledger_knows(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            stop = JournalStop(
                id="s", org=here.org, scope="action_type", target="file.read", reason="r", by="per_a", at=1
            )
            here.engine.stops.add(stop)
            for kind in ("file.read", "File.Read", " file.read"):
                answer = await peer.ask("action:request", reading(type=kind))
                assert "grant" not in answer["payload"], kind
            assert (await peer.ask("action:request", reading()))["payload"]["code"] == "stopped"


async def test_what_an_agent_said_before_welcome_is_answered_or_refused_but_never_lost(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer() as peer:
            await peer.say("hello", {"key": key})
            await asyncio.gather(*(peer.say("action:request", reading(), number=n) for n in range(1, 13)))
            heard = [await peer.hear() for _ in range(13)]
            answers = {frame["re"]: frame for frame in heard if "re" in frame}
            assert set(answers) == set(range(1, 13)), "every one gets its answer"
            assert [frame["type"] for frame in heard if "re" not in frame] == ["welcome"]
            refused = [frame["payload"] for frame in answers.values() if frame["type"] == "error"]
            assert all(error["code"] == "too_many_in_flight" and error["retryable"] for error in refused)


async def test_revoking_a_key_closes_its_socket_and_no_other(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        _, other = await here.agent("ida")
        async with here.peer(key) as peer, here.peer(other) as bystander:
            credential = here.engine.credentials.find(key, here.engine.clock())
            assert credential is not None
            row = list(credential.row())
            row[8] = here.engine.clock()
            here.engine.credentials.committed([tuple(row)])
            code, _ = await peer.ended(within=8)  # two seconds, and a slow machine
            assert code == 4003
            assert (await bystander.ask("action:request", reading()))["type"] == "action:decided"


async def test_a_stop_of_everything_says_so_on_every_socket_while_no_commit_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault F9: the kill switch works from memory."""

    async def away(batch: object) -> None:
        del batch
        raise StorageFull("the volume is away")

    async with house(tmp_path) as here:
        keys = [(await here.agent(name))[1] for name in ("otto", "mara")]
        async with here.peer(keys[0]) as first, here.peer(keys[1]) as second:
            monkeypatch.setattr(here.backbone.ledger, "commit", away)
            assert (await first.ask("action:request", reading()))["payload"]["code"] == "unavailable"
            began = time.monotonic()
            stop = JournalStop(
                id="s9",
                org=here.org,
                scope="organisation",
                target="",
                reason="halt",
                by="",
                at=here.engine.clock(),
            )
            here.engine.stops.add(stop)
            for peer in (first, second):
                assert (await peer.ask("action:request", reading()))["payload"]["code"] == "stopped"
            assert time.monotonic() - began < 8, "two seconds, and a slow machine"
            monkeypatch.undo()
            await here.until(lambda: not here.engine.read_only)


async def test_another_tier_and_another_policy_are_told_to_agents_that_are_there(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        public, key = await here.agent("otto")
        async with here.peer(key, welcome=False) as peer:
            welcome = (await peer.hear("welcome"))["payload"]
            subject = parse_id(public, "agent")[0]
            await here.put(AdjustTrust(subject=subject, points=-welcome["score"], reason="a look"), PERSON)
            told = (await peer.hear("config:updated"))["payload"]
            assert (told["tier"], told["score"]) == ("UNTRUSTED", 0)
            assert welcome["tier"] != told["tier"]
            active = here.engine.cell(here.org, "active_policy", "active")
            tighter = replace(active.document, rates=replace(active.document.rates, heavy=7))
            await here.put(ProposePolicy(subject=active.subject, document=tighter), PERSON)
            told = (await peer.hear("config:updated"))["payload"]
            assert told["policy_version"] == active.version + 1
            assert told["limits"]["rates"]["heavy"] == 7
            assert welcome["limits"]["rates"]["heavy"] != 7

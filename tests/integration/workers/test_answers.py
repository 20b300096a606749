"""A task posted to a real worker on a real port, and what becomes of it however the worker behaves (spec 2.4)."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.effects.bells import all_done
from tests.integration.workers.yard import Asked, Handler, Yard, done, place, yard

from watchfloor.runners import http_workers
from watchfloor.runners.http_workers import CallTerms
from watchfloor.work.messages import CancelTask, CompleteTask
from watchfloor_agent import verify


def answering(status: int, body: bytes = b"", **headers: str) -> Any:
    def behave(handler: Handler, asked: Asked, number: int) -> None:
        handler.tell(status, body, **headers)

    return behave


async def test_a_worker_that_answers_has_done_the_task(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(done) as worker:
            agent = await floor.worker(worker.url)
            task = await floor.submit(title="count them")
            row = await floor.over(task)
        assert (row["status"], row["agent"], row["tokens"]) == ("succeeded", agent, 7)
        assert floor.private(row["report_seq"])["result"] == {"number": 1}
        assert floor.types(task) == [
            "task.submitted/1",
            "task.assigned/1",
            "task.accepted/1",
            "task.succeeded/1",
        ]
        (asked,) = worker.asked
        assert asked.key == f"{row['id']}.1"
        assert asked.frame["type"] == "task:assigned"
        assert asked.frame["payload"]["title"] == "count them"
        assert asked.frame["callback_url"].endswith(f"/api/v1/tasks/{row['id']}")
        public = floor.actor(agent).id
        called = verify(
            floor.backbone.worker_secret(floor.org, public, 1), asked.headers, asked.body, agent_id=public
        )
        assert (called.task_id, called.generation, called.key) == (row["id"], 1, asked.key)


async def test_accepted_work_is_reported_later_and_posted_once(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(202)) as worker:
            agent = await floor.worker(worker.url)
            task = await floor.submit()
            await floor.until(lambda: floor.task(task).stage == "running", "accepted")
            report = CompleteTask(
                subject=task, agent=agent, generation=1, private=b'{"report":null,"result":5}'
            )
            await floor.engine.ask(floor.org, report, floor.actor(agent))
            assert (await floor.over(task))["status"] == "succeeded"
            assert len([asked for asked in worker.asked if asked.is_call]) == 1


# (how it answers, the reason on the task, how often it is asked)
MISBEHAVING: list[tuple[str, Any, str, int]] = [
    ("a fault", answering(500, b"boom"), "worker_error", 3),
    ("a bad gateway", answering(502), "worker_error", 3),
    ("too busy", answering(429), "worker_busy", 3),
    ("busy for an hour", answering(429, Retry_After="3600"), "worker_busy", 1),
    ("a refusal", answering(403, b'{"token":"abc"}'), "worker_refused", 1),
    ("not there", answering(404), "worker_refused", 1),
    ("a redirect", answering(302, Location="http://127.0.0.1:1/"), "worker_redirected", 1),
    ("a permanent redirect", answering(308, Location="http://169.254.169.254/"), "worker_redirected", 1),
    ("nothing", answering(200), "worker_answer_invalid", 1),
    ("no content", answering(204), "worker_answer_invalid", 1),
    ("no JSON", answering(200, b"<html>hello</html>"), "worker_answer_invalid", 1),
    ("a list", answering(200, b"[1, 2]"), "worker_answer_invalid", 1),
    ("half of it", answering(200, b'{"result": {"a": 1'), "worker_answer_invalid", 1),
    ("a key twice", answering(200, b'{"result": 1, "result": 2}'), "worker_answer_invalid", 1),
    ("a fraction", answering(200, b'{"result": 0.5}'), "worker_answer_invalid", 1),
    ("too deep", answering(200, b'{"result": ' + b"[" * 500 + b"]" * 500 + b"}"), "worker_answer_invalid", 1),
    ("not UTF-8", answering(200, b'{"result": "\xff"}'), "worker_answer_invalid", 1),
    ("an unknown status", answering(200, b'{"status": "perhaps"}'), "worker_answer_invalid", 1),
    ("no status at all", answering(200, b'{"error": "x"}'), "worker_answer_invalid", 1),
    ("negative tokens", answering(200, b'{"result": 1, "tokens": -1}'), "worker_answer_invalid", 1),
    ("too much", answering(200, b'{"result": "' + b"a" * 600_000 + b'"}'), "worker_answer_too_large", 1),
    ("a bomb", answering(200, b"x", Content_Encoding="gzip"), "worker_answer_invalid", 1),
]


@pytest.mark.parametrize(
    ("behave", "reason", "times"), [case[1:] for case in MISBEHAVING], ids=[case[0] for case in MISBEHAVING]
)
async def test_whatever_it_answers_the_task_says_why_it_failed(
    tmp_path: Path, behave: Any, reason: str, times: int
) -> None:
    async with yard(tmp_path) as floor:
        with place(behave) as worker:
            agent = await floor.worker(worker.url)
            row = await floor.over(await floor.submit())
        assert (row["status"], row["reason"]) == ("dead_letter", reason)
        assert len(worker.asked) == times
        assert len({asked.key for asked in worker.asked}) == 1
        told = floor.private(row["report_seq"])
        assert [call["outcome"] for call in told["calls"]] == [reason] * times
        assert "abc" not in json.dumps(told)
        assert floor.agent(agent).worker.failures == 1
        assert (await floor.agent_row(agent))["breaker_reason"] == reason
        await all_done(floor.backbone.effects)


async def test_a_worker_may_say_that_it_failed_or_will_not_and_its_breaker_does_not_mind(
    tmp_path: Path,
) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(200, b'{"status":"failed","reason":"no disk","retryable":false}')) as worker:
            agent = await floor.worker(worker.url)
            row = await floor.over(await floor.submit())
            assert (row["status"], row["reason"]) == ("dead_letter", "failed")
            assert floor.private(row["report_seq"]) == {"reason": "no disk"}
            worker.behave = answering(200, b'{"status":"rejected","reason":"not mine"}')
            row = await floor.over(await floor.submit())
            assert (row["status"], row["reason"]) == ("dead_letter", "rejected")
        assert floor.agent(agent).worker.failures == 0


async def test_a_worker_that_recovers_within_a_call_is_asked_again_with_the_same_key(tmp_path: Path) -> None:
    def third_time(handler: Handler, asked: Asked, number: int) -> None:
        if number < 3:
            handler.tell(503, Retry_After="0")
        else:
            done(handler, asked, number)

    async with yard(tmp_path) as floor:
        with place(third_time) as worker:
            await floor.worker(worker.url)
            began = time.monotonic()
            row = await floor.over(await floor.submit())
            spent = time.monotonic() - began
        assert row["status"] == "succeeded"
        assert len({asked.key for asked in worker.asked}) == 1
        assert len({asked.headers["watchfloor-signature"] for asked in worker.asked}) <= 2
        assert spent >= 0.15, "half of 100 and of 200 ms at least lie between the three attempts"


async def test_retry_after_is_honoured_within_its_bound(tmp_path: Path) -> None:
    def second_time(handler: Handler, asked: Asked, number: int) -> None:
        if number == 1:
            handler.tell(429, Retry_After="1")
        else:
            done(handler, asked, number)

    async with yard(tmp_path) as floor:
        with place(second_time) as worker:
            await floor.worker(worker.url)
            began = time.monotonic()
            assert (await floor.over(await floor.submit()))["status"] == "succeeded"
            assert time.monotonic() - began >= 1


async def test_nobody_listening_is_unreachable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port meanwhile
        async with yard(tmp_path) as floor:
            await floor.worker(f"http://127.0.0.1:{taken.getsockname()[1]}/")
            row = await floor.over(await floor.submit())
            assert row["reason"] == "worker_unreachable"
            assert len(floor.private(row["report_seq"])["calls"]) == 3


async def test_a_name_without_an_address_is_unreachable(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        await floor.worker("http://no-such-host.invalid/")
        assert (await floor.over(await floor.submit()))["reason"] == "worker_unreachable"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::1]/", "http://169.254.169.254/latest/", "http://2130706433/"]
)
async def test_a_private_address_is_refused_at_every_call(tmp_path: Path, url: str) -> None:
    async with yard(tmp_path, outbound_allow=()) as floor:
        assert await floor.backbone.outbound.fault(url), "refused where it is saved"
        await floor.worker(url)
        row = await floor.over(await floor.submit())
        assert row["reason"] == "worker_address_refused"
        assert len(floor.private(row["report_seq"])["calls"]) == 1


def shortened(floor: Yard, **terms: int) -> None:
    """Calls with small bounds."""
    registered = floor.backbone.effects._registered["CallWorker"].executor
    assert isinstance(registered, http_workers.HTTPWorkers)
    registered._terms = CallTerms(**terms)


def silent(handler: Handler, asked: Asked, number: int) -> None:
    handler.server.release.wait(30)


def dripping(handler: Handler, asked: Asked, number: int) -> None:
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.release.wait(0.02):
        handler.wfile.write(b" ")


def hanging_up(handler: Handler, asked: Asked, number: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b'{"result"')


def gibberish(handler: Handler, asked: Asked, number: int) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (silent, "worker_timed_out"),
        (dripping, "worker_timed_out"),
        (hanging_up, "worker_unreachable"),
        (gibberish, "worker_answer_invalid"),
    ],
)
async def test_no_worker_holds_a_call_longer_than_its_time(tmp_path: Path, behave: Any, reason: str) -> None:
    async with yard(tmp_path) as floor:
        waits = reason == "worker_timed_out"
        # What answers at once must not be taken for silence on a busy machine.
        shortened(floor, answer_ms=300 if waits else 5_000, call_ms=700 if waits else 20_000)
        with place(behave) as worker:
            await floor.worker(worker.url)
            began = time.monotonic()
            row = await floor.over(await floor.submit())
            assert time.monotonic() - began < 30
        told = [call["outcome"] for call in floor.private(row["report_seq"])["calls"]]
        assert row["reason"] in (reason, "worker_answer_invalid" if behave is hanging_up else reason), told


async def test_a_call_ends_before_its_assignment_does(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(silent) as worker:
            await floor.worker(worker.url)
            row = await floor.over(await floor.submit(acceptance_ms=1_000))
        assert row["reason"] in ("worker_timed_out", "not_accepted")


async def test_one_slow_worker_delays_nobody_else(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(silent) as slow, place(done) as quick:
            sloth = await floor.worker(slow.url, "sloth", trust=700)
            await floor.worker(quick.url, "quick")
            held = [await floor.submit("sloth") for _ in range(20)]
            await floor.until(lambda: len(slow.asked) >= http_workers.PER_WORKER_MAX, "its places are taken")
            for _ in range(5):
                began = time.monotonic()
                assert (await floor.over(await floor.submit("quick")))["status"] == "succeeded"
                assert time.monotonic() - began < 8, "nobody waits for them"
            assert len(slow.asked) == http_workers.PER_WORKER_MAX, "and no more than its places"
            assert len(floor.engine.cell(floor.org, "load", sloth)) == len(held)
            for task in held:
                await floor.engine.ask(floor.org, CancelTask(subject=task), floor.actor(sloth))


async def test_an_answer_after_the_task_went_to_somebody_else_is_recorded_late_and_ignored(
    tmp_path: Path,
) -> None:
    let_go = threading.Event()

    def slow(handler: Handler, asked: Asked, number: int) -> None:
        let_go.wait(20)
        done(handler, asked, number)

    async with yard(tmp_path) as floor:
        with place(slow) as first, place(done) as second:
            sloth = await floor.worker(first.url, "sloth")
            task = await floor.submit("work", attempts_max=2, acceptance_ms=1_500, backoff_ms=0)
            await floor.until(lambda: first.asked, "the first worker was asked")
            registered = floor.backbone.effects._registered["CallWorker"].executor
            assert isinstance(registered, http_workers.HTTPWorkers)
            quick = await floor.worker(second.url, "quick")
            floor.pass_time(2)  # the assignment is over, the exchange with the first worker is not
            row = await floor.over(task)
            assert (row["status"], row["agent"], row["generation"]) == ("succeeded", quick, 2)
            let_go.set()
            await floor.until(lambda: "task.reported_late/1" in floor.types(task), "its answer is recorded")
        assert floor.types(task).count("task.succeeded/1") == 1
        assert (await floor.row(task))["agent"] == quick
        assert floor.agent(sloth).worker.failures == 1
        calls = [asked for asked in [*first.asked, *second.asked] if asked.is_call]
        assert {asked.key[-2:] for asked in calls} == {".1", ".2"}


async def test_a_task_cancelled_meanwhile_is_posted_no_more(tmp_path: Path) -> None:
    async with yard(tmp_path) as floor:
        with place(answering(503, Retry_After="1")) as worker:
            agent = await floor.worker(worker.url)
            task = await floor.submit()
            await floor.until(lambda: worker.asked, "asked")
            await floor.engine.ask(floor.org, CancelTask(subject=task), floor.actor(agent))
            await floor.until(lambda: floor.backbone.effects._performing == {}, "the call is over")
            assert len([asked for asked in worker.asked if asked.is_call]) == 1
        assert (await floor.row(task))["status"] == "cancelled"
        assert floor.agent(agent).worker == msgspec.structs.replace(floor.agent(agent).worker, failures=0)

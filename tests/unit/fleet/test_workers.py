"""HTTP workers: their urls, and a breaker that opens, lets one task try, and closes (spec 2.4)."""

from __future__ import annotations

import pytest
from tests.transcripts.world import START, World
from tests.unit.fleet.test_rules import FREE, registration

from watchfloor.fleet import presence, workers
from watchfloor.fleet.agent import Agent, available
from watchfloor.fleet.messages import (
    ConnectAgent,
    MoveWorker,
    QuarantineAgent,
    RecordCall,
    RetireAgent,
    RotateSecret,
    WorkerAnswered,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerBreakerOpened,
    WorkerCallFailed,
    WorkerMoved,
    WorkerSecretRotated,
    WorkerTimePassed,
)
from watchfloor.fleet.workers import CLOSED, HALF_OPEN, OPEN, Worker
from watchfloor.kernel.limits import WORKER_FAILURES_MAX, WORKER_OPEN_MS, WORKER_URL_CHARS_MAX
from watchfloor.kernel.messages import SYSTEM, Command, Event, Facts

URL = "https://worker.example.org/tasks"
GOOD = RecordCall(subject=1, answered=True)
BAD = RecordCall(subject=1, answered=False, reason="worker_timed_out")


@pytest.fixture
def world() -> World:
    """One HTTP worker, integer 1."""
    world = World()
    world.perform(registration(url=URL), evidence=FREE)
    return world


def agent(world: World) -> Agent:
    state = world.states["agent", 1]
    assert isinstance(state, Agent)
    return state


def worker(world: World) -> Worker:
    found = agent(world).worker
    assert found is not None
    return found


def said(world: World, command: Command) -> list[Facts]:
    return [event.facts for event in world.perform(command)]


def opened(world: World) -> World:
    """Its breaker is open."""
    for _ in range(WORKER_FAILURES_MAX):
        world.perform(BAD)
    return world


def half_open(world: World) -> World:
    """Its breaker lets one task through."""
    opened(world).ring(world.at + WORKER_OPEN_MS * 1_000)
    return world


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "http://worker.internal:8080/",
        "https://[2001:db8::7]:8443/a%20b",
        "http://h",
        "https://w.example.org/" + "a" * (WORKER_URL_CHARS_MAX - 22),
    ],
)
def test_a_url_that_names_a_place_is_taken(url: str) -> None:
    world = World()
    world.perform(registration(url=url), evidence=FREE)
    assert worker(world) == Worker(url=url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://worker.example.org/",
        "file:///etc/passwd",
        "gopher://worker.example.org/",
        "worker.example.org",
        "https://",
        "https:///path",
        "https://user:secret@worker.example.org/",
        "https://@worker.example.org/",
        "https://worker.example.org/?token=secret",
        "https://worker.example.org/#part",
        "https://worker.example.org:port/",
        "https://worker.example.org:99999/",
        "https://[::1/",
        "https://worker.example.org/a b",
        "https://worker.example.org\\@evil.example.org/",
        "https://würker.example.org/",
    ],
)
def test_a_url_that_leads_nowhere_or_holds_a_secret_is_refused(url: str) -> None:
    assert World().refusal(registration(url=url), evidence=FREE) == ("invalid_url", "/url", 422)


@pytest.mark.parametrize("url", [" https://w.example.org/", "https://w/\n", "h" * (WORKER_URL_CHARS_MAX + 1)])
def test_a_url_that_cannot_be_printed_or_is_too_long_is_refused(url: str) -> None:
    assert World().refusal(registration(url=url), evidence=FREE) == ("invalid_name", "/url", 422)


def test_a_worker_is_there_without_a_socket_and_takes_none(world: World) -> None:
    assert available(agent(world))
    assert agent(world).presence == presence.ONLINE
    assert not agent(world).session
    assert world.refusal(ConnectAgent(subject=1, node="n", session="s"))[0] == "http_worker"


def test_an_agent_without_a_url_is_no_worker() -> None:
    world = World()
    world.perform(registration(), evidence=FREE)
    state = agent(world)
    assert state.worker is None
    assert not workers.reachable(state)
    assert not workers.probing(state)
    assert workers.waiting_until(state) == 0
    assert said(world, BAD) == []
    assert world.refusal(MoveWorker(subject=1, url=URL))[0] == "no_worker"
    assert world.refusal(RotateSecret(subject=1))[0] == "no_worker"


def test_answers_of_a_worker_that_answers_are_no_news(world: World) -> None:
    assert said(world, GOOD) == []


def test_one_failure_fewer_than_too_many_leaves_the_breaker_closed(world: World) -> None:
    for count in range(1, WORKER_FAILURES_MAX):
        assert said(world, BAD) == [WorkerCallFailed(failures=count, reason="worker_timed_out")]
    assert worker(world).breaker == CLOSED
    assert available(agent(world))


def test_an_answer_in_between_begins_the_count_anew(world: World) -> None:
    for _ in range(WORKER_FAILURES_MAX - 1):
        world.perform(BAD)
    assert said(world, GOOD) == [WorkerAnswered()]
    assert worker(world).failures == 0
    assert said(world, BAD) == [WorkerCallFailed(failures=1, reason="worker_timed_out")]


def test_too_many_failures_open_the_breaker_for_a_minute(world: World) -> None:
    opened(world)
    until_at = START + WORKER_OPEN_MS * 1_000
    assert world.events[-1].facts == WorkerBreakerOpened(
        failures=WORKER_FAILURES_MAX, reason="worker_timed_out", until_at=until_at
    )
    assert (worker(world).breaker, worker(world).open_until_at) == (OPEN, until_at)
    assert agent(world).presence == presence.OFFLINE
    assert not available(agent(world))


@pytest.mark.parametrize("call", [GOOD, BAD])
def test_how_earlier_calls_end_changes_nothing_while_it_is_open(world: World, call: RecordCall) -> None:
    before = worker(opened(world))
    assert said(world, call) == []
    assert worker(world) == before


def test_an_open_breaker_lets_one_through_when_its_time_is_over_and_not_before(world: World) -> None:
    opened(world)
    world.at += WORKER_OPEN_MS * 1_000 - 1
    assert said(world, WorkerTimePassed(subject=1)) == []
    world.at += 1
    assert said(world, WorkerTimePassed(subject=1)) == [WorkerBreakerHalfOpened()]
    assert said(world, WorkerTimePassed(subject=1)) == []
    assert worker(world).breaker == HALF_OPEN
    assert agent(world).presence == presence.DEGRADED
    assert available(agent(world))
    assert workers.probing(agent(world))


def test_an_answered_probe_closes_it(world: World) -> None:
    half_open(world)
    assert said(world, GOOD) == [WorkerBreakerClosed()]
    assert worker(world) == Worker(url=URL)
    assert agent(world).presence == presence.ONLINE


def test_a_failed_probe_opens_it_for_another_minute(world: World) -> None:
    half_open(world)
    (facts,) = said(world, BAD)
    assert isinstance(facts, WorkerBreakerOpened)
    assert facts.until_at == world.at + WORKER_OPEN_MS * 1_000
    assert worker(world).breaker == OPEN


def test_a_worker_that_moved_begins_with_a_closed_breaker(world: World) -> None:
    opened(world)
    elsewhere = "https://other.example.org/"
    assert said(world, MoveWorker(subject=1, url=elsewhere)) == [WorkerMoved(url=elsewhere)]
    assert worker(world) == Worker(url=elsewhere)
    assert available(agent(world))
    assert said(world, MoveWorker(subject=1, url=elsewhere)) == []
    assert world.refusal(MoveWorker(subject=1, url="elsewhere")) == ("invalid_url", "/url", 422)


def test_the_next_secret_has_the_next_number_and_the_breaker_stays_as_it_is(world: World) -> None:
    opened(world)
    assert said(world, RotateSecret(subject=1)) == [WorkerSecretRotated(secret=2)]
    assert said(world, RotateSecret(subject=1)) == [WorkerSecretRotated(secret=3)]
    assert (worker(world).secret, worker(world).breaker) == (3, OPEN)


def test_a_quarantined_worker_gets_nothing_whatever_its_breaker_says(world: World) -> None:
    world.perform(QuarantineAgent(subject=1, reason="by a person"))
    assert workers.reachable(agent(world))
    assert not available(agent(world))


def test_nothing_happens_to_a_retired_worker(world: World) -> None:
    opened(world)
    world.perform(RetireAgent(subject=1))
    assert workers.waiting_until(agent(world)) == 0
    world.at += WORKER_OPEN_MS * 1_000
    assert said(world, WorkerTimePassed(subject=1)) == []
    assert said(world, BAD) == []
    assert world.refusal(MoveWorker(subject=1, url=URL))[0] == "agent_retired"


def test_nobody_is_asked_about_a_worker_that_never_was() -> None:
    world = World()
    assert workers.record_call(None, BAD, None) == []  # type: ignore[arg-type]
    assert workers.time_passed(None, WorkerTimePassed(subject=9), None) == []  # type: ignore[arg-type]
    assert world.refusal(MoveWorker(subject=9, url=URL)) == ("unknown_agent", "", 404)


@pytest.mark.parametrize("facts", [WorkerAnswered(), WorkerSecretRotated(secret=4)])
def test_what_is_said_of_a_worker_changes_no_agent_that_is_none(facts: Facts) -> None:
    world = World()
    world.perform(registration(), evidence=FREE)
    event = Event(
        org="o", seq=9, at=START, type=facts.TYPE, kind="agent", subject=1, actor=SYSTEM, facts=facts
    )
    assert workers.CHANGES[type(facts)](agent(world), facts, event) == {}

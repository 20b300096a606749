"""Laws of tasks: whatever agents, people and clocks do, in whatever order (spec 2.3, 2.4; DESIGN §1).

A story is a list of steps; most are nonsense where they fall and are refused, the rest happens. The laws look only at
the events, as an outsider would.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.effort import examples
from tests.laws.any_facts import streams
from tests.transcripts.world import START, SUBJECTS, World

from watchfloor.kernel.instants import DAY, MINUTE, SECOND
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event, Refused
from watchfloor.kernel.subject import fold
from watchfloor.work import messages as m
from watchfloor.work.life import OVER, Task
from watchfloor.work.reviews import ReviewEvidence
from watchfloor.work.rules import AgentEvidence

ABLE = AgentEvidence(active=True, capabilities=(), tasks_open=0, tasks_max=9)
AGENTS = st.integers(1, 2)
# Mostly the present generation, sometimes the one before or one that never was.
OFFSETS = st.sampled_from([0, 0, 0, -1, -1, 1])
BLOCKED = partial(m.ReportProgress, status="blocked")
REPORTS: tuple[Any, ...] = (
    BLOCKED,
    m.AcceptTask,
    m.RejectTask,
    m.ReportProgress,
    m.CompleteTask,
    m.FailTask,
    m.ResumeTask,
)
REPORT = st.tuples(st.just("report"), st.sampled_from(REPORTS), AGENTS, OFFSETS)
OTHER = st.one_of(
    st.tuples(st.just("assign"), AGENTS),
    st.tuples(st.just("verify"), OFFSETS, st.booleans()),
    st.tuples(st.just("orphan"), AGENTS),
    st.tuples(st.just("retry")),
    st.tuples(st.just("review"), st.sampled_from(["per_1", "per_2"])),
    st.tuples(st.just("wait"), st.sampled_from([0, SECOND, 30 * SECOND, MINUTE, 10 * MINUTE, 90 * MINUTE])),
)
ON = st.tuples(st.just("on"), AGENTS, st.booleans())
CANCEL = st.tuples(st.just("cancel"))
# Chance alone hardly ever finishes a task, so half of the steps are what usually comes next, and few cancel. Long stories are
# asked for, because lists are short unless told otherwise.
STEPS = st.sampled_from([ON] * 10 + [REPORT] * 6 + [OTHER] * 3 + [CANCEL]).flatmap(lambda chosen: chosen)
SUBMISSIONS = st.builds(
    m.SubmitTask,
    criteria=st.integers(0, 2),
    attempts_max=st.integers(1, 3),
    timeout_ms=st.sampled_from([1_000, 300_000]),
    grace_ms=st.sampled_from([0, 60_000]),
    backoff_ms=st.sampled_from([0, 1_000]),
    deadline_at=st.sampled_from([0, 0, START + MINUTE, START + 60 * MINUTE]),
)
STORIES = st.tuples(SUBMISSIONS, st.lists(STEPS, max_size=8) | st.lists(STEPS, min_size=15, max_size=40))
Story = tuple[m.SubmitTask, list[tuple[Any, ...]]]


def play(story: Story) -> World:
    """The world after the story."""
    world = World()
    world.perform(story[0])
    for step in story[1]:
        take(world, *step)
    return world


def usual(state: Task, agent: int, well: bool) -> tuple[Any, ...]:
    """The step that usually comes next; well or badly."""
    report = m.CompleteTask if well else m.FailTask
    return {
        "queued": ("assign", agent),
        "assigned": ("report", m.AcceptTask, state.agent, 0),
        "running": ("report", report, state.agent, 0),
        "blocked": ("report", report, state.agent, 0),
        "orphaned": ("report", m.ResumeTask, state.agent, 0) if well else ("wait", MINUTE),
        "reported": ("verify", 0, well),
        "failed": ("wait", state.backoff_ms * 1_000 << state.attempts),
        "dead_letter": ("retry",),
    }.get(state.stage, ("wait", SECOND))


def take(world: World, what: str, *how: Any) -> list[Event]:
    """One step; refusals are no events."""
    if what == "on":
        return take(world, *usual(task(world), *how))
    generation = task(world).generation
    if what == "wait":
        return world.ring(world.at + how[0])
    commands: dict[str, Callable[[], Command]] = {
        "report": lambda: how[0](subject=1, agent=how[1], generation=generation + how[2]),
        "assign": lambda: m.AssignTask(subject=1, agent=how[0]),
        "verify": lambda: m.RecordVerification(subject=1, generation=generation + how[0], passed=how[1]),
        "orphan": lambda: m.OrphanTask(subject=1, agent=how[0]),
        "cancel": lambda: m.CancelTask(subject=1),
        "retry": lambda: m.RetryTask(subject=1),
        "review": lambda: m.ReviewTask(subject=1, verdict="positive", reason="r"),
    }
    evidence: Any = {"assign": ABLE, "review": ReviewEvidence(owner="per_1")}.get(what)
    actor = Actor(kind="person", id=how[0]) if what == "review" else SYSTEM
    try:
        return world.perform(commands[what](), actor, evidence)
    except Refused:
        return []


def task(world: World) -> Task:
    """The one task."""
    state = world.states["task", 1]
    assert isinstance(state, Task)
    return state


def facts_of(world: World, *kinds: type[Any]) -> list[Any]:
    """What was recorded of these kinds, in order."""
    return [event.facts for event in world.events if isinstance(event.facts, kinds)]


@given(STORIES)
def test_the_generation_rises_by_one_with_every_assignment_and_never_falls(story: Story) -> None:
    world = World()
    world.perform(story[0])
    before = 0
    for step in story[1]:
        take(world, *step)
        assert task(world).generation >= before
        before = task(world).generation
    generations = [facts.generation for facts in facts_of(world, m.TaskAssigned)]
    assert generations == list(range(1, len(generations) + 1))


@given(STORIES)
def test_a_task_is_over_once_and_for_good(story: Story) -> None:
    world = play(story)
    ends = facts_of(world, m.TaskSucceeded, m.TaskCancelled)
    assert len(ends) <= 1
    if ends:
        last = max(i for i, event in enumerate(world.events) if event.facts is ends[0])
        assert {type(event.facts) for event in world.events[last + 1 :]} <= {
            m.TaskReportedLate,
            m.TaskReviewed,
        }
    dead = len(facts_of(world, m.TaskDeadLettered))
    assert dead - len(facts_of(world, m.TaskRetried)) in (0, 1)


@given(STORIES)
@settings(max_examples=examples(400))
def test_a_task_with_criteria_succeeds_only_after_the_platform_checked_that_very_report(story: Story) -> None:
    world = World()
    world.perform(story[0])
    for drawn in story[1]:
        step = usual(task(world), *drawn[1:]) if drawn[0] == "on" else drawn
        generation, criteria = task(world).generation, task(world).criteria
        for event in take(world, *step):
            if isinstance(event.facts, m.TaskSucceeded):
                assert event.facts.verified == (criteria > 0)
                if criteria:
                    assert step[0] == "verify"
                    assert step[2] is True
                    assert generation + step[1] == event.facts.generation
                    reports = [facts.generation for facts in facts_of(world, m.TaskReported)]
                    assert event.facts.generation in reports


@given(STORIES)
@settings(max_examples=examples(200))
def test_a_task_is_rated_at_most_once_when_it_is_over_and_never_by_its_agents_owner(story: Story) -> None:
    world = World()
    world.perform(story[0])
    for drawn in story[1]:
        over = task(world).stage in OVER
        for event in take(world, *drawn):
            if isinstance(event.facts, m.TaskReviewed):
                assert over
                assert event.actor.id != event.facts.owner
                accepted = [facts.agent for facts in facts_of(world, m.TaskAccepted)]
                assert event.facts.agent == accepted[-1]
    assert len(facts_of(world, m.TaskReviewed)) <= 1


@given(STORIES)
def test_attempts_are_counted_and_bounded(story: Story) -> None:
    world = play(story)
    attempts_max, state = story[0].attempts_max, task(world)
    assert 0 <= state.attempts <= attempts_max
    assert state.retries == len(facts_of(world, m.TaskRetried))
    assigned = len(facts_of(world, m.TaskAssigned))
    assert assigned <= attempts_max * (1 + state.retries)
    # Each assignment ends in at most one failed attempt or dead letter; a deadline may end a task that nobody has.
    failed = [facts.generation for facts in facts_of(world, m.TaskAttemptFailed)]
    assert len(set(failed)) == len(failed)


@given(STORIES)
@settings(max_examples=examples(400))
def test_only_the_agent_that_has_the_task_moves_it(story: Story) -> None:
    """And only under the generation with which it has it."""
    world = play(story)
    holder = (0, 0)
    for event in world.events:
        facts = event.facts
        if isinstance(facts, m.TaskAssigned):
            holder = (facts.agent, facts.generation)
        elif isinstance(
            facts, m.TaskAttemptFailed | m.TaskSucceeded | m.TaskReported | m.TaskAccepted | m.TaskResumed
        ):
            assert (facts.agent, facts.generation) == holder
        if isinstance(facts, m.TaskAttemptFailed | m.TaskDeadLettered | m.TaskCancelled):
            holder = (0, holder[1])


@given(STORIES)
@settings(max_examples=examples(400))
def test_no_report_is_lost(story: Story) -> None:
    """A report about a generation that was: it is refused as nonsense, already so, or leaves an event."""
    world = World()
    world.perform(story[0])
    for drawn in story[1]:
        before = task(world)
        step = usual(before, *drawn[1:]) if drawn[0] == "on" else drawn
        events = take(world, *step)
        if step[0] == "report" and step[1] is m.CompleteTask and not events:
            agent, generation = step[2], before.generation + step[3]
            known = 1 <= generation <= before.generation
            mine = known and generation == before.generation and agent == before.agent
            assert (
                not known
                or (mine and before.stage in ("assigned", "reported", "succeeded"))
                or (agent, generation, "completed") in before.late
            )


@given(STORIES)
@settings(max_examples=examples(400))
def test_progress_is_durable_at_a_change_of_status_or_a_minute_apart(story: Story) -> None:
    world = play(story)
    last: tuple[str, int] | None = None
    for event in world.events:
        if isinstance(event.facts, m.TaskAccepted | m.TaskResumed):
            last = ("running", event.at)
        elif isinstance(event.facts, m.TaskProgressed):
            assert last is not None
            assert event.facts.status != last[0] or event.at - last[1] >= MINUTE
            last = (event.facts.status, event.at)


@given(STORIES)
def test_folding_from_nothing_or_with_every_event_twice_is_the_live_state(story: Story) -> None:
    world = play(story)
    assert fold(SUBJECTS["task"], world.events) == task(world)
    assert fold(SUBJECTS["task"], [event for event in world.events for _ in range(2)]) == task(world)
    assert fold(SUBJECTS["task"], world.events, task(world)) == task(world)


@given(STORIES)
@settings(max_examples=examples(400))
def test_whoever_has_a_task_in_hand_has_a_clock_that_will_ring(story: Story) -> None:
    world = World()
    world.perform(story[0])
    for step in story[1]:
        take(world, *step)
        assert task(world).stage in (*OVER, "queued") or SUBJECTS["task"].due(task(world)) > 0


@given(STORIES)
def test_nothing_waits_for_ever_but_the_queue(story: Story) -> None:
    """Liveness: when everybody falls silent, clocks alone bring a task home."""
    world = play(story)
    world.ring(world.at + 60 * DAY)
    state = task(world)
    assert state.stage in (*OVER, "queued")
    if state.deadline_at:
        assert state.stage in OVER


@given(streams(SUBJECTS["task"].evolve, begin=m.TaskSubmitted))
def test_in_any_order_of_events_generations_never_fall_and_the_end_is_the_end(events: list[Event]) -> None:
    """Whatever other rules than these may have written."""
    state: Task | None = None
    for event in events:
        before, state = state, fold(SUBJECTS["task"], [event], state)
        if before is not None:
            assert state is not None
            assert state.generation >= before.generation
            if before.stage in ("succeeded", "cancelled"):
                assert state.stage == before.stage

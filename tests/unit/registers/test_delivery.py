"""What agents must not miss, and work too large for one batch (DESIGN §2 *Pushes*, law *One batch*)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.unit.registers.board import Board, closed, granted

from watchfloor.fleet.messages import AgentDisconnected, AgentQuarantined, AgentRetired, NodeStarted
from watchfloor.kernel.limits import CONTINUATION_SLICE, OUTBOX_SEQS
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.system import Continued
from watchfloor.registers.delivery import DIRECT_ORPHANS_MAX, REGISTER, session_current
from watchfloor.registers.queue import SHARDS
from watchfloor.work.messages import TaskAssigned, TaskCancelled


def test_the_outbox_keeps_the_last_256_of_every_deliverable_kind() -> None:
    board = Board(REGISTER)
    seqs = []
    for number in range(OUTBOX_SEQS * 2):
        facts: tuple[Facts, ...] = (
            granted(),
            closed(),
            TaskAssigned(accept_by_at=1, agent=1, attempt=1, generation=1),
            TaskCancelled(agent=1, generation=1, reason=""),
        )
        seqs.append(board.show(facts[number % 4]).seq)
    assert board.read("outbox", 1) == tuple(seqs[-OUTBOX_SEQS:])


def test_an_event_shown_twice_is_in_the_outbox_once_and_one_of_nobody_nowhere() -> None:
    board = Board(REGISTER)
    event = board.show(granted())
    board.again(event)
    board.show(TaskCancelled(agent=0, generation=0, reason=""))
    assert board.cells == {("outbox", 1): (event.seq,)}


def node(board: Board, incarnation: str = "i2") -> None:
    board.show(NodeStarted(incarnation=incarnation, node="n1", version="1"))


def test_a_session_counts_as_long_as_its_node_has_not_started_anew() -> None:
    board = Board(REGISTER)
    agent = SimpleNamespace(node="n1", session="i1.abc")
    assert session_current(agent, board.read), "a node that never said anything"
    node(board, "i1")
    assert session_current(agent, board.read)
    node(board, "i2")
    assert not session_current(agent, board.read)


def worked_off(board: Board) -> list[tuple[int, ...]]:
    """Advance every continuation to its end; the slices in order."""
    slices: list[tuple[int, ...]] = []
    for _ in range(1_000):
        names = board.read("continuations", "all")
        if not names:
            return slices
        work = board.read("continuation", names[0])
        board.show(Continued(left=len(work.rest), name=names[0]))
        work = board.read("continuation", names[0])
        if work is not None:
            slices.append(work.now)
    raise AssertionError("it never ends")


def test_all_of_150_agents_of_a_node_that_started_anew_are_disconnected_in_slices() -> None:
    board = Board(REGISTER)
    for agent in range(1, 151):
        board.cells["agent", agent] = SimpleNamespace(node="n1" if agent % 3 else "n2", session="i1.x")
        shard = agent % SHARDS
        board.cells["connected", shard] = board.cells.get(("connected", shard), frozenset()) | {agent}
    node(board)
    slices = worked_off(board)
    assert sorted(agent for part in slices for agent in part) == [a for a in range(1, 151) if a % 3]
    assert max(map(len, slices)) == CONTINUATION_SLICE // 4
    assert board.read("continuations", "all") is None
    assert not [cell for cell in board.cells if cell[0] == "continuation"]


def test_a_node_without_agents_begins_no_continuation() -> None:
    board = Board(REGISTER)
    node(board)
    assert board.cells == {("node", "n1"): "i2"}


GOING: list[Facts] = [
    AgentDisconnected(reason="gone", session="s"),
    AgentQuarantined(reason="runaway"),
    AgentRetired(reason="old"),
]


@pytest.mark.parametrize("facts", GOING, ids=lambda facts: type(facts).__name__)
def test_more_tasks_than_one_batch_takes_are_worked_off_however_the_agent_went(facts: Facts) -> None:
    board = Board(REGISTER)
    board.cells["load", 1] = tuple(range(100, 250))
    event = board.show(facts, subject=1)
    board.again(event)
    assert len(board.read("continuations", "all")) == 1
    slices = worked_off(board)
    assert [task for part in slices for task in part] == list(range(100, 250))
    assert max(map(len, slices)) == CONTINUATION_SLICE


def test_few_tasks_are_left_to_the_batch_itself() -> None:
    board = Board(REGISTER)
    board.cells["load", 1] = tuple(range(DIRECT_ORPHANS_MAX))
    board.show(AgentDisconnected(reason="gone", session="s"), subject=1)
    assert board.read("continuations", "all") is None


def test_two_continuations_end_apart_and_one_that_is_not_there_is_nothing() -> None:
    board = Board(REGISTER)
    for agent in (1, 2):
        board.cells["load", agent] = tuple(range(agent * 100, agent * 100 + 20))
        board.show(AgentDisconnected(reason="gone", session="s"), subject=agent)
    assert len(board.read("continuations", "all")) == 2
    before = dict(board.cells)
    board.show(Continued(left=0, name="orphan:nowhere"))
    assert board.cells == before
    assert [task for part in worked_off(board) for task in part] == [*range(100, 120), *range(200, 220)]

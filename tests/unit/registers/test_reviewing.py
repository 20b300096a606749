"""How people review: times and leanings (spec 3.2 *Inbox*)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.registers.board import Board

from watchfloor.councils.messages import DecisionApproved, DecisionExpired, DecisionSeen, VoteCast
from watchfloor.kernel.instants import SECOND
from watchfloor.registers.reviewing import REGISTER, VOTES_KEPT, Leaning, Review, dimensions
from watchfloor.trust.anomaly_messages import AnomalyResolved


def room() -> Board:
    board = Board(REGISTER)
    board.cells["decision", 5] = SimpleNamespace(agent=1, owner="per_own", action=9)
    board.cells["action", 9] = SimpleNamespace(action_type="file.write")
    return board


def vote(board: Board, say: str = "approve", person: str = "per_a", *, late: bool = False) -> int:
    return board.show(VoteCast(late=late, person=person, vote=say), subject=5).seq


def resolved(about: str, what: str = "reviewer_bias") -> AnomalyResolved:
    return AnomalyResolved(about=about, agent=0, outcome="false_alarm", reason="r", what=what)


def test_a_review_lasts_from_the_first_look_to_the_vote() -> None:
    board = room()
    board.show(DecisionSeen(person="per_a"), subject=5)
    board.now += SECOND
    board.show(DecisionSeen(person="per_a"), subject=5)
    board.show(DecisionSeen(person="per_b"), subject=5)
    board.now += SECOND
    seq = vote(board)
    assert board.read("reviews", "per_a") == (Review(board.now, seq, 2_000),)
    assert board.read("reviews", "per_b") is None
    approved = DecisionApproved(action=9, agent=1, execution_ms=1, grant_ms=1, level=3, voters=("per_a",))
    board.show(approved, subject=5)
    assert board.read("seen_at", 5) is None
    board.show(DecisionExpired(action=9, agent=1), subject=5)
    vote(board, person="per_b")
    assert board.read("reviews", "per_b") is None, "nobody knows how long that was"


def test_votes_are_counted_by_agent_owner_and_type_for_the_person_and_everybody() -> None:
    board = room()
    vote(board)
    vote(board, "deny", "per_b")
    vote(board, "abstain", "per_c")
    vote(board, "deny", "per_c", late=True)
    for dimension, key in (("agent", "1"), ("owner", "per_own"), ("type", "file.write")):
        assert board.read("leaning", ("per_a", dimension, key)) == Leaning(1, 0, (1,))
        assert board.read("leaning", ("", dimension, key)) == Leaning(1, 1)
        assert board.read("leaning", ("per_c", dimension, key)) is None


def test_old_votes_weigh_less_and_the_sum_stays_the_sum() -> None:
    board = room()
    vote(board, "deny", "per_b")
    for _ in range(VOTES_KEPT + 1):
        vote(board)
    mine = board.read("leaning", ("per_a", "agent", "1"))
    assert (mine.approved, mine.denied) == ((VOTES_KEPT + 1) // 2, 0)
    assert board.read("leaning", ("", "agent", "1")) == Leaning(mine.approved, 1)


def test_what_was_looked_into_does_not_count_again() -> None:
    board = room()
    vote(board)
    board.show(resolved("per_a type:file.write", "rubber_stamp"))
    board.show(resolved("per_b type:file.write"))
    assert board.read("leaning", ("per_a", "type", "file.write")) is not None
    board.show(resolved("per_a type:file.write"))
    assert board.read("leaning", ("per_a", "type", "file.write")) is None
    assert board.read("leaning", ("", "type", "file.write")) is None
    vote(board, person="per_b")
    vote(board)
    board.show(resolved("per_a type:file.write"))
    assert board.read("leaning", ("", "type", "file.write")) == Leaning(1, 0)


def test_what_is_not_known_is_not_compared() -> None:
    board = room()
    assert dimensions(6, board.read) == ()
    board.cells["decision", 5] = SimpleNamespace(agent=1, owner="", action=10)
    assert dimensions(5, board.read) == (("agent", "1"),)

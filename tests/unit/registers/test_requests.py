"""The request window against a list that forgets nothing (DESIGN 2b.5): a frame is executed once, or never again."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.unit.registers.board import AGENT, Board, decided

from watchfloor.kernel.limits import REQUEST_CHUNK, REQUEST_WINDOW
from watchfloor.registers.requests import REGISTER, Known, RequestWindow, find, too_old


def shown_frames(*frames: int) -> tuple[Board, RequestWindow]:
    board = Board(REGISTER)
    for frame in frames:
        board.show(decided(), frame=frame, body=f"{frame:08x}00000000")
    return board, board.read("requests", AGENT.id)


def test_a_known_frame_is_found_with_its_seq_and_body() -> None:
    _, window = shown_frames(3, 5, 9)
    assert find(window, 5) == Known(2, 5)
    assert find(window, 4) is None
    assert window.high == 9


def test_nothing_is_known_of_an_agent_that_never_asked() -> None:
    assert find(None, 1) is None
    assert find(RequestWindow(), 1) is None
    assert not too_old(None, 1)


def test_an_event_without_a_body_digest_is_remembered_too() -> None:
    board = Board(REGISTER)
    board.show(decided(), frame=1)
    assert find(board.read("requests", AGENT.id), 1) == Known(1, 0)


def test_bytes_that_look_like_an_id_in_another_place_are_not_taken_for_it() -> None:
    """The search is over packed bytes: a seq or a body with the digits of an id must not answer for it."""
    board = Board(REGISTER)
    board.show(decided(), frame=500, body=f"{77:08x}{77:08x}")
    window = board.read("requests", AGENT.id)
    assert find(window, 77) is None
    assert find(window, 1) is None
    assert find(window, 500) is not None


def test_the_last_1024_are_known_and_what_fell_out_is_too_old() -> None:
    board, window = shown_frames(*range(1, REQUEST_WINDOW + REQUEST_CHUNK + 1))
    assert len(window.chunks) * REQUEST_CHUNK == REQUEST_WINDOW
    assert find(window, REQUEST_CHUNK) is None
    assert too_old(window, REQUEST_CHUNK)
    assert not too_old(window, REQUEST_CHUNK + 1)
    assert find(window, REQUEST_CHUNK + 1) is not None
    assert board.read("requests", AGENT.id).high == REQUEST_WINDOW + REQUEST_CHUNK


def test_a_high_id_sent_early_is_not_executed_again_when_it_has_fallen_out() -> None:
    """An agent that numbers badly must not get a second execution of one frame."""
    _, window = shown_frames(5_000, *range(1, REQUEST_WINDOW + REQUEST_CHUNK + 1))
    assert find(window, 5_000) is None
    assert too_old(window, 5_000)


def test_an_event_shown_twice_takes_one_place() -> None:
    board = Board(REGISTER)
    for frame in range(1, REQUEST_CHUNK + 1):
        event = board.show(decided(), frame=frame)
        before = board.read("requests", AGENT.id)
        board.again(event)
        assert board.read("requests", AGENT.id) == before


class Numbers(RuleBasedStateMachine):
    """Whatever the order of ids: a frame that was executed is answered from memory or refused, never executed."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board(REGISTER)
        self.done: dict[int, int] = {}

    def _window(self) -> RequestWindow | None:
        window: RequestWindow | None = self.board.read("requests", AGENT.id)
        return window

    def _ask(self, frame: int) -> None:
        known = find(self._window(), frame)
        if known is not None:
            assert known.seq == self.done[frame]
        elif not too_old(self._window(), frame):
            assert frame not in self.done, "executed a second time"
            self.done[frame] = self.board.show(decided(), frame=frame).seq

    @rule(frame=st.integers(1, 6_000))
    def any_id(self, frame: int) -> None:
        self._ask(frame)

    @rule(count=st.integers(1, 700), gap=st.integers(1, 3))
    def as_it_should(self, count: int, gap: int) -> None:
        window = self._window()
        high = window.high if window is not None else 0
        for step in range(1, count + 1):
            self._ask(high + step * gap)

    @rule(back=st.integers(0, 2_000))
    def again(self, back: int) -> None:
        if self.done:
            self._ask(max(1, max(self.done) - back))

    @invariant()
    def memory_is_bounded(self) -> None:
        window = self._window()
        if window is not None:
            assert sum(map(len, window.chunks)) + len(window.recent) < 24 * (REQUEST_WINDOW + REQUEST_CHUNK)


TestNumbers = Numbers.TestCase
TestNumbers.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)

"""What is owed to an agent survives its connections, in order (spec 2.2, fault D5)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from watchfloor.hub.mailroom import Mailroom

MAIL = tuple((7, seq) for seq in range(1, 11))


class Desk:
    """A mailroom over ten messages of one agent, and sessions that take so much."""

    def __init__(self) -> None:
        engine: Any = SimpleNamespace(head=lambda org: 10, cell=lambda org, name, key: MAIL, event=self.event)
        self.room = Mailroom(engine, lambda: 0)
        self.room._push = self.push  # type: ignore[method-assign]
        self.room._settled = lambda org, event: False  # type: ignore[method-assign]

    @staticmethod
    def event(org: int, seq: int) -> Any:
        return SimpleNamespace(seq=seq)

    @staticmethod
    def push(session: Any, event: Any) -> None:
        session.heard.append(event.seq)
        session.sent_seq = max(session.sent_seq, event.seq)
        session.socket.buffered += 100_000

    @staticmethod
    def session() -> Any:
        return SimpleNamespace(
            org=1, agent=2, sent_seq=0, live_from=0, heard=[], socket=SimpleNamespace(buffered=0)
        )


def test_what_does_not_fit_goes_out_as_the_agent_reads() -> None:
    desk, session = Desk(), Desk.session()
    desk.room.redeliver(session, 0)
    assert session.heard == [1, 2, 3]
    session.socket.buffered = 0
    desk.room.heard(session, 3)
    assert session.heard == [1, 2, 3, 4, 5, 6]
    desk.room.follow(session, desk.event(1, 11))
    for _ in range(3):
        session.socket.buffered = 0
        desk.room.pump(session)
    assert session.heard == list(range(1, 12)), "what is new does not overtake"
    session.socket.buffered = 0
    desk.room.follow(session, desk.event(1, 12))
    assert session.heard[-1] == 12


def test_the_next_connection_begins_where_the_last_one_ended() -> None:
    """Acknowledgements are one number: a later push that was acknowledged must not swallow an earlier one."""
    desk, session = Desk(), Desk.session()
    desk.room.redeliver(session, 0)
    desk.room.heard(session, 10)  # a task was pushed with seq 10 meanwhile, and acknowledged
    session.socket.buffered = 500_000
    desk.room.left(session)
    again = Desk.session()
    desk.room.pump(again)
    assert again.heard == [], "nothing before it has said hello"
    desk.room.redeliver(again, 10)
    assert again.heard[:1] == [4]


def test_what_came_before_hello_is_not_lost_behind_a_later_push() -> None:
    desk, session = Desk(), Desk.session()
    session.socket.buffered = 500_000
    desk.room.follow(session, desk.event(1, 9))
    session.live_from, session.sent_seq, session.socket.buffered = 9, 10, 0
    desk.room.redeliver(session, 8)
    assert session.heard == [9]


def test_what_was_heard_is_not_said_to_a_program_that_begins_anew() -> None:
    desk = Desk()
    desk.room.heard(Desk.session(), 8)
    session = Desk.session()
    desk.room.redeliver(session, 0)
    assert session.heard == [9, 10]

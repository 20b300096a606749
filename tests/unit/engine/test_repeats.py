"""Repeated frames and keys through the engine (DESIGN 2b.5): done once, answered again, another body refused."""

from __future__ import annotations

import pytest
from tests.unit.engine.floor import Floor

from watchfloor.engine.requests import Answer, IdempotencyKey
from watchfloor.kernel.limits import REQUEST_CHUNK, REQUEST_WINDOW
from watchfloor.kernel.messages import Actor
from watchfloor.people.messages import AddPerson


@pytest.fixture
def floor() -> Floor:
    return Floor()


def frame(floor: Floor, number: int, body: str = "aa00000000000000", *, commit: bool = True) -> Answer:
    actor = Actor(kind="agent", id=floor.agents[0].public, credential="k")
    return floor.put(floor.action(n=number), actor, commit=commit, frame=number, body=body)


def code(answer: Answer) -> str:
    return answer.refused.code if answer.refused is not None else ""


def test_a_frame_repeated_before_its_commit_is_answered_after_it(floor: Floor) -> None:
    first = frame(floor, 1, commit=False)
    again = frame(floor, 1, commit=False)
    assert (again.replayed, again.seq) == (True, first.seq)
    floor.commit()
    assert sum(1 for event in floor.events() if event.frame == 1) == 1


def test_another_body_under_a_known_id_is_refused_with_422(floor: Floor) -> None:
    frame(floor, 1)
    refused = frame(floor, 1, "bb00000000000000").refused
    assert refused is not None
    assert (refused.code, refused.status, refused.field) == ("frame_reused", 422, "/id")


def test_the_window_is_1024_to_a_chunk_and_beyond_it_nothing_is_executed_again(floor: Floor) -> None:
    for number in range(1, REQUEST_WINDOW + REQUEST_CHUNK + 1):
        frame(floor, number, commit=number % 200 == 0)
    floor.commit()
    head = floor.world.seq
    assert code(frame(floor, 1)) == "too_old"
    assert code(frame(floor, REQUEST_CHUNK)) == "too_old"
    assert frame(floor, REQUEST_CHUNK + 1).replayed
    assert frame(floor, REQUEST_WINDOW).replayed
    assert floor.world.seq == head


def test_the_ids_of_one_agent_are_not_those_of_another(floor: Floor) -> None:
    frame(floor, 1)
    other = Actor(kind="agent", id="agt_other", credential="k")
    assert not floor.put(floor.action(), other, frame=1, body="aa00000000000000").replayed


def test_a_key_is_known_before_and_after_its_commit_and_only_to_its_credential(floor: Floor) -> None:
    key = IdempotencyKey(credential="tok_a", key="k", body_digest=b"a" * 32)
    command = AddPerson(handle="eve", roles=("operator",))
    first = floor.put(command, key=key, commit=False)
    assert floor.put(command, key=key, commit=False).replayed
    floor.commit()
    assert not floor.node.keys, "the store knows it now"
    again = floor.put(command, key=key)
    assert (again.replayed, again.seq) == (True, first.seq)
    other = IdempotencyKey(credential="tok_a", key="k", body_digest=b"b" * 32)
    assert code(floor.put(command, key=other)) == "idempotency_key_reused"
    stranger = IdempotencyKey(credential="tok_b", key="k", body_digest=b"b" * 32)
    assert not floor.put(AddPerson(handle="eva", roles=("operator",)), key=stranger).replayed


def test_a_refusal_is_not_remembered(floor: Floor) -> None:
    key = IdempotencyKey(credential="tok_a", key="k", body_digest=b"a" * 32)
    taken = AddPerson(handle="ada", roles=("operator",))
    assert code(floor.put(taken, key=key)) == code(floor.put(taken, key=key)) != ""
    assert not floor.store.keys

"""The law *One batch*: a command and all it leads to is committed whole, or it never was (DESIGN §1)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.simulation.scene import CATALOGUE, ORG, RULES, WIRING
from tests.unit.engine.floor import Floor

from watchfloor.actions.messages import ActionDecided
from watchfloor.engine.requests import Answer
from watchfloor.engine.world import Wiring
from watchfloor.fleet.messages import AgentQuarantined, QuarantineAgent, ReleaseAgent
from watchfloor.kernel.codec import commitment
from watchfloor.kernel.limits import DERIVED_COMMANDS_MAX, DERIVED_DEPTH_MAX, FACTS_BYTES_MAX
from watchfloor.kernel.messages import Command, Draft, Effect, Event, Facts, Refused
from watchfloor.kernel.subject import Given, Read, Register
from watchfloor.kernel.system import ProcessRefused
from watchfloor.people.messages import AddPerson, PersonJoined
from watchfloor.work.messages import SubmitTask, VerifyTask


@pytest.fixture
def floor() -> Floor:
    return Floor()


def quarantine(floor: Floor) -> QuarantineAgent:
    return QuarantineAgent(subject=floor.agents[0].subject, reason="r")


def wishing(*wishes: Command | Effect) -> dict[type[Facts], tuple[Any, ...]]:
    """A process that wishes for these whenever an agent is quarantined."""

    def react(event: Event, read: Read) -> list[Command | Effect]:
        del event, read
        return list(wishes)

    return {AgentQuarantined: (react,)}


def failing(state: Any, command: Command, given: Given) -> list[Draft]:
    del state, command, given
    raise RuntimeError("a rule is broken")


def refusing(state: Any, command: Command, given: Given) -> list[Draft]:
    del state, command, given
    raise Refused("never", "not today")


def test_an_exception_in_a_rule_drops_that_command_alone(floor: Floor) -> None:
    floor.rewire(decides={ReleaseAgent: failing})
    before = floor.memory()
    assert floor.put(ReleaseAgent(subject=floor.agents[0].subject), commit=False).failed == "internal"
    assert floor.memory() == before
    assert floor.put(quarantine(floor)).event is not None, "the others of the batch stand"


@pytest.mark.parametrize("where", ["derived rule", "process", "evidence", "fold"])
def test_an_exception_anywhere_in_the_batch_drops_all_of_it(floor: Floor, where: str) -> None:
    agent = floor.agents[0].subject

    def broken(*_: object) -> Any:
        raise RuntimeError(where)

    if where == "derived rule":
        floor.rewire(reacts=wishing(ReleaseAgent(subject=agent)), decides={ReleaseAgent: failing})
    elif where == "process":
        floor.rewire(reacts={AgentQuarantined: (broken,)})
    elif where == "evidence":
        floor.rewire(gathers={QuarantineAgent: broken})
    else:
        wiring = Wiring(tuple(WIRING.subjects.values()), ())
        wiring.folds = {**WIRING.folds, AgentQuarantined: (broken,)}
        wiring.cell_types = WIRING.cell_types
        floor.world.wiring = wiring
    before = floor.memory()
    assert floor.put(quarantine(floor), commit=False).failed == "internal"
    assert floor.memory() == before


def test_a_refusal_of_the_root_leaves_no_trace(floor: Floor) -> None:
    floor.rewire(decides={QuarantineAgent: refusing})
    before = floor.memory()
    answer = floor.put(quarantine(floor), commit=False)
    assert answer.refused is not None
    assert answer.refused.code == "never"
    assert floor.memory() == before
    missing = floor.put(QuarantineAgent(subject=10_000, reason="r"), commit=False)
    assert missing.refused is not None
    assert (missing.refused.code, missing.refused.status) == ("not_found", 404)
    assert floor.memory() == before


def test_a_refusal_of_a_derived_command_is_recorded_and_its_cause_stands(floor: Floor) -> None:
    agent = floor.agents[0].subject
    floor.rewire(
        reacts=wishing(ReleaseAgent(subject=agent), AddPerson(handle="eve", roles=("operator",))),
        decides={ReleaseAgent: refusing},
    )
    answer = floor.put(quarantine(floor))
    quarantined, refused, joined = floor.events()[-3:]
    assert answer.seq == quarantined.seq
    assert isinstance(refused.facts, ProcessRefused)
    assert (refused.facts.code, refused.facts.command, refused.facts.subject_id) == (
        "never",
        "ReleaseAgent",
        agent,
    )
    assert (refused.kind, refused.cause, refused.actor.kind) == ("organisation", quarantined.seq, "process")
    assert isinstance(joined.facts, PersonJoined), "the next wish is not held up by it"
    assert answer.events == (quarantined,), "the answer holds the command's own events only"


def test_a_loop_of_processes_is_cut_off_and_drops_the_whole_command(floor: Floor) -> None:
    def again(event: Event, read: Read) -> list[Command | Effect]:
        del read
        return [AddPerson(handle=f"h{event.seq}", roles=("operator",))]

    floor.rewire(reacts={PersonJoined: (again,)})
    before = floor.memory()
    answer = floor.put(AddPerson(handle="first", roles=("operator",)), commit=False)
    assert answer.refused is not None
    assert answer.refused.code == "too_large"
    assert floor.memory() == before


@pytest.mark.parametrize(("count", "fits"), [(DERIVED_COMMANDS_MAX, True), (DERIVED_COMMANDS_MAX + 1, False)])
def test_256_derived_commands_are_the_most(floor: Floor, count: int, fits: bool) -> None:
    floor.rewire(reacts=wishing(*(SubmitTask(needs=("nobody-has-this",)) for _ in range(count))))
    before = floor.memory()
    answer = floor.put(quarantine(floor), commit=False)
    if fits:
        assert answer.event is not None
        assert floor.world.seq == answer.seq + count
    else:
        assert answer.refused is not None
        assert floor.memory() == before


@pytest.mark.parametrize(("depth", "fits"), [(DERIVED_DEPTH_MAX, True), (DERIVED_DEPTH_MAX + 1, False)])
def test_16_generations_of_causes_are_the_most(floor: Floor, depth: int, fits: bool) -> None:
    first = floor.world.seq + 1

    def again(event: Event, read: Read) -> list[Command | Effect]:
        del read
        more = event.seq < first + depth
        return [AddPerson(handle=f"h{event.seq}", roles=("operator",))] if more else []

    floor.rewire(reacts={PersonJoined: (again,)})
    answer = floor.put(AddPerson(handle="first", roles=("operator",)))
    assert (answer.event is not None) == fits


def test_an_effect_is_left_to_its_follower(floor: Floor) -> None:
    floor.rewire(reacts=wishing(VerifyTask(destination="verifier", task=1, generation=1, seq=1)))
    answer = floor.put(quarantine(floor))
    assert floor.world.seq == answer.seq


def test_an_event_of_more_than_64_kib_is_refused_whole(floor: Floor) -> None:
    def big(state: Any, command: Command, given: Given) -> list[Draft]:
        del state, command, given
        return [
            Draft(facts=AgentQuarantined(reason="r")),
            Draft(facts=AgentQuarantined(reason="x" * FACTS_BYTES_MAX)),
        ]

    floor.rewire(decides={QuarantineAgent: big})
    before = floor.memory()
    answer = floor.put(quarantine(floor), commit=False)
    assert answer.refused is not None
    assert (answer.refused.code, answer.refused.status) == ("too_large", 413)
    assert floor.memory() == before


def test_facts_that_cannot_be_written_canonically_are_refused_whole(floor: Floor) -> None:
    def strange(state: Any, command: Command, given: Given) -> list[Draft]:
        del state, command, given
        return [Draft(facts=ProcessRefused(code="", command="", subject_id=2**60, subject_kind=""))]

    floor.rewire(decides={QuarantineAgent: strange})
    before = floor.memory()
    answer = floor.put(quarantine(floor), commit=False)
    assert answer.refused is not None
    assert answer.refused.code == "not_canonical"
    assert floor.memory() == before


def test_a_dry_run_judges_the_present_and_leaves_no_trace(floor: Floor) -> None:
    before = floor.memory()
    answer = floor.put(floor.action(), commit=False, dry_run=True, frame=1, body="00000000000000aa")
    assert answer.event is not None
    assert isinstance(answer.event.facts, ActionDecided)
    assert answer.judged_at == floor.world.seq
    assert floor.memory() == before
    assert floor.put(quarantine(floor), commit=False, dry_run=True).event is not None
    nothing = floor.put(floor.action(), dry_run=True, frame=1, body="00000000000000bb")
    assert not nothing.replayed, "a dry run takes no id"


def test_time_in_the_ledger_never_runs_back(floor: Floor) -> None:
    first = floor.put(quarantine(floor))
    floor.now -= 10**9
    second = floor.put(ReleaseAgent(subject=floor.agents[0].subject))
    assert first.event is not None
    assert second.event is not None
    assert second.event.at == first.event.at


def test_a_command_that_is_no_news_is_answered_with_the_present_seq(floor: Floor) -> None:
    floor.put(quarantine(floor))
    before = floor.memory()
    assert floor.put(quarantine(floor)) == Answer(seq=floor.world.seq)
    assert floor.memory() == before


def test_the_private_part_is_stored_beside_and_bound_by_its_salt(floor: Floor) -> None:
    answer = floor.put(SubmitTask(private=b'{"title":"t"}'))
    assert answer.event is not None
    salt, body = floor.store.privates[(ORG, answer.seq)]
    assert body == b'{"title":"t"}'
    assert answer.event.private == commitment(salt, body).hex()
    other = floor.put(SubmitTask(private=b'{"title":"t"}'))
    assert other.event is not None
    assert other.event.private != answer.event.private, "the same words have another commitment elsewhere"


def test_two_registers_cannot_keep_cells_of_one_name() -> None:
    register = Register(name="other", cells={"activity": int}, folds={})
    with pytest.raises(ValueError, match="cell names are taken"):
        Wiring((), (Register(name="first", cells={"activity": int}, folds={}), register))


def test_an_event_shown_twice_to_the_world_is_folded_once(floor: Floor) -> None:
    """The law *Redelivery*, for every subject and register at once."""
    floor.rewire()
    floor.put(floor.action(), frame=1, body="00000000000000aa")
    floor.put(SubmitTask(needs=("build",)))
    before = floor.memory()
    for event in floor.events():
        floor.world.apply(event)
        floor.world.apply(msgspec.structs.replace(event))
    assert floor.memory() == before


def test_the_tables_of_rules_know_every_event_type() -> None:
    """Whatever is folded or reacted to can be read back from the ledger."""
    known = set(CATALOGUE.types.values())
    assert set(WIRING.folds) <= known
    assert set(WIRING.evolves) <= known
    assert set(RULES.reacts) <= known

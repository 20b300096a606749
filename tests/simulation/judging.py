"""Tribunals and edits of the simulation, in every eighth scene: validators vote, approvers change parameters (spec 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.actions.edit_messages import ActionEdited, EditAction
from watchfloor.actions.messages import ActionDecided, ActionGranted, ActionStarted, StartAction
from watchfloor.councils.tribunal_messages import VoteInTribunal
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import Policy
from watchfloor.kernel.tribunal_terms import TribunalTerms

if TYPE_CHECKING:
    from tests.simulation.scene import Scene


def judges(scene: Scene) -> bool:
    """Is this one of the scenes with tribunals and edits? The others happen as they did before there were any."""
    return scene.seed % 8 == 3


def judged(policy: Policy) -> Policy:
    """Every decision goes before a tribunal, which may decide level 2 alone."""
    terms = TribunalTerms(
        level_min=2, score_min=0, per_owner_max=3, confidence_min_milli=200, decides="majority"
    )
    return msgspec.structs.replace(policy, tribunal=terms)


def seat(scene: Scene) -> None:
    """Three validators of somebody who owns nothing else."""
    for number in range(3):
        register = RegisterAgent(
            name=f"validator-{number}", type="reviewer", capabilities=("validate",), owner=scene.people[2][0],
            credential=f"key_v{number}", expires_at=scene.now + 10_000 * MINUTE,
        )  # fmt: skip
        answer = scene.ask(register)
        assert answer.event is not None
        nonce: int = answer.event.facts.nonce  # type: ignore[attr-defined]
        public = public_id("agent", answer.seq, nonce)
        scene.employ(answer.seq, public, scene.people[2][0], f"key_v{number}")


def judge(scene: Scene) -> None:
    """A validator says what it thinks; sometimes one that nobody asked."""
    tribunals = scene._subjects("tribunal")
    if not tribunals:
        return
    subject, _ = scene.random.choice(tribunals)
    agent = scene.random.choice([one for one in scene.agents if one.key.startswith("key_v")])
    scene._frame(
        agent,
        VoteInTribunal(
            subject=subject,
            agent=agent.subject,
            vote=scene.random.choices(("approve", "deny", "abstain"), (6, 3, 1))[0],
            confidence_milli=scene.random.choice((10, 600, 900)),
            private=canonical({"reasoning": "sim"}),
        ),
    )


def edit(scene: Scene) -> None:
    """Somebody gives what waits other parameters; sometimes those that the envelope forbids."""
    waiting = [(number, one) for number, one in scene._subjects("decision") if one.status == "pending"]
    if not waiting:
        return
    decision, state = scene.random.choice(waiting)
    action = scene.world.read("action", state.action)
    params: dict[str, Any] = {"n": scene.random.randint(10, 19)}
    if scene.random.random() < 0.1:
        params["path"] = "/etc/passwd"
    text = canonical({"params": params, "tool": action.tool, "type": action.action_type})
    index = scene.random.randrange(len(scene.people))
    person = scene.people[index][0]
    scene._keyed(
        EditAction(
            subject=state.action, person=person, decision=decision, digest=action.digest, params=params,
            action=text, salt=scene.entropy(), private=b'{"action":' + text + b',"reason":"sim"}',
        ),
        scene._person(index),
    )  # fmt: skip


def runs_with_what_was_ruled(scene: Scene, events: list[Event]) -> None:
    """An edited action runs only with the parameters the ruling names: the newest digest, agreed to after the edit."""
    digests: dict[int, str] = {}
    granted: dict[int, str] = {}  # the digest that was in force when the grant was given
    in_force: dict[int, str] = {}
    for event in events:
        facts = event.facts
        if isinstance(facts, ActionDecided):
            digests[event.subject] = facts.digest
            granted[event.subject] = facts.digest if facts.grant is not None else ""
        elif isinstance(facts, ActionEdited):
            assert facts.digest_before == digests[event.subject], f"seq {event.seq}: edited something else"
            digests[event.subject], granted[event.subject] = facts.digest, ""
        elif isinstance(facts, ActionGranted):
            granted[event.subject] = digests[event.subject]
        elif isinstance(facts, ActionStarted):
            assert granted[event.subject] == digests[event.subject], (
                f"seq {event.seq}: runs what nobody ruled on"
            )
            in_force[event.seq] = digests[event.subject]
    for sent, answer in scene.acknowledged:
        if isinstance(sent.command, StartAction) and answer.seq in in_force and sent.command.digest:
            assert sent.command.digest == in_force[answer.seq], (
                f"seq {answer.seq}: started with other parameters"
            )

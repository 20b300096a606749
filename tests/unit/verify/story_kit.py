"""Ledgers written by hand: real facts, real canonical bytes, any order and any lie; and exports of them."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import watchfloor_verify as verifier
from watchfloor.actions.messages import (
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionGranted,
    ActionStarted,
    ActionUnknown,
    Derived,
    Evidence,
    Grant,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.councils.messages import DecisionApproved, DecisionOpened, VoteCast
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.kernel.codec import commitment, encode_event
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import SYSTEM, Actor, Event, Facts
from watchfloor.ledger.chain import Chain
from watchfloor.ledger.checkpoints import Checkpoint
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.ledger.notes import COSIGNATURE, ED25519, VerifierKey, cosign, sign_note
from watchfloor.people.messages import PersonJoined
from watchfloor.work.messages import TaskSubmitted

ORG = "org_story"
ORIGIN = f"watch.example/{ORG}"
AT = 1_795_000_000_000_000
MINUTE = 60_000_000
EVIDENCE = Evidence(
    0, True, True, (), 0, 0, 1, 1, 0, 0, 0, 0, 3, 650, 0, True, False, 0, 1, 1, 0, 0, 5
)  # fmt: skip


class Story:
    """Events in order. Every method appends one event and returns its seq."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.privates: list[tuple[int, bytes, bytes]] = []
        self.at = AT
        self.nonce = 77

    @property
    def seq(self) -> int:
        return len(self.events) + 1

    def add(
        self,
        facts: Facts,
        subject: int = 0,
        *,
        actor: Actor = SYSTEM,
        of: str = "",
        at: int = 0,
        cause: int = 0,
        private: bytes = b"",
        **lies: Any,
    ) -> int:
        """Append an event; `lies` replace fields of the envelope."""
        seq = self.seq
        self.at = at or self.at + 1_000
        salt = sha256(b"salt %d" % seq).digest()
        event = Event(
            org=ORG,
            seq=seq,
            at=self.at,
            type=facts.TYPE,
            kind=facts.KIND,
            subject=subject or seq,
            actor=actor,
            of=of,
            cause=cause,
            correlation="",
            policy=1,
            rules=1,
            private=commitment(salt, private).hex() if private else "",
            facts=facts,
        )
        if private:
            self.privates.append((seq, salt, private))
        self.events.append(encode_event(msgspec.structs.replace(event, **lies) if lies else event))
        return seq

    def person(self, *roles: str) -> tuple[str, Actor]:
        """Somebody joins; returns the public id and the actor."""
        seq = self.add(PersonJoined(handle=f"p{self.seq}", nonce=self.nonce, roles=roles))
        person = public_id("person", seq, self.nonce)
        return person, Actor(kind="person", id=person, credential="ses_1")

    def agent(self, owner: str = "system", kind: str = "coder", parent: int = 0) -> int:
        facts = AgentRegistered(
            capabilities=(), credential="key_1", expires_at=0, name=f"a{self.seq}", nonce=self.nonce, owner=owner,
            tools=(), type=kind, version="1", parent=parent, root=parent,
        )  # fmt: skip
        return self.add(facts, private=b'{"metadata":{},"skills":[]}')

    def task(self, parent: int = 0) -> int:
        """A task, or a part of one."""
        facts = TaskSubmitted(
            acceptance_ms=1, agent=0, attempts_max=1, backoff_ms=0, criteria=0, deadline_at=0, grace_ms=0, needs=(),
            nonce=self.nonce, priority="normal", timeout_ms=1, parent=parent, root=parent,
        )  # fmt: skip
        return self.add(facts)

    def agent_id(self, agent: int) -> str:
        return public_id("agent", agent, self.nonce)

    def ruling(
        self,
        agent: int,
        *,
        verdict: str = "permitted",
        level: int = 0,
        basis: str = "auto",
        tool: str = "editor",
        action_type: str = "file.write",
        standing: int = 0,
        failed: tuple[tuple[str, str, int], ...] = (),
        grant: Grant | bool | None = True,
        of: str = "",
        actor: Actor | None = None,
        attempts: int = 1,
        idempotent: bool = False,
        task: int = 0,
    ) -> int:
        """The gate rules on a request; `grant` True means: as the verdict says."""
        if grant is True:
            terms = Grant(basis=basis, execution_ms=60_000, expires_at=self.at + 15 * MINUTE)
            grant = terms if verdict == "permitted" else None
        facts = ActionDecided(
            action_type=action_type,
            agent=agent,
            cost_micro=0,
            derived=Derived("write"),
            digest=f"{self.seq:064x}",
            evidence=msgspec.structs.replace(EVIDENCE, standing=standing),
            failed=failed,
            generation=0,
            grant=grant or None,
            level=level,
            nonce=self.nonce,
            policy_digest="ab" * 32,
            reserves_micro=0,
            risk=30,
            task=task,
            tool=tool,
            urgency="normal",
            verdict=verdict,
            attempts=attempts,
            idempotent=idempotent,
        )
        return self.add(facts, actor=actor or Actor(kind="agent", id=self.agent_id(agent)), of=of)

    def opened(self, action: int, agent: int, **changes: Any) -> int:
        terms: dict[str, Any] = {
            "action": action, "agent": agent, "deadline_at": self.at + 60 * MINUTE, "digest": f"{action:064x}",
            "execution_ms": 60_000, "grant_ms": 900_000, "level": 3, "needed": 1, "nonce": 1, "owner": "system",
            "risk": 60, "role": "supervisor", "unanswered": "denied", "urgency": "immediate",
        }  # fmt: skip
        return self.add(DecisionOpened(**{**terms, **changes}))

    def vote(
        self, decision: int, actor: Actor, vote: str = "approve", *, late: bool = False, **how: Any
    ) -> int:
        person, session = how.pop("person", actor.id), how.pop("session", "")
        through = how.pop("through", "")
        facts = VoteCast(late=late, person=person, vote=vote, session=session, through=through)
        return self.add(facts, decision, actor=actor, **how)

    def approved(
        self, decision: int, action: int, agent: int, *voters: str, level: int = 3, at: int = 0
    ) -> int:
        facts = DecisionApproved(
            action=action, agent=agent, execution_ms=60_000, grant_ms=900_000, level=level, voters=voters
        )
        return self.add(facts, decision, at=at)

    def granted(
        self,
        action: int,
        agent: int,
        decision: int,
        basis: str = "approved",
        *,
        number: int = 1,
        minutes: int = 15,
    ) -> int:
        grant = Grant(basis=basis, execution_ms=60_000, expires_at=self.at + minutes * MINUTE, number=number)
        return self.add(ActionGranted(agent=agent, decision=decision, grant=grant), action)

    def started(self, action: int, agent: int, grant: int = 1, execution: str = "e1", **changes: Any) -> int:
        terms: dict[str, Any] = {"action_type": "file.write", "tool": "editor", **changes}
        at = terms.pop("at", 0)
        facts = ActionStarted(
            agent=agent, execution=execution, grant=grant, target="", until_at=self.at + MINUTE, **terms
        )
        return self.add(facts, action, at=at)

    def completed(self, action: int, agent: int, execution: str = "e1") -> int:
        facts = ActionCompleted(
            action_type="file.write", agent=agent, cost_micro=0, execution=execution, outcome_digest="",
            released_micro=0, tool="editor",
        )  # fmt: skip
        return self.add(facts, action)

    def failed(self, action: int, agent: int, execution: str = "e1") -> int:
        facts = ActionFailed(
            action_type="file.write", agent=agent, code="x", cost_micro=0, execution=execution,
            released_micro=0, tool="editor",
        )  # fmt: skip
        return self.add(facts, action)

    def lost(self, action: int, agent: int, execution: str = "e1") -> int:
        return self.add(
            ActionUnknown(action_type="file.write", agent=agent, execution=execution, tool="editor"), action
        )

    def retried(self, action: int, agent: int, attempt: int = 2, execution: str = "e1", **how: Any) -> int:
        grant = Grant(
            basis=how.pop("basis", "auto"),
            execution_ms=60_000,
            expires_at=how.pop("expires_at", AT + 10 * MINUTE),
            number=attempt,
        )
        facts = ActionRetried(
            action_type="file.write", agent=agent, attempt=attempt, charged_micro=0, charged_tokens=0,
            execution=execution, grant=grant, reserves_micro=0, reserves_tokens=0, tool="editor",
        )  # fmt: skip
        return self.add(facts, action, **how)

    def approval(
        self, action: int, agent: int, *actors: Actor, level: int = 3, role: str = "supervisor"
    ) -> int:
        """The whole way: opened, voted, approved, granted. Returns the decision."""
        decision = self.opened(action, agent, level=level, needed=len(actors), role=role)
        for actor in actors:
            self.vote(decision, actor)
        self.approved(decision, action, agent, *(actor.id for actor in actors), level=level)
        self.granted(action, agent, decision, "committee" if level >= 4 else "approved")
        return decision


def seeded_key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(b"key %d" % seed).digest())


class Log:
    """A history being signed: the key, its vkey, and checkpoints over any prefix of any events."""

    def __init__(self, seed: int = 1, origin: str = ORIGIN) -> None:
        self.private = seeded_key(seed)
        self.key = VerifierKey(origin, ED25519, self.private.public_key().public_bytes_raw())

    def note(self, events: list[bytes], size: int) -> str:
        tree = Tree()
        for data in events[:size]:
            tree.append(leaf_hash(data))
        return self.note_of(size, tree.root())

    def note_of(self, size: int, root: bytes) -> str:
        return sign_note(Checkpoint(self.key.name, size, root).text, self.key, self.private)

    def export(
        self,
        directory: Path,
        events: list[bytes],
        *,
        sizes: tuple[int, ...] | None = None,
        notes: dict[str, str] | None = None,
        privates: list[tuple[int, bytes, bytes]] | None = None,
    ) -> Path:
        """Write an export of these events, with checkpoints of these sizes (default: the end)."""
        directory.mkdir()
        (directory / "events.jsonl").write_bytes(b"".join(data + b"\n" for data in events))
        chain = Chain()
        (directory / "hashes.bin").write_bytes(b"".join(map(chain.append, events)))
        (directory / "checkpoints").mkdir()
        for size in (len(events),) if sizes is None else sizes:
            (directory / "checkpoints" / f"{size:013d}.note").write_text(self.note(events, size))
        for name, note in (notes or {}).items():
            (directory / "checkpoints" / name).write_text(note)
        if privates is not None:
            lines = (
                msgspec.json.encode({"body": base64.b64encode(body).decode(), "salt": base64.b64encode(salt).decode(), "seq": seq})
                for seq, salt, body in privates
            )  # fmt: skip
            (directory / "privates.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        manifest = {
            "format": "watchfloor-export/1",
            "origin": self.key.name,
            "size": len(events),
            "head": chain.head.hex(),
        }
        (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        return directory


class Witness:
    """A cosigner with its own key."""

    def __init__(self, name: str = "witness.example/w1", seed: int = 9) -> None:
        self._private = seeded_key(seed)
        self.key = VerifierKey(name, COSIGNATURE, self._private.public_key().public_bytes_raw())

    def cosigned(self, note: str, at_s: int) -> str:
        text = note.partition("\n\n")[0] + "\n"
        return note + cosign(text, self.key, self._private, at_s)


def run(*arguments: str | Path) -> verifier.Report:
    """The verifier in this process; usage errors raise."""
    return verifier.verify(verifier.parse_options([str(argument) for argument in arguments]))

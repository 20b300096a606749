"""The stand-alone verifier on a large export, beside a bare SHA-256 chain over the same rows (spec 04).

    python benchmarks/verifier.py [--quick]

The export is what a busy day looks like: level-0 rulings with their starts and outcomes, one action in twenty decided by
a person, a signed checkpoint every 1,000 events. Each figure is a whole run of the command, start of Python included.
Goals: 100,000 events/s for chain, tree and signatures on two processes; 25,000/s with the rules; memory bounded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.product import goal
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from watchfloor.actions.messages import (
    ActionCompleted,
    ActionDecided,
    ActionGranted,
    ActionStarted,
    Derived,
    Evidence,
    Grant,
)
from watchfloor.councils.messages import DecisionApproved, DecisionOpened, VoteCast
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.kernel.codec import encode_event
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import SYSTEM, Actor, Event, Facts
from watchfloor.ledger.chain import Chain
from watchfloor.ledger.checkpoints import Checkpoint
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.ledger.notes import ED25519, VerifierKey, sign_note
from watchfloor.people.messages import PersonJoined

ORG = "org_bench"
START_AT = 1_795_000_000_000_000
AGENTS = 100
CHECKPOINT_EVERY = 1_000
CHAIN_GOAL, RULES_GOAL = 100_000, 25_000
EVIDENCE = Evidence(
    0, True, True, (), 0, 0, 3, 12, 9, 0, 0, 1_250_000, 4, 850, 1, True, False, 0, 7, 41, 0, 0, 312
)


# ru_maxrss of a child begins with its parent's; VmHWM begins anew with every program.
MEASURED = """
import re, resource, sys, watchfloor_verify
if __name__ == "__main__":
    code = watchfloor_verify.main()
    own = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), file=sys.stderr)
    sys.exit(code)
"""


class Day:
    """Writes the events of a day, in order."""

    def __init__(self) -> None:
        self.seq = 0
        self.person = ""
        self.agents: list[tuple[int, Actor]] = []

    def event(self, facts: Facts, subject: int = 0, actor: Actor = SYSTEM) -> bytes:
        self.seq += 1
        return encode_event(
            Event(
                org=ORG,
                seq=self.seq,
                at=START_AT + self.seq * 97,
                type=facts.TYPE,
                kind=facts.KIND,
                subject=subject or self.seq,
                actor=actor,
                policy=3,
                rules=1,
                facts=facts,
            )
        )

    def settle_in(self) -> Iterator[bytes]:
        yield self.event(PersonJoined(handle="boss", nonce=5, roles=("supervisor",)))
        self.person = public_id("person", self.seq, 5)
        for number in range(AGENTS):
            yield self.event(
                AgentRegistered(
                    capabilities=("python",),
                    credential=f"key_{number:016}",
                    expires_at=0,
                    name=f"agent-{number}",
                    nonce=number,
                    owner="system",
                    tools=(),
                    type="coder",
                    version="1.4.2",
                )
            )
            actor = Actor(
                kind="agent", id=public_id("agent", self.seq, number), credential=f"key_{number:016}"
            )
            self.agents.append((self.seq, actor))

    def action(self, number: int) -> Iterator[bytes]:
        agent, actor = self.agents[number % AGENTS]
        held = number % 20 == 0
        yield self.event(self.ruling(agent, held), actor=actor)
        action = self.seq
        if held:
            yield from self.approval(action, agent)
        terms: dict[str, Any] = {
            "action_type": "file.write",
            "agent": agent,
            "execution": "1",
            "tool": "editor",
        }
        until = START_AT + self.seq * 97 + 60_000_000
        yield self.event(
            ActionStarted(grant=1, target="/srv/app/main.py", until_at=until, **terms), action, actor
        )
        yield self.event(
            ActionCompleted(cost_micro=0, outcome_digest="", released_micro=0, **terms), action, actor
        )

    def ruling(self, agent: int, held: bool) -> ActionDecided:
        expires = START_AT + self.seq * 97 + 900_000_000
        return ActionDecided(
            action_type="file.write", agent=agent, cost_micro=0, derived=Derived("write", (("production", 15),)),
            digest=sha256(b"%d" % self.seq).hexdigest(), evidence=EVIDENCE,
            failed=(("risk_is_high", "raise", 3),) if held else (), generation=0,
            grant=None if held else Grant(basis="auto", execution_ms=60_000, expires_at=expires),
            level=3 if held else 0, nonce=self.seq, policy_digest="5f" * 32, reserves_micro=0, risk=30, task=0,
            tool="editor", urgency="normal", verdict="pending" if held else "permitted",
        )  # fmt: skip

    def approval(self, action: int, agent: int) -> Iterator[bytes]:
        at = START_AT + self.seq * 97
        yield self.event(
            DecisionOpened(
                action=action,
                agent=agent,
                deadline_at=at + 10**9,
                digest=sha256(b"%d" % (action - 1)).hexdigest(),
                execution_ms=60_000,
                grant_ms=900_000,
                level=3,
                needed=1,
                nonce=action,
                owner="system",
                risk=60,
                role="supervisor",
                unanswered="denied",
                urgency="immediate",
            )
        )
        decision, person = self.seq, Actor(kind="person", id=self.person, credential="ses_1")
        yield self.event(VoteCast(late=False, person=self.person, vote="approve"), decision, person)
        yield self.event(
            DecisionApproved(
                action=action,
                agent=agent,
                execution_ms=60_000,
                grant_ms=900_000,
                level=3,
                voters=(self.person,),
            ),
            decision,
        )
        grant = Grant(basis="approved", execution_ms=60_000, expires_at=at + 800_000_000)
        yield self.event(ActionGranted(agent=agent, decision=decision, grant=grant), action)


def make_export(directory: Path, count: int) -> str:
    """An export of `count` events; returns the vkey."""
    private = Ed25519PrivateKey.generate()
    key = VerifierKey(f"bench.example/{ORG}", ED25519, private.public_key().public_bytes_raw())
    chain, tree, day = Chain(), Tree(), Day()

    def rows() -> Iterator[bytes]:
        yield from day.settle_in()
        for number in range(count):
            yield from day.action(number)

    (directory / "checkpoints").mkdir(parents=True)
    with (directory / "events.jsonl").open("wb") as events, (directory / "hashes.bin").open("wb") as hashes:
        for data in rows():
            events.write(data + b"\n")
            hashes.write(chain.append(data))
            tree.append(leaf_hash(data))
            if tree.size % CHECKPOINT_EVERY == 0 or tree.size == count:
                note = sign_note(Checkpoint(key.name, tree.size, tree.root()).text, key, private)
                (directory / "checkpoints" / f"{tree.size:013d}.note").write_text(note)
            if tree.size == count:
                break
    manifest = {"format": "watchfloor-export/1", "origin": key.name, "size": count, "head": chain.head.hex()}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return key.text


def bare_chain(directory: Path) -> float:
    """SHA-256 over prev ‖ row alone, rows in memory: events per second of one process."""
    rows = (directory / "events.jsonl").read_bytes().split(b"\n")[:-1]
    prev, began = bytes(32), time.perf_counter()
    for row in rows:
        prev = sha256(prev + row).digest()
    return len(rows) / (time.perf_counter() - began)


def verified(directory: Path, key: str, count: int, *more: str) -> dict[str, float]:
    """One run of the command; events per second, and the largest process's memory so far."""
    command = [sys.executable, "-c", MEASURED, str(directory), "--key", key, "--json", *more]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"the verifier said {done.returncode}: {done.stdout[-2000:]}{done.stderr}")
    memory_kib = int(done.stderr.split()[-1])
    return {"events_per_s": round(count / took), "seconds": round(took, 2), "memory_mib": memory_kib // 1024}


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="watchfloor-bench-") as name:
        directory = Path(name) / "export"
        key = make_export(directory, count)
        small = Path(name) / "small"
        small_key = make_export(small, count // 10)
        memory_small = verified(small, small_key, count // 10)["memory_mib"]
        chain = verified(directory, key, count, "--no-rules")
        rules = verified(directory, key, count)
        figures: dict[str, Any] = {
            "events": count,
            "bytes_per_event": round((directory / "events.jsonl").stat().st_size / count),
            "checkpoints": -(-count // CHECKPOINT_EVERY),
            "limit_sha256_chain_events_per_s": round(bare_chain(directory)),
            "chain_tree_signatures_1_process": verified(
                directory, key, count, "--no-rules", "--processes", "1"
            ),
            "chain_tree_signatures_2_processes": chain,
            "with_rules_1_process": verified(directory, key, count, "--processes", "1"),
            "with_rules_2_processes": rules,
            "memory_mib_at_a_tenth_of_the_events": memory_small,
        }
    plain, ruled = chain["events_per_s"], rules["events_per_s"]
    grown = rules["memory_mib"] / memory_small
    figures["goals"] = [
        goal(
            f"chain, tree, signatures on 2 processes >= {CHAIN_GOAL:,} events/s", plain, plain >= CHAIN_GOAL
        ),
        goal(f"with the rules on 2 processes >= {RULES_GOAL:,} events/s", ruled, ruled >= RULES_GOAL),
        goal("memory at ten times the events <= 1.5 times", round(grown, 2), grown <= 1.5),
    ]
    return figures


def main() -> None:
    print(json.dumps(run("--quick" in sys.argv), indent=2))


if __name__ == "__main__":
    main()

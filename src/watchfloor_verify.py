#!/usr/bin/env python3
"""watchfloor-verify: check an export of a Watchfloor ledger without trusting whoever made it.

    watchfloor-verify EXPORT --key VKEY [--pin CHECKPOINT]… [--cosigner VKEY]… [--max-age SECONDS]

One file, standard library only; it shares no code with the server. EXPORT is a directory as docs/ledger-format.md
describes it, or the archive of one as the server hands it out (it is unpacked into a temporary directory). The log's
identity and key are what you pass with --key, the history you saw earlier is what you pass with --pin; nothing in the
export is believed about either.

What it checks: every event's place in the hash chain, the RFC 6962 tree under every signed checkpoint (C2SP
tlog-checkpoint), the signatures, witnesses' cosignatures, private parts against their commitments, and, from the
events alone, that the rules below were obeyed. It streams; memory depends on what is open at a time, not on size.

Exit codes: 0 good; 1 usage or internal error; 2 a row, the chain or a signature is wrong (names the first event in
doubt); 3 shorter or older than a pinned checkpoint; 4 fork: not a continuation of a pinned or signed checkpoint;
5 a cosignature is missing or stale; 6 a rule was broken. With several findings the smallest of 2 to 6 is the exit code.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import multiprocessing
import re
import shutil
import sys
import tempfile
import time
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

sha256 = hashlib.sha256
ZERO_HASH = bytes(32)
LINE_BYTES_MAX = 1 << 20  # an event is at most 64 KiB of facts and an envelope
NOTE_BYTES_MAX = 64 * 1024
MANIFEST_BYTES_MAX = 64 << 20
ARCHIVED = re.compile(  # the files of an export in an archive of it
    r"^(?:watchfloor-export/)?(?P<name>(?:manifest\.json|key\.vkey|events\.jsonl|hashes\.bin|privates\.jsonl|checkpoints/[0-9]{1,20}\.note))\Z"
)
BLOCK_BYTES = 1 << 20
SWELLS_MAX = 200  # what unpacks to more times its size is no record of events but an attempt to fill the disk
FINDINGS_MAX = 100
PARALLEL_FROM_BYTES = 8 << 20  # below, a second process costs more than it brings
RULES_VERSION = 1
RULES = {
    "well_formed": "every event of a known type has the facts of that type",
    "in_place": "events carry their own seq and organisation, time never runs backwards, causes come before effects",
    "ruling_grants_what_it_says": "only a permitted ruling carries a grant: of level 0 or 1 on its own or a standing basis, of others observed",
    "observed_by_the_mode": "an observed grant is given and used only where the policy in force observes that agent and type",
    "start_needs_a_grant": "every start has an earlier grant to the same agent, unexpired, not revoked, its standing approval still in force",
    "grant_used_once": "no grant is started twice, and no execution id is used twice",
    "grant_needs_its_decision": "a grant by people follows the approval of exactly this action, digest, agent and level",
    "no_self_approval": "nobody approves an action of an agent they own, or that they requested",
    "quorum_of_people": "an approval counts distinct persons who hold the role and voted in time, as many as needed",
    "links_vote_as_far_as_allowed": "by the link of a notice votes who needs no more than it, up to the level of the policy",
    "stricter_of_two_policies": "an approval also satisfies the route of every policy applied while it was pending",
    "bypass_is_of_level_2_and_ends": "a bypass is opened by a director, for hours, never for what is their own or the platform does",
    "edits_are_judged_again": "who may decide may edit, judged again at no lower level; votes from before end with their decision",
    "tribunals_are_of_others": "validators are nobody's who may not decide, not of the requester's lineage, and vote for themselves",
    "tribunals_count_what_was_said": "a tribunal rules once, what its votes come to",
    "tribunals_decide_level_2_only": "a tribunal decides alone only at level 2, complete, as the policies of then and now say",
    "looseners_do_not_decide": "nobody's vote counts on what they loosened the policy for, as long as that bars them",
    "committees_are_the_policys": "a committee is the one the policy names, of people who fit its seats",
    "forced_by_the_eligible": "a forced grant is by one, at level 4 two directors or admins, neither owner nor requester",
    "forced_is_reviewed_by_another": "what was forced is reviewed by a supervisor who did not force it",
    "silence_never_approves": "an expired, denied or cancelled decision, or one past its deadline, is never approved",
    "stop_means_stop": "nothing starts under a stop in force",
    "stop_lifted_by_another": "a stop is lifted, or eased for something, by somebody else than who recorded it",
    "breaker_means_break": "nothing starts while the breaker of its agent or tool is open",
    "contained_agents_rest": "nothing starts for a quarantined or retired agent",
    "policy_needs_others": "a policy comes into force in its turn: the first, a tightening, approved by others, or with nobody else there",
    "retry_within_attempts": "a retry repeats what failed, no more often than the ruling and the policy bear; what is unknown only where the class is idempotent",
    "outcome_needs_a_start": "an outcome belongs to an execution that was started",
}


class Finding(NamedTuple):
    """Something wrong: the exit code it asks for, the event in doubt (0: none), the rule of exit 6, and a sentence."""

    code: int
    seq: int
    rule: str
    text: str


class Wrong(Exception):
    """Stops a check with a finding."""

    def __init__(self, code: int, seq: int, text: str) -> None:
        super().__init__(text)
        self.finding = Finding(code, seq, "", text)


# -- Ed25519 (RFC 8032), verification only ------------------------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]
_NEUTRAL: Point = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _decompress(data: bytes) -> Point:
    """The point of 32 bytes. Raises ValueError when there is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if len(data) != 32 or y >= _P:
        raise ValueError("not a point")
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        raise ValueError("not a point")
    x = _P - x if x & 1 != sign else x
    return (x, y, 1, x * y % _P)


class Multiples:
    """Multiples of one point by comb: for every digit of a scalar the sums are in a table. Pays from a few uses on."""

    def __init__(self, point: Point, bits: int) -> None:
        self._bits = bits
        self._rows: list[list[Point]] = []
        for _ in range(-(-256 // bits)):
            row = [_NEUTRAL]
            for _ in range((1 << bits) - 1):
                row.append(_add(row[-1], point))
            self._rows.append(row)
            point = _add(row[-1], point)

    def times(self, scalar: int, onto: Point = _NEUTRAL) -> Point:
        bits, mask = self._bits, (1 << self._bits) - 1
        for row in self._rows:
            digit = scalar & mask
            if digit:
                onto = _add(onto, row[digit])
            scalar >>= bits
        return onto


class Ed25519:
    """One public key; `many` builds larger tables (0.3 instead of 0.5 ms a signature, 60 ms once)."""

    _base: dict[int, Multiples] = {}  # noqa: RUF012 - tables of the base point, made once per width

    def __init__(self, public: bytes, *, many: bool = False) -> None:
        self._public = public
        x, y, z, t = _decompress(public)
        bits = 8 if many else 4
        self._minus = Multiples((_P - x, y, z, _P - t), bits)
        if bits not in self._base:
            self._base[bits] = Multiples(_decompress(b"\x58" + b"\x66" * 31), bits)
        self._by_base = self._base[bits]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        if len(signature) != 64:
            return False
        s = int.from_bytes(signature[32:], "little")
        if s >= _L:
            return False
        k = int.from_bytes(hashlib.sha512(signature[:32] + self._public + message).digest(), "little") % _L
        x, y, z, _ = self._minus.times(k, self._by_base.times(s))
        inverse = pow(z, _P - 2, _P)
        x, y = x * inverse % _P, y * inverse % _P
        return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# -- signed notes and checkpoints (C2SP) --------------------------------------------------------------------------


class Key(NamedTuple):
    """A pinned vkey: name, algorithm (1 log, 4 witness), public key."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes((self.algorithm,)) + self.public).digest()[:4]


class Checkpoint(NamedTuple):
    """A note with a good signature: what it says, where it was found, and when each witness cosigned it."""

    source: str
    size: int
    root: bytes
    cosigned_at: dict[str, int]


def _unbase64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 in an unusual spelling")
    return data


def parse_key(text: str, algorithm: int) -> Key:
    """A vkey, or the path of a file that holds one. Raises ValueError, OSError."""
    if "+" not in text:
        text = Path(text).read_text()[:1000]
    name, key_id, encoded = text.strip().split("+", 2)
    data = _unbase64(encoded)
    key = Key(name, data[0], data[1:])
    if len(data) != 33 or key.algorithm != algorithm or key.key_id.hex() != key_id or not name:
        raise ValueError(f"not a vkey of algorithm {algorithm}")
    return key


class Notary:
    """Opens notes with the keys that the auditor passed."""

    def __init__(self, log: Key, witnesses: list[Key], *, many: bool) -> None:
        self.log = log
        self._keys = {
            (key.name, key.key_id): (key, Ed25519(key.public, many=many)) for key in (log, *witnesses)
        }

    def open(self, data: bytes, source: str) -> Checkpoint:
        """A checkpoint of this log. Raises ValueError on any other note; lines of unknown keys are ignored."""
        text = data.decode()
        if len(data) > NOTE_BYTES_MAX or any(c < " " and c != "\n" for c in text):
            raise ValueError("not a note")
        body, separator, tail = text.rpartition("\n\n")
        if not separator or not tail.endswith("\n"):
            raise ValueError("not a note")
        signed, cosigned_at = False, dict[str, int]()
        for line in tail[:-1].split("\n"):
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            value = _unbase64(encoded)
            if dash != "\u2014" or len(value) < 5:
                raise ValueError("not a signature line")
            known = self._keys.get((name, value[:4]))
            if known is None:
                continue
            key, ed25519 = known
            at_s = int.from_bytes(value[4:12], "big")
            message = body + "\n" if key.algorithm == 1 else f"cosignature/v1\ntime {at_s}\n{body}\n"
            if not ed25519.verifies(value[4:] if key.algorithm == 1 else value[12:], message.encode()):
                raise ValueError(f"the signature of {name} is wrong")
            if key is self.log:
                signed = True
            else:
                cosigned_at[name] = max(at_s, cosigned_at.get(name, 0))
        form = re.fullmatch("([^\n]+)\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/]{43}=)", body)
        if not signed or form is None or form[1] != self.log.name:
            raise ValueError(f"not a checkpoint signed by {self.log.name}")
        return Checkpoint(source, int(form[2]), _unbase64(form[3]), cosigned_at)


# -- the tree (RFC 6962) ------------------------------------------------------------------------------------------

Node = tuple[int, bytes]  # (height, hash) of a perfect subtree


class Frontier:
    """Neighbouring perfect subtrees from a starting leaf on, joined as far as they go."""

    def __init__(self, start: int) -> None:
        self.position = start
        self.nodes: list[Node] = []

    def push(self, height: int, node: bytes) -> None:
        self.position += 1 << height
        index = self.position - 1 >> height
        while index & 1 and self.nodes and self.nodes[-1][0] == height:
            node = sha256(b"\x01" + self.nodes.pop()[1] + node).digest()
            height += 1
            index >>= 1
        self.nodes.append((height, node))

    def root(self) -> bytes:
        if not self.nodes:
            return sha256(b"").digest()
        node = self.nodes[-1][1]
        for _, left in self.nodes[-2::-1]:
            node = sha256(b"\x01" + left + node).digest()
        return node


def perfect_root(leaves: list[bytes]) -> bytes:
    """The root over a power of two of leaves."""
    row = b"".join(leaves)
    while len(row) > 32:
        row = b"".join([sha256(b"\x01" + row[i : i + 64]).digest() for i in range(0, len(row), 64)])
    return row


def split_perfect(leaves: list[bytes]) -> list[Node]:
    """At most 256 leaves as perfect subtrees, largest first."""
    nodes, start = [], 0
    for height in range(8, -1, -1):
        if len(leaves) - start >= 1 << height:
            nodes.append((height, perfect_root(leaves[start : start + (1 << height)])))
            start += 1 << height
    return nodes


# -- walking the rows ---------------------------------------------------------------------------------------------


def line_blocks(file: BinaryIO, length: int, seq: int) -> Iterator[list[bytes]]:
    """The lines of the next `length` bytes, in blocks. Raises Wrong on a line without end; `seq` is the first one's."""
    carry = b""
    while length > 0:
        chunk = file.read(min(BLOCK_BYTES, length))
        if not chunk:
            break
        length -= len(chunk)
        lines = (carry + chunk).split(b"\n")
        carry = lines.pop()
        seq += len(lines)
        if len(carry) > LINE_BYTES_MAX:
            raise Wrong(2, seq, "a row is longer than any event")
        yield lines
    if carry:
        raise Wrong(2, seq, "the last row is cut off")


class Stretch(NamedTuple):
    """A piece of events.jsonl: bytes [begin, end), whose first event is `seq`; at `marks` (sizes) the tree is wanted."""

    begin: int
    end: int
    seq: int
    marks: list[int]


class Walked(NamedTuple):
    """The result for a stretch: events seen, last hash, its subtrees, those at each mark, or what is wrong."""

    events: int
    last: bytes
    nodes: list[Node]
    marked: list[tuple[int, list[Node]]]
    finding: Finding | None = None


def walk(export: Path, stretch: Stretch) -> Walked:
    """Chain and tree of one stretch; the stored hash before it is taken as given (the stretch before proves it)."""
    frontier, pending, marked = Frontier(stretch.seq - 1), [], []
    marks = list(reversed(stretch.marks))
    seq, prev = stretch.seq, ZERO_HASH
    try:
        with (export / "events.jsonl").open("rb") as events, (export / "hashes.bin").open("rb") as hashes:
            events.seek(stretch.begin)
            if seq > 1:
                hashes.seek(32 * (seq - 2))
                prev = hashes.read(32)
            for lines in line_blocks(events, stretch.end - stretch.begin, seq):
                stored = hashes.read(32 * len(lines))
                at = 0
                for line in lines:
                    prev = sha256(prev + line).digest()
                    if prev != stored[at : at + 32]:
                        raise Wrong(
                            2, seq + at // 32, "the chain is broken: the event and its hash do not fit"
                        )
                    at += 32
                seq += len(lines)
                pending += [sha256(b"\x00" + line).digest() for line in lines]
                while True:
                    ahead = marks[-1] - frontier.position if marks else 257
                    if ahead <= min(256, len(pending)):
                        marked.append((marks.pop(), frontier.nodes + split_perfect(pending[:ahead])))
                    elif len(pending) >= 256:
                        frontier.push(8, perfect_root(pending[:256]))
                        del pending[:256]
                    else:
                        break
    except Wrong as wrong:
        return Walked(0, prev, [], [], wrong.finding)
    return Walked(seq - stretch.seq, prev, frontier.nodes + split_perfect(pending), marked)


def stretches(export: Path, pieces: int, marks: list[int]) -> list[Stretch]:
    """Cut events.jsonl into pieces that begin with a new tile, where the events themselves say they are."""
    path = export / "events.jsonl"
    end = path.stat().st_size
    cuts = [(0, 1)]
    with path.open("rb") as file:
        for piece in range(1, pieces):
            file.seek(end * piece // pieces)
            file.readline(LINE_BYTES_MAX)
            for _ in range(256):
                offset = file.tell()
                found = re.search(rb'"seq":([0-9]{1,15}),"subject"', file.readline(LINE_BYTES_MAX))
                if found and int(found[1]) % 256 == 1 and int(found[1]) > cuts[-1][1]:
                    cuts.append((offset, int(found[1])))
                    break
    edges = [*cuts, (end, 1 << 62)]
    return [
        Stretch(a[0], b[0], a[1], [m for m in marks if a[1] <= m < b[1]])
        for a, b in itertools.pairwise(edges)
    ]


class History(NamedTuple):
    """The whole ledger: how many events, the last hash, the root, and the root at each size asked for."""

    size: int
    head: bytes
    root: bytes
    roots: dict[int, bytes]


def join(walked: list[Walked], parts: list[Stretch]) -> History:
    """Put the stretches together. Raises Wrong; LookupError when the cuts were not where the rows said."""
    frontier, roots, head = Frontier(0), {}, ZERO_HASH
    for part, result in zip(parts, walked, strict=True):
        if frontier.position != part.seq - 1:
            raise LookupError
        if result.finding is not None:
            raise Wrong(*result.finding[:2], result.finding.text)
        for size, nodes in result.marked:
            ahead = Frontier(frontier.position)
            ahead.nodes = list(frontier.nodes)
            for node in nodes:
                ahead.push(*node)
            roots[size] = ahead.root()
        for node in result.nodes:
            frontier.push(*node)
        head = result.last
    return History(frontier.position, head, frontier.root(), roots)


# -- the rules (exit 6) -------------------------------------------------------------------------------------------

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
HOLDING_PACKS = ("aviation", "finance", "healthcare")  # compliance packs under which nothing runs unheld
PLATFORM_TYPES = ("agent.activate_version", "policy.apply")
_RANKS = {"operator": 1, "supervisor": 2, "director": 3, "admin": 4}


def public_id(prefix: str, subject: int, nonce: int) -> str:
    number, digits = subject << 40 | nonce & (1 << 40) - 1, ""
    while number:
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
    return f"{prefix}_{digits or '0'}"


def subject_of(text: str) -> int:
    """The subject of a public id; 0 for what is none."""
    number = 0
    for character in text.partition("_")[2]:
        number = number << 5 | max(0, _DIGITS.find(character))
    return number >> 40


def turned_on(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What the modes of `after` may let run unheld that those of `before` held."""
    was, now = ({"": modes.get("organisation", "enforce")} for modes in (before, after))
    for flat, modes in ((was, before), (now, after)):
        flat |= {
            f"{part}/{name}": mode
            for part in ("agents", "types")
            for name, mode in modes.get(part, {}).items()
        }
    found = [place for place, mode in now.items() if mode == "observe" and was.get(place) != "observe"]
    if "observe" in now.values():
        found += [place for place, mode in was.items() if mode == "enforce" and now.get(place) != "enforce"]
    return sorted(set(found))


def holds(roles: list[str], needed: str) -> bool:
    """A role includes the rights of those before it except auditor."""
    rank = _RANKS.get(needed, 9)
    return needed in roles or any(_RANKS.get(role, 0) >= rank for role in roles)


def covers(scopes: tuple[str, ...], action_type: str) -> bool:
    """`git.*` covers what begins with `git.`."""
    return any(
        action_type.startswith(one[:-1]) if one.endswith(".*") else action_type == one for one in scopes
    )


def covers_standing(standing: tuple[int, str, int], agent: int, action_type: str) -> bool:
    """Is it for this agent and type? A bypass may be for every agent (0), every type (empty)."""
    of_agent, of_type, _ = standing
    platform = action_type in ("agent.activate_version", "policy.apply")
    return of_agent in (0, agent) and (of_type == action_type or (not of_type and not platform))


class Event(NamedTuple):
    """What the rules look at; `offset` is where its row begins in events.jsonl."""

    seq: int
    at: int
    type: str
    subject: int
    facts: dict[str, Any]
    actor: dict[str, Any]
    of: str
    offset: int


class Broken(Exception):
    """A rule was broken by the event being looked at."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


def demand(holds_true: object, rule: str, text: str) -> None:
    if not holds_true:
        raise Broken(rule, text)


class Agent:
    def __init__(self, e: Event) -> None:
        self.id, self.type = public_id("agt", e.subject, e.facts["nonce"]), e.facts["type"]
        self.owner, self.resting = e.facts["owner"], ""  # resting: quarantined or retired
        self.parent = int(e.facts.get("parent", 0))
        by = e.actor["id"] if e.actor["kind"] == "person" else ""
        self.registrar = str(e.facts.get("sponsor") or by)
        self.root = int(e.facts.get("root", 0))  # of the lineage it was spawned in


class Route(NamedTuple):
    """Who decides a level under a policy: `terms` of its committee, None where a role does."""

    role: str
    needed: int
    committee: str
    terms: Any


def level_of(policy: dict[str, Any], action: Action) -> int:
    """The level that class and recorded risk have under a policy, all trust taken off."""
    bases = {name: int(terms["base"]) for name, terms in policy["classes"].items()}
    named = policy["types"].get(action.type, "unknown")
    classes = (named, action.cls if action.cls in bases else "unknown")
    risk = min(100, max(action.risk, *(bases[cls] - 10 for cls in classes)))
    band = "low" if risk < 25 else "medium" if risk < 50 else "high" if risk < 75 else "critical"
    return int(policy["levels"][band])


def route_of(policy: dict[str, Any], level: int, action: Action) -> Route:
    """The route of an action of this level. Raises KeyError on a document that has none."""
    routing = policy["routing"]
    terms = routing[{2: "confirm", 3: "approve"}.get(level, "committee")]
    named = policy["types"].get(action.type, "unknown")
    committee = terms["committee"]
    for one in routing["assignments"]:
        fits = level >= one["level_min"] and (not one["types"] or action.type in one["types"])
        if fits and (not one["classes"] or named in one["classes"]):
            committee = one["committee"]
            break
    return Route(
        terms["role"],
        max(1, terms["needed"]),
        committee,
        policy["committees"][committee] if committee else None,
    )


class Demand:
    """What an approval satisfied besides its own route."""

    def __init__(self, parts: list[Any], level: int) -> None:
        _, self.role, needed, self.committee, members, *more = parts
        self.level = max(level, int(more[0]) if more else 0)
        self.needed = int(needed)
        self.members = {who: (role, int(weight), veto) for who, role, weight, veto in members}


class Decision:
    """A decision of people that is still open, or was approved and waits for its grant."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.action, self.agent = int(facts["action"]), int(facts["agent"])
        self.owner, self.role, self.needed = facts["owner"], facts["role"], int(facts["needed"])
        self.parties = {str(person) for person in facts.get("parties", ())}
        self.deadline_at, self.level = int(facts["deadline_at"]), int(facts["level"])
        self.grant_us = int(facts["grant_ms"]) * 1000
        self.rungs_us = [int(wait_ms) * 1000 for _, wait_ms in facts.get("ladder", ())]
        # Of a committee, by person: the role the seat is for (empty: this very person), weight, veto.
        self.members = {
            who: (role, int(weight), veto) for who, role, weight, veto in facts.get("members", ())
        }
        self.committee = facts.get("committee", "")
        self.terms: Any = None  # the committee as the policy had it
        self.wanted: list[
            tuple[dict[str, Any], int]
        ] = []  # policies applied while it is pending, with the level at least
        self.also: list[Demand] = []  # what the approval satisfied besides
        self.force_asked: set[str] = set()
        self.forced_by: set[str] = set()
        self.votes: dict[str, str] = {}
        self.voters: set[str] = set()
        self.approved_at = 0
        self.tribunal: Tribunal | None = None  # that approved it in place of people

    def last_at(self) -> int:
        """When silence ends it, if every rung that is left is climbed in time."""
        return self.deadline_at + sum(self.rungs_us)


_ENOUGH = {"unanimous": ("unanimous",), "majority": ("unanimous", "majority")}


class Tribunal:
    """Validator agents that were asked about a decision; `votes` in time: vote, confidence, weight."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.level = int(facts["level"])
        self.members = {int(agent): str(owner) for agent, owner, _ in facts["members"]}
        self.deadline_at, self.decides = int(facts["deadline_at"]), facts["decides"]
        self.votes_min, self.confidence_min = int(facts["votes_min"]), int(facts["confidence_min_milli"])
        self.majority = int(facts["majority_permille"])
        self.votes: dict[int, tuple[str, int, int]] = {}
        self.ruling: tuple[str, str] | None = None  # consensus, recommendation
        self.complete = False

    def counted(self, *silent: int) -> tuple[str, str]:
        """What the votes come to without those of `silent`."""
        voices = [
            one
            for number, one in self.votes.items()
            if one[0] in ("approve", "deny") and number not in silent
        ]
        said = [one for one in voices if one[1] >= self.confidence_min]
        yes = sum(weight for vote, _, weight in said if vote == "approve")
        no = sum(weight for vote, _, weight in said if vote == "deny")
        if len(said) < max(2, self.votes_min) or not yes + no:
            return "no_quorum", ""
        if len({vote for vote, *_ in voices}) == 1:
            return "unanimous", said[0][0]
        if max(yes, no) * 1000 < max(501, self.majority) * (yes + no):
            return "split", ""
        return "majority", "approve" if yes > no else "deny"


class Action:
    """An action that may still be started or end. `grants`: number → expiry; used and revoked ones are taken out."""

    def __init__(self, e: Event) -> None:
        self.agent, self.type, self.tool = int(e.facts["agent"]), e.facts["action_type"], e.facts["tool"]
        self.digest, self.level = e.facts["digest"], int(e.facts["level"])
        self.risk = int(e.facts["risk"])
        self.editors: set[str] = set()
        self.cls, self.task = e.facts["derived"][0], int(e.facts["task"])
        self.requesters = {e.of, e.actor["id"] if e.actor["kind"] == "person" else ""}
        self.grants: dict[int, int] = {}
        self.granted, self.basis = 0, ""
        self.decision: Decision | None = None  # whose approval the newest grant rests on
        self.executions: set[str] = set()
        self.attempt, self.attempts = 1, int(e.facts.get("attempts", 1))
        self.idempotent = bool(e.facts.get("idempotent"))
        self.newest, self.ended, self.expires_at = "", "", 0  # execution, what became of it; end of its grant

    def of_nobody(self) -> bool:
        """A change of the policy is no agent's doing."""
        return self.agent == 0 and self.type == "policy.apply"

    def give(self, grant: dict[str, Any]) -> None:
        number = int(grant["number"])
        demand(number == self.granted + 1, "grant_used_once", f"grant {number} after {self.granted}")
        self.granted, self.basis = number, grant["basis"]
        self.grants[number] = self.expires_at = int(grant["expires_at"])


class Waiting:
    """Permitted actions that nobody has started: 8 bytes each, where to read them again, until their grants expire.

    The newest few are kept as they are, since most starts come soon.
    """

    RECENT = 4096

    def __init__(self, read_again: Callable[[int], Event]) -> None:
        self._read_again = read_again
        self._recent: dict[int, Event] = {}
        self._blocks: dict[int, array[int]] = {}
        self._expires_at: dict[int, int] = {}

    def add(self, e: Event) -> None:
        block, slot = divmod(e.subject, 4096)
        if block not in self._blocks:
            self._blocks[block] = array("Q", bytes(8 * 4096))
        self._blocks[block][slot] = e.offset + 1
        self._expires_at[block] = max(int(e.facts["grant"]["expires_at"]), self._expires_at.get(block, 0))
        self._recent[e.subject] = e
        if len(self._recent) > self.RECENT:
            del self._recent[next(iter(self._recent))]

    def take(self, subject: int) -> Event | None:
        """The ruling on it, if it waits; it waits no longer."""
        block, slot = divmod(subject, 4096)
        recent = self._recent.pop(subject, None)
        if block not in self._blocks:
            return recent
        offset, self._blocks[block][slot] = self._blocks[block][slot] - 1, 0
        return recent or (self._read_again(offset) if offset >= 0 else None)

    def forget(self, at: int) -> None:
        """Drop blocks in which every grant has expired: a start would be too late anyway."""
        for block in [block for block, until in self._expires_at.items() if until <= at]:
            del self._blocks[block], self._expires_at[block]


def least_of(terms: dict[str, Any], members: int) -> int:
    """How much of a committee with so many members must agree at least."""
    if terms["rule"] == "all":
        return max(1, members)
    return (
        max(1, int(terms["needed"]))
        if terms["rule"] == "weight" or terms["needed"]
        else max(1, min(2, members))
    )


def links_level_max(policy: dict[str, Any], roles: set[str]) -> int:
    """Up to which level somebody votes by a link; not at all who needs a second factor or may not sign in by links."""
    sign_in = policy.get("sign_in", {})
    if roles & set(sign_in.get("totp", ())) or not roles <= set(sign_in.get("link", roles)):
        return 0
    return int(policy.get("notices", {}).get("links_level_max", 3))


_Look = Callable[["Rules", Event], None]
_LOOKS: dict[str, _Look] = {}
_SILENT = {  # refusals and reminders: nothing follows from them
    "action.grant_misused/1",
    "action.ungated_call/1",
    "breaker.half_opened/1",
    "decision.alerted/1",
    "decision.taken_over/1",
    "decision.vote_refused/1",
    "decision.warned/1",
}
_FAMILIES = {
    "action",
    "decision",
    "tribunal",
    "stop",
    "standing",
    "bypass",
    "breaker",
}  # a type of these must be known to be judged


def on(*types: str) -> Callable[[_Look], _Look]:
    def register(look: _Look) -> _Look:
        _LOOKS.update(dict.fromkeys(types, look))
        return look

    return register


class Rules:
    """Re-derives from the events, in order, that the rules were obeyed. Version 1; see RULES."""

    def __init__(self, organisation: str, read_again: Callable[[int], Event]) -> None:
        self._org, self._waiting = organisation, Waiting(read_again)
        self._seq = self._at = 0
        self._agents: dict[int, Agent] = {}
        self._people: dict[str, list[str]] = {}  # public id → roles, none for the disabled
        self._handles: dict[str, str] = {}
        self._policy: dict[str, Any] | None = None  # in force, when it has every section the rules look at
        self._loosened: list[tuple[str, int, list[str]]] = []  # who, until when, what
        self._ids: dict[int, str] = {}
        self._actions: dict[int, Action] = {}
        self._decisions: dict[int, Decision] = {}
        self._tribunals: dict[int, Tribunal] = {}
        self._unreviewed: dict[int, set[str]] = {}  # forced decision → who may not review it
        self._failed: dict[int, Action] = {}  # may be granted again
        self._stops: dict[int, list[tuple[str, str]]] = {}  # its scope and target, then what it was eased for
        self._stoppers: dict[int, str] = {}  # who recorded it
        self._parts: dict[int, tuple[int, int]] = {}  # task that is not over: nonce, what it is part of
        self._breakers: dict[tuple[str, str], int] = {}
        self._standing: dict[int, tuple[int, str, int]] = {}
        self._bypasses: set[int] = set()
        self._givers: dict[int, str] = {}  # standing approval → the person who gave it
        self._scopes: dict[str, tuple[str, ...]] = {}  # action types that a key may ask for, where not all
        self._modes: dict[str, Any] = {}  # of the policy in force: which actions run unheld
        self._packs: list[str] = []
        self._version, self._bases = 0, False  # of the policy in force; is it said of versions why they are?
        self._proposals: dict[int, tuple[str, str, int]] = {}  # number → by, digest, version below it

    def see(self, row: dict[str, Any], offset: int) -> Broken | None:
        """Look at the next event; what is broken, if anything. Raises Wrong for a type newer than this program."""
        self._seq += 1
        try:
            e = event_of(row, offset)
            placed = e.seq == self._seq and row["org"] == self._org and e.at >= self._at
            where = f"it says seq {e.seq}, organisation {row['org']}, cause {row['cause']}, at {e.at}"
            demand(placed and row["cause"] < e.seq, "in_place", where)
            self._at = e.at
            if not e.seq & 4095:
                self._waiting.forget(e.at)
                self._failed = {k: one for k, one in self._failed.items() if one.expires_at > e.at}
            look = _LOOKS.get(e.type)
            if look is not None:
                look(self, e)
            elif e.type not in _SILENT and e.type.partition(".")[0] in _FAMILIES:
                raise Wrong(1, e.seq, f"{e.type} is newer than this verifier (rules {RULES_VERSION})")
        except Broken as broken:
            return broken
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            return Broken("well_formed", f"{type(error).__name__}: {error}")
        return None

    # agents and people

    @on("agent.registered/1")
    def _registered(self, e: Event) -> None:
        self._agents[e.subject] = Agent(e)

    @on("agent.quarantined/1", "agent.released/1", "agent.retired/1")
    def _rests(self, e: Event) -> None:
        agent = self._agents[e.subject]
        if agent.resting != "retired":
            agent.resting = e.type[6:-2].replace("released", "")

    @on("agent.key_issued/1")
    def _key_issued(self, e: Event) -> None:
        if e.facts.get("scopes"):
            self._scopes[e.facts["credential"]] = tuple(e.facts["scopes"])

    @on("person.joined/1", "person.roles_changed/1", "person.disabled/1")
    def _people_changed(self, e: Event) -> None:
        if e.type == "person.joined/1":
            self._ids[e.subject] = public_id("per", e.subject, e.facts["nonce"])
            self._handles[self._ids[e.subject]] = e.facts["handle"]
        self._people[self._ids[e.subject]] = list(e.facts.get("roles", ()))

    # actions

    def _open_action(self, subject: int) -> Action | None:
        action = self._actions.get(subject)
        if action is None and (ruling := self._waiting.take(subject)) is not None:
            action = self._actions[subject] = Action(ruling)
            action.give(ruling.facts["grant"])
        return action

    @on("action.decided/1")
    def _decided(self, e: Event) -> None:
        grant, verdict, rule = e.facts["grant"], e.facts["verdict"], "ruling_grants_what_it_says"
        demand(e.subject == e.seq, rule, "the action was judged before")
        demand((grant is not None) == (verdict == "permitted"), rule, f"{verdict}, but grant is {grant}")
        key = e.actor.get("credential", "") if e.actor["kind"] == "agent" else ""
        if verdict != "denied" and key in self._scopes:
            covered = covers(self._scopes[key], e.facts["action_type"])
            demand(covered, rule, f"{key} does not cover {e.facts['action_type']}")
        if self._policy is not None and e.facts.get("attempts", 1) > 1:
            bears = self._bears(e.facts["derived"][0])[0]
            demand(e.facts["attempts"] <= bears, "retry_within_attempts", f"{e.facts['attempts']} of {bears}")
        if grant is not None:
            unheld = grant["basis"] == "observed"
            demand((e.facts["level"] > 1) is unheld, rule, f"{grant['basis']} at level {e.facts['level']}")
            if unheld:
                self._observed(e.facts["agent"], e.facts["action_type"])
            denied = any(answer in ("deny", "throttle") for _, answer, _ in e.facts["failed"])
            demand(not denied, rule, "permitted although a rule denied")
            known = grant["basis"] in ("auto", "standing", "observed")
            demand(known, rule, f"basis {grant['basis']} without people")
            if grant["basis"] == "standing":
                named = self._standing.get(e.facts["evidence"][20], (-1, "-", 0))
                same = covers_standing(named, e.facts["agent"], e.facts["action_type"])
                fits = same and named[2] > e.at
                demand(fits, rule, "there is no such standing approval in force")
                demand(
                    self._may_give(e.facts["evidence"][20], e.facts["agent"]),
                    rule,
                    "its giver may not give it any more",
                )
            self._waiting.add(e)
        elif verdict == "pending":
            self._actions[e.subject] = Action(e)

    def _observed(self, agent: int, action_type: str) -> None:
        """Does the mode in force let this agent do this unheld? Never what the platform does, nor under a pack that forbids it."""
        modes, rule = self._modes, "observed_by_the_mode"
        packs = [name for name in self._packs if name in HOLDING_PACKS]
        demand(not packs, rule, f"the packs {packs} forbid it")
        demand(agent and action_type not in PLATFORM_TYPES, rule, f"{action_type} is the platform's")
        ids = {subject_of(name): mode for name, mode in modes.get("agents", {}).items()}
        named = (ids.get(agent), modes.get("types", {}).get(action_type))
        mode = modes.get("organisation", "enforce")
        observes = "enforce" not in named and ("observe" in named or mode == "observe")
        demand(observes, rule, f"{action_type} of this agent is enforced")

    @on("action.edited/1")
    def _edited(self, e: Event) -> None:
        rule, by = "edits_are_judged_again", e.facts["by"]
        action, decision = self._open_action(e.subject), self._decisions.get(e.facts["decision"])
        if action is None or decision is None or decision.approved_at or decision.action != e.subject:
            raise Broken(rule, "nothing was waiting that could be edited")
        demand((e.actor["kind"], e.actor["id"]) == ("person", by), rule, f"{e.actor['id']} edited as {by}")
        near = by in {decision.owner, *decision.parties, *action.requesters}
        demand(not near, "no_self_approval", f"{by} edited an action of their own")
        able = by in decision.members or holds(self._people.get(by, []), decision.role)
        able = able or (bool(decision.wanted) and holds(self._people.get(by, []), "operator"))
        demand(able, rule, f"{by} may not decide on it")
        demand(e.facts["digest_before"] == action.digest, rule, "of another action than was asked for")
        denied = any(answer in ("deny", "throttle") for _, answer, _ in e.facts["failed"])
        demand(not denied, rule, "edited although a rule denied it")
        demand(e.facts["level"] >= max(2, action.level), rule, f"level {action.level} was lowered")
        action.digest, action.level, action.risk = e.facts["digest"], e.facts["level"], e.facts["risk"]
        action.cls = e.facts["derived"][0]
        action.editors.add(by)
        del self._decisions[e.facts["decision"]]

    @on("action.granted/1")
    def _granted(self, e: Event) -> None:
        action, decision = self._open_action(e.subject), self._decisions.get(e.facts["decision"])
        rule, grant = "grant_needs_its_decision", e.facts["grant"]
        if action is None or decision is None or not decision.approved_at:
            raise Broken(rule, "there is no approval for this grant, or the action is over")
        same = (decision.action, decision.agent) == (e.subject, action.agent) == (e.subject, e.facts["agent"])
        demand(same, rule, "the approval is of another action or agent")
        level = max([decision.level, *(also.level for also in decision.also)])
        demand(e.facts.get("level", 0) <= level, rule, f"level {e.facts.get('level')} for {level}")
        action.level = max(action.level, e.facts.get("level", 0))
        by_people = "forced" if decision.forced_by else "committee" if level >= 4 else "approved"
        basis = "tribunal" if decision.tribunal is not None else by_people
        demand(grant["basis"] == basis, rule, f"basis {grant['basis']} after level {decision.level}")
        demand(grant["expires_at"] <= decision.approved_at + decision.grant_us, rule, "longer than approved")
        action.give(grant)
        action.attempt = 1
        action.decision = self._decisions.pop(e.facts["decision"])
        self._tribunals.pop(e.facts["decision"], None)

    def _bears(self, cls: str) -> tuple[int, bool]:
        """(attempts, idempotent) of a class under the policy in force."""
        classes = (self._policy or {}).get("classes", {})
        terms = classes.get(cls) or classes["unknown"]
        return int(terms["attempts"]), bool(terms["idempotent"])

    @on("action.retried/1")
    def _retried(self, e: Event) -> None:
        rule, grant = "retry_within_attempts", e.facts["grant"]
        action = self._failed.pop(e.subject, None) or self._actions.get(e.subject)
        if action is None or not action.ended or e.facts["execution"] != action.newest:
            raise Broken(rule, "no execution of it that has failed is repeated by this")
        self._actions[e.subject] = action
        attempts, idempotent = action.attempts, action.idempotent
        if self._policy is not None:
            now = self._bears(action.cls)
            attempts, idempotent = min(attempts, now[0]), idempotent and now[1]
        demand(action.ended == "failed" or idempotent, rule, "nobody knows what became of the last execution")
        demand(
            e.facts["attempt"] == action.attempt + 1 <= attempts, rule, f"{e.facts['attempt']} of {attempts}"
        )
        within = e.at < action.expires_at and int(grant["expires_at"]) <= action.expires_at
        demand(within, rule, "the time of the grant it repeats is over")
        same = (grant["basis"], e.facts["agent"]) == (action.basis, action.agent)
        demand(same, rule, "another basis or agent than the grant it repeats")
        action.give(grant)
        action.attempt, action.ended = action.attempt + 1, ""

    @on("action.grant_revoked/1")
    def _revoked(self, e: Event) -> None:
        action = self._open_action(e.subject)
        if action is None or action.grants.pop(e.facts["grant"], None) is None:
            raise Broken("well_formed", "a grant that nobody holds was revoked")

    @on("action.started/1")
    def _started(self, e: Event) -> None:
        action, number, rule = self._open_action(e.subject), e.facts["grant"], "start_needs_a_grant"
        if action is None:
            raise Broken(rule, "the action is not open: never permitted, or over")
        used = bool(action.executions) and number not in action.grants and 0 < number <= action.granted
        demand(not used and e.facts["execution"] not in action.executions, "grant_used_once", "used before")
        demand(number in action.grants, rule, "there is no such grant, or it was revoked")
        demand(e.at < action.grants.pop(number), rule, "the grant had expired")
        action.executions.add(str(e.facts["execution"]))
        action.newest, action.ended = str(e.facts["execution"]), ""
        same = (e.facts["agent"], e.facts["action_type"], e.facts["tool"])
        agent = self._agents.get(action.agent)
        if (agent is None and not action.of_nobody()) or same != (action.agent, action.type, action.tool):
            raise Broken(rule, "another agent or action than the grant's")
        # A version of an agent is put in force by the platform, and may be what ends the agent's containment.
        platform = action.type == "agent.activate_version" and e.actor["kind"] == "process"
        resting = agent.resting if agent is not None else ""
        rests = resting == "retired" if platform else resting
        demand(not rests, "contained_agents_rest", f"the agent is {resting}")
        if self._stops:
            names = self._names(action)
            for (scope, target), *eased in self._stops.values():
                held = (scope == "organisation" or (scope, target) in names) and names.isdisjoint(eased)
                demand(not held, "stop_means_stop", f"a stop is in force: {scope} {target}")
        for scope, target in (("agent", str(action.agent)), ("tool", action.tool)):
            is_open = self._breakers.get((scope, target), 0) > e.at and not platform
            demand(not is_open, "breaker_means_break", f"the breaker of {scope} {target} is open")
        if action.basis == "observed":
            self._observed(action.agent, action.type)
        if action.basis == "standing":
            borne = any(
                covers_standing(one, action.agent, action.type) and one[2] > e.at
                for number, one in self._standing.items()
                if self._may_give(number, action.agent)
            )
            demand(borne, rule, "the standing approval behind the grant is over")
        if action.decision is not None:
            if action.decision.forced_by:
                self._may_force(action.decision, action.decision.forced_by, action, e.at)
            elif action.decision.tribunal is not None:
                self._still_settles(action.decision.tribunal)
            else:
                self._count(action.decision, action.decision.voters, action, e.at)

    def _names(self, action: Action) -> set[tuple[str, str]]:
        """By what names stops may hit it: (scope, target)."""
        names = {("action_type", action.type), ("tool", action.tool)}
        number = action.agent
        if number in self._agents:
            names |= {("agent", self._agents[number].id), ("agent_type", self._agents[number].type)}
        while number in self._agents:
            names.add(("lineage", self._agents[number].id))
            number = self._agents[number].parent
        task = action.task
        while task in self._parts:
            names.add(("workflow", public_id("tsk", task, self._parts[task][0])))
            task = self._parts[task][1]
        return names

    @on("task.submitted/1")
    def _submitted(self, e: Event) -> None:
        self._parts[e.subject] = (int(e.facts["nonce"]), int(e.facts.get("parent", 0)))

    @on("task.succeeded/1", "task.cancelled/1", "task.purged/1")
    def _done(self, e: Event) -> None:
        self._parts.pop(e.subject, None)

    @on("action.unknown/1", "action.completed/1", "action.failed/1", "action.settled/1")
    def _outcome(self, e: Event) -> None:
        action = self._actions.get(e.subject)
        if action is None or e.facts["execution"] != action.newest:
            raise Broken("outcome_needs_a_start", "no such execution was started")
        outcome = e.facts["outcome"] if e.type == "action.settled/1" else e.type[7:-2]
        action.ended = "" if outcome == "completed" else outcome
        if outcome != "unknown":
            del self._actions[e.subject]
        if outcome == "failed" and action.attempt < action.attempts:
            self._failed[e.subject] = action

    @on("action.closed/1")
    def _closed(self, e: Event) -> None:
        if self._actions.pop(e.subject, None) is None:
            self._waiting.take(e.subject)

    # decisions

    @on("decision.opened/1")
    def _opened(self, e: Event) -> None:
        decision, rule = Decision(e.facts), "grant_needs_its_decision"
        action, agent = self._open_action(decision.action), self._agents.get(decision.agent)
        if action is None or (agent is None and not action.of_nobody()):
            raise Broken(rule, "a decision on an action that is not open")
        same = action.agent == decision.agent and action.digest == e.facts["digest"]
        demand(same and decision.level >= max(2, action.level), rule, "the decision is of something else")
        owner, registrar = (agent.owner, agent.registrar) if agent is not None else ("system", "")
        demand(decision.owner == owner, "no_self_approval", "the owner named is not the agent's")
        if self._policy is not None:
            self._routed(decision, route_of(self._policy, decision.level, action))
        near = {registrar} - {"", decision.owner}
        alone = (self._policy or {}).get("routing", {}).get("editor_level_max", 2)
        if decision.level > alone:
            apart = action.editors <= {decision.owner, *decision.parties}
            demand(apart, "edits_are_judged_again", "whoever edited it could decide on their own version")
        demand(near <= decision.parties, "no_self_approval", "who registered the agent could decide")
        self._decisions[e.subject] = decision

    @on("decision.voted/1")
    def _voted(self, e: Event) -> None:
        decision, person, rule = self._decisions.get(e.subject), e.facts["person"], "quorum_of_people"
        own = (e.actor["kind"], e.actor["id"]) == ("person", person)
        demand(own, rule, f"{e.actor['id']} voted as {person}")
        if decision is not None and e.facts.get("session") == "link" and self._policy is not None:
            enough = decision.level <= links_level_max(self._policy, set(self._people.get(person, ())))
            demand(enough, "links_vote_as_far_as_allowed", f"{person} had to sign in to vote")
        through = e.facts.get("through", "")
        if decision is not None and through:
            apart = through not in {decision.owner, *decision.parties}
            demand(
                apart,
                "no_self_approval",
                f"{through} made the link that {person} came by, and may not decide",
            )
        if decision is not None and not e.facts["late"]:
            demand(person not in decision.votes, rule, f"{person} voted twice")
            demand(e.at < decision.last_at(), "silence_never_approves", "a vote past the deadline")
            decision.votes[person] = e.facts["vote"]

    @on("tribunal.convened/1")
    def _convened(self, e: Event) -> None:
        decision, rule = self._decisions.get(e.subject), "tribunals_are_of_others"
        if decision is None or e.subject in self._tribunals:
            raise Broken(rule, "there is no such decision to advise on, or it has a tribunal")
        tribunal = Tribunal(e.facts)
        demand(tribunal.level == decision.level, rule, "of another level than the decision's")
        near = {decision.owner, *decision.parties} & {*tribunal.members.values()}
        demand(not near, rule, f"a validator belongs to {sorted(near)}, who may not decide")
        requester = self._agents.get(decision.agent)
        root = requester.root or decision.agent if requester is not None else 0
        for number, owner in tribunal.members.items():
            agent = self._agents[number]
            demand(agent.owner == owner, rule, "a validator has another owner than it says")
            demand(not agent.resting, rule, f"a validator is {agent.resting}")
            demand((agent.root or number) != root, rule, "a validator is of the requester's lineage")
        terms = (self._policy or {}).get("tribunal")
        if terms is not None and tribunal.members:
            demand(tribunal.votes_min >= terms["votes_min"], rule, "fewer votes than the policy asks for")
            demand(tribunal.confidence_min >= terms["confidence_min_milli"], rule, "less confidence")
            demand(tribunal.decides in ("never", terms["decides"]), rule, "it decides where it may not")
        self._tribunals[e.subject] = tribunal

    @on("tribunal.voted/1")
    def _judged(self, e: Event) -> None:
        tribunal, number, rule = self._tribunals.get(e.subject), e.facts["agent"], "tribunals_are_of_others"
        agent = self._agents.get(number)
        own = agent is not None and (e.actor["kind"], e.actor["id"]) == ("agent", agent.id)
        demand(own, rule, f"{e.actor['id']} voted as agent {number}")
        if tribunal is None or e.facts["late"]:
            return
        demand(number in tribunal.members, rule, "a vote of an agent that was not asked")
        demand(number not in tribunal.votes, rule, "a validator voted twice")
        in_time = tribunal.ruling is None and e.at < tribunal.deadline_at
        demand(in_time, rule, "a vote past the ruling")
        weight = e.facts["score"] * e.facts["confidence_milli"] // 1000
        demand(e.facts["weight"] == weight and 0 <= e.facts["score"] <= 1000, rule, "another weight")
        demand(0 <= e.facts["confidence_milli"] <= 1000, rule, "confidence beyond certainty")
        tribunal.votes[number] = (e.facts["vote"], e.facts["confidence_milli"], weight)

    @on("tribunal.ruled/1")
    def _tribunal_ruled(self, e: Event) -> None:
        tribunal, rule = self._tribunals.get(e.subject), "tribunals_count_what_was_said"
        if tribunal is None:
            raise Broken(rule, "there is no such tribunal, or it is over")
        demand(tribunal.ruling is None, rule, "a second ruling")
        tribunal.ruling = (e.facts["consensus"], e.facts["recommendation"])
        demand(tribunal.ruling == tribunal.counted(), rule, f"{tribunal.counted()} was said")
        tribunal.complete = len(tribunal.votes) == len(tribunal.members) > 0
        demand(e.facts["complete"] == tribunal.complete, rule, "complete or not")

    @on("tribunal.dissolved/1")
    def _dissolved(self, e: Event) -> None:
        self._tribunals.pop(e.subject, None)

    def _by_tribunal(self, e: Event, decision: Decision) -> None:
        """Level 2 decided by a tribunal alone, where the policy says so."""
        rule, tribunal = "tribunals_decide_level_2_only", self._tribunals.get(e.subject)
        if tribunal is None:
            raise Broken(rule, "it has no tribunal")
        demand(decision.level == 2, rule, f"at level {decision.level}")
        demand("deny" not in decision.votes.values(), rule, "somebody had denied")
        demand(not e.facts["voters"] and not e.facts.get("also"), rule, "people are named")
        action = self._open_action(decision.action)
        met = action is not None and all(self._met(decision, *wanted, action) for wanted in decision.wanted)
        demand(met, "stricter_of_two_policies", "a policy applied meanwhile asks for people")
        decision.tribunal, decision.approved_at = tribunal, e.at
        self._still_settles(tribunal)

    def _still_settles(self, tribunal: Tribunal) -> None:
        """Complete, for it, without the votes of agents contained since, and as the policies of then and now say."""
        rule = "tribunals_decide_level_2_only"
        contained = {number for number in tribunal.votes if self._agents[number].resting}
        silent = {number for number in contained if tribunal.votes[number][0] == "approve"}
        ruling = tribunal.counted(*silent)
        demand(tribunal.complete and ruling[1] == "approve", rule, "it did not rule so")
        demand(ruling == tribunal.ruling, rule, f"without those contained it is {ruling[0]}")
        terms = (self._policy or {}).get("tribunal", {"decides": tribunal.decides})
        for decides in (tribunal.decides, terms["decides"]):
            demand(ruling[0] in _ENOUGH.get(decides, ()), rule, f"the policy says {decides}")

    @on("decision.seen/1")
    def _seen(self, e: Event) -> None:
        own = (e.actor["kind"], e.actor["id"]) == ("person", e.facts["person"])
        demand(own, "quorum_of_people", f"{e.actor['id']} looked in the name of {e.facts['person']}")

    @on("decision.approved/1")
    def _approved(self, e: Event) -> None:
        decision = self._decisions.get(e.subject)
        if decision is None or e.at >= decision.last_at():
            raise Broken("silence_never_approves", "the decision is over or past its deadline, or never was")
        action, voters = self._open_action(decision.action), set(e.facts["voters"])
        same = (e.facts["action"], e.facts["agent"], e.facts["level"])
        if action is None or same != (decision.action, decision.agent, decision.level):
            raise Broken("grant_needs_its_decision", "of something else than was asked")
        if e.facts.get("tribunal"):
            self._by_tribunal(e, decision)
            return
        said_so = all(decision.votes.get(voter) == "approve" for voter in voters)
        demand(said_so, "quorum_of_people", "somebody named did not approve")
        denied = [who for who, vote in decision.votes.items() if vote == "deny"]
        decision.also = [Demand(parts, decision.level) for parts in e.facts.get("also", ())]
        bitter = [
            who
            for who in denied
            if decision.members.get(who, ("", 0, not decision.also))[2]
            or (not decision.members and holds(self._people.get(who, []), decision.role))
        ]
        demand(not bitter, "quorum_of_people", f"{sorted(bitter)} denied")
        for policy, level in decision.wanted:
            met = self._met(decision, policy, level, action)
            demand(met, "stricter_of_two_policies", f"the route of a policy applied meanwhile, level {level}")
        self._count(decision, voters, action, e.at)
        decision.voters, decision.approved_at = voters, e.at

    # policies

    @on("policy.applied/1")
    def _applied(self, e: Event) -> None:
        document = e.facts["document"]
        modes = document.get("modes", {})
        self._based(e, turned_on(self._modes, modes))
        self._modes, self._packs = modes, document.get("compliance", {}).get("packs", [])
        # Documents of before this rule say nothing about it.
        self._policy = document if "loosened_days" in document.get("routing", {}) else None
        self._loosened = [one for one in self._loosened if one[1] > e.at]
        if e.facts.get("loosens") and e.facts.get("by"):
            self._loosened.append((e.facts["by"], int(e.facts["barred_until_at"]), e.facts["loosens"]))
        if self._policy is None:
            return
        for decision in self._decisions.values():
            action = self._actions.get(decision.action)
            if action is not None and not decision.approved_at:
                level = max(decision.level, level_of(self._policy, action))
                decision.wanted.append((self._policy, level))

    def _routed(self, decision: Decision, route: Route) -> None:
        """A decision is opened on the route of the policy in force, its committee seated from that policy's seats."""
        rule = "committees_are_the_policys"
        demand(decision.committee == route.committee, rule, f"{decision.committee!r} for {route.committee!r}")
        decision.terms = route.terms
        if route.terms is None:
            same = (decision.role, decision.needed) == (route.role, route.needed)
            demand(same, rule, f"{decision.needed} {decision.role} for {route.needed} {route.role}")
            return
        for who, (role, weight, veto) in decision.members.items():
            fits = self._seats_of(who, route.terms)
            seated = any(seat["role"] == role if role else seat["person"] for seat in fits)
            demand(seated, rule, f"{who} fits no seat of {route.committee}")
            heavy = max(seat["weight"] for seat in fits) if route.terms["rule"] == "weight" else 1
            same = weight == max(1, heavy) and veto == any(seat["veto"] for seat in fits)
            demand(same, rule, f"{who} has another weight or veto than their seat")
        least = least_of(route.terms, len(decision.members))
        demand(decision.needed >= least, rule, f"{decision.needed} are enough where {least} are needed")

    def _seats_of(self, who: str, terms: dict[str, Any]) -> list[dict[str, Any]]:
        handle, roles = self._handles.get(who, ""), self._people.get(who, [])
        return [
            seat
            for seat in terms["seats"]
            if (seat["person"] == handle if seat["person"] else holds(roles, seat["role"]))
        ]

    def _met(self, decision: Decision, policy: dict[str, Any], level: int, action: Action) -> bool:
        """Is one of the routes it satisfied that of this policy, at this level or above (a rule may ask for more)?"""
        routes: list[Decision | Demand] = [decision, *decision.also]
        return any(self._is(one, route_of(policy, one.level, action)) for one in routes if one.level >= level)

    def _is(self, one: Decision | Demand, wanted: Route) -> bool:
        """Is this what the route wants?"""
        if not wanted.committee:
            return not one.committee and one.role == wanted.role and one.needed >= wanted.needed
        if one.committee != wanted.committee or not one.members:
            return False
        if isinstance(one, Decision):
            return bool(one.terms == wanted.terms)
        # Who sat on it was counted when the policy was applied; who is on it by role has the role by now, or no vote.
        named = all(
            (role and any(seat["role"] == role for seat in wanted.terms["seats"]))
            or any(seat["person"] == self._handles.get(who) for seat in wanted.terms["seats"])
            for who, (role, _, _) in one.members.items()
        )
        return named and one.needed >= least_of(wanted.terms, len(one.members))

    def _barred(self, voters: set[str], decision: Decision, action: Action, at: int) -> set[str]:
        """Those who loosened the policy for this action, as long as that bars them."""
        mine = {
            "*",
            f"type:{action.type}",
            f"tool:{action.tool}",
            f"class:{action.cls}",
            f"level:{decision.level}",
        }
        return {
            who
            for who, until, selectors in self._loosened
            if who in voters and until > at and not mine.isdisjoint(selectors)
        }

    # break-glass

    @on("decision.force_asked/1")
    def _force_asked(self, e: Event) -> None:
        person = e.facts["person"]
        own = (e.actor["kind"], e.actor["id"]) == ("person", person)
        demand(own, "forced_by_the_eligible", f"{e.actor['id']} forces as {person}")
        if e.subject in self._decisions:
            self._decisions[e.subject].force_asked.add(person)

    @on("decision.forced/1")
    def _forced(self, e: Event) -> None:
        decision, by, rule = self._decisions.get(e.subject), set(e.facts["by"]), "forced_by_the_eligible"
        if decision is None or decision.approved_at or e.at >= decision.last_at():
            raise Broken(rule, "the decision is over or past its deadline, or never was")
        action = self._open_action(decision.action)
        same = (e.facts["action"], e.facts["agent"], e.facts["level"])
        if action is None or same != (decision.action, decision.agent, decision.level):
            raise Broken(rule, "of something else than was asked")
        demand(e.facts["digest"] == action.digest, rule, "another digest than was asked for")
        demand(len(by) >= (2 if decision.level >= 4 else 1), rule, f"{len(by)} at level {decision.level}")
        own = e.actor["id"] if e.actor["kind"] == "person" else ""
        demand(by <= {own, *decision.force_asked} and own in by, rule, "somebody named did not force it")
        self._may_force(decision, by, action, e.at)
        decision.forced_by, decision.approved_at = by, e.at
        decision.grant_us = min(decision.grant_us, int(e.facts["grant_ms"]) * 1000)
        self._unreviewed[e.subject] = {*by, decision.owner, *decision.parties}

    def _may_force(self, decision: Decision, by: set[str], action: Action, at: int) -> None:
        rule = "forced_by_the_eligible"
        own = by & {decision.owner, *decision.parties, *action.requesters}
        demand(not own, rule, f"{sorted(own)} forced an action of their own")
        able = all(holds(self._people.get(who, []), "director") for who in by)
        demand(able, rule, "somebody who forced it is neither director nor admin")
        demand(
            not self._barred(by, decision, action, at),
            rule,
            "somebody who forced it loosened the policy for it",
        )

    @on("decision.reviewed/1")
    def _reviewed(self, e: Event) -> None:
        near, person, rule = (
            self._unreviewed.pop(e.subject, None),
            e.facts["person"],
            "forced_is_reviewed_by_another",
        )
        own = (e.actor["kind"], e.actor["id"]) == ("person", person)
        if near is None or not own or person in near:
            raise Broken(rule, f"{person} does not review it: nobody forced it, or it is their own")
        demand(holds(self._people.get(person, []), "supervisor"), rule, f"{person} is no supervisor")

    def _count(self, decision: Decision, voters: set[str], action: Action, at: int) -> None:
        """These voters are enough, distinct, eligible now, and none of them decides on what is their own."""
        own = voters & {decision.owner, *decision.parties, *action.requesters}
        demand(not own, "no_self_approval", f"{sorted(own)} approved an action of their own")
        barred = self._barred(voters, decision, action, at)
        try:
            routes: list[Decision | Demand] = [decision, *decision.also]
            for one in routes:
                self._enough(one, voters - barred)
        except Broken as broken:
            if barred:
                text = f"{sorted(barred)} loosened the policy for it; {broken}"
                raise Broken("looseners_do_not_decide", text) from None
            raise

    def _enough(self, decision: Decision | Demand, voters: set[str]) -> None:
        """Under one route these voters are enough."""
        if decision.members:
            self._weigh(decision, voters)
            return
        able = {voter for voter in voters if holds(self._people.get(voter, []), decision.role)}
        enough = len(able) >= max(1, decision.needed)
        demand(enough, "quorum_of_people", f"{len(able)} of {decision.needed} approvals by {decision.role}")

    def _weigh(self, decision: Decision | Demand, voters: set[str]) -> None:
        """Of a committee: the weights of members who may still decide reach what is needed."""
        won = 0
        for voter in voters:
            role, weight, _ = decision.members.get(voter, ("", 0, False))
            held = self._people.get(voter, [])
            won += weight if held and (not role or holds(held, role)) else 0
        enough = won >= max(1, decision.needed)
        demand(enough, "quorum_of_people", f"{won} of {decision.needed} by members of the committee")

    @on("decision.escalated/1")
    def _escalated(self, e: Event) -> None:
        decision, rule = self._decisions.get(e.subject), "silence_never_approves"
        if decision is None:
            return
        demand(e.at >= decision.deadline_at, rule, "escalated before its time")
        demand(bool(decision.rungs_us), rule, "escalated beyond its ladder")
        wait_us = decision.rungs_us.pop(0)
        demand(int(e.facts["deadline_at"]) <= e.at + wait_us, rule, "a rung longer than was said")
        decision.deadline_at = int(e.facts["deadline_at"])

    @on("decision.denied/1", "decision.expired/1", "decision.cancelled/1")
    def _over(self, e: Event) -> None:
        self._decisions.pop(e.subject, None)
        self._tribunals.pop(e.subject, None)

    @on("policy.proposed/1")
    def _proposed(self, e: Event) -> None:
        known = (str(e.facts["by"]), str(e.facts["digest"]), int(e.facts["version"]))
        self._proposals[int(e.facts["number"])] = known

    @on("policy.proposal_ended/1")
    def _withdrawn(self, e: Event) -> None:
        self._proposals.pop(int(e.facts["number"]), None)

    def _based(self, e: Event, observes: list[str]) -> None:
        rule, basis, version = "policy_needs_others", e.facts.get("basis", ""), int(e.facts["version"])
        demand(not basis or version == self._version + 1, rule, f"version {version} after {self._version}")
        if basis == "first":
            demand(version == 1, rule, "there was a policy before")
        elif basis == "tightening":
            demand(e.facts["loosened"] == 0, rule, "it loosens something")
            demand(not observes, rule, f"it lets run unheld: {observes}")
        elif basis == "alone":
            author = e.of or e.actor["id"]
            others = [who for who, held in self._people.items() if who != author and holds(held, "operator")]
            demand(not others, rule, f"{len(others)} others could have decided")
        elif basis == "approved":
            level = self._agreed(e, rule)
            demand(
                not observes or level >= 3,
                rule,
                f"decided on at level {level}, and lets run unheld: {observes}",
            )
        else:
            demand(not basis and not self._bases, rule, f"basis {basis!r}")
        self._version, self._bases = version, self._bases or bool(basis)

    def _agreed(self, e: Event, rule: str) -> int:
        """By an action that was started, on the request of whoever had proposed exactly this, to this version. Its level."""
        action = self._actions.get(e.facts["action"])
        by, digest, below = self._proposals.pop(int(e.facts["proposal"]), ("", "", -1))
        if action is None or not action.executions or not action.of_nobody():
            raise Broken(rule, "no started action puts it in force")
        demand(digest == e.facts["digest"], rule, "another document than was proposed")
        demand(below == self._version, rule, "proposed to another version than the one in force")
        demand(by in action.requesters, rule, "somebody else asked for it than had proposed it")
        return action.level

    # containment

    @on("stop.recorded/1")
    def _stopped(self, e: Event) -> None:
        self._stops[e.subject] = [(e.facts["scope"], e.facts["target"])]
        self._stoppers[e.subject] = e.actor["id"] if e.actor["kind"] == "person" else ""

    @on("stop.lifted/1")
    def _lifted(self, e: Event) -> None:
        self._by_another(e)
        self._stops.pop(e.subject, None)

    @on("stop.eased/1")
    def _eased(self, e: Event) -> None:
        self._by_another(e)
        if e.subject in self._stops:
            self._stops[e.subject].append((e.facts["scope"], e.facts["target"]))

    def _by_another(self, e: Event) -> None:
        own = e.actor["kind"] == "person" and e.actor["id"] == self._stoppers.get(e.subject, "")
        demand(not own, "stop_lifted_by_another", f"{e.actor['id']} had recorded it")

    @on("standing.granted/1")
    def _stands(self, e: Event) -> None:
        self._standing[e.subject] = (e.facts["agent"], e.facts["action_type"], e.facts["expires_at"])

        if e.actor["kind"] == "person":
            self._givers[e.subject] = e.actor["id"]

    def _may_give(self, standing: int, agent: int) -> bool:
        """Does the person who gave it hold the role still? What the system gave stands. Of a bypass: not for their own."""
        giver = self._givers.get(standing, "")
        if standing not in self._bypasses:
            return not giver or holds(self._people.get(giver, []), "supervisor")
        state = self._agents.get(agent)
        own = state is not None and giver in (state.owner, state.registrar)
        return not own and holds(self._people.get(giver, []), "director")

    @on("bypass.opened/1")
    def _bypassed(self, e: Event) -> None:
        rule, type_ = "bypass_is_of_level_2_and_ends", e.facts["action_type"]
        demand(e.actor["kind"] == "person", rule, "nobody answers for it")
        able = holds(self._people.get(e.actor["id"], []), "director")
        demand(able, rule, "whoever opened it is no director")
        demand(e.facts["expires_at"] <= e.at + 12 * 3_600_000_000, rule, "longer than 12 hours")
        demand(type_ not in ("agent.activate_version", "policy.apply"), rule, "of what the platform does")
        self._standing[e.subject] = (e.facts["agent"], type_, e.facts["expires_at"])
        self._givers[e.subject] = e.actor["id"]
        self._bypasses.add(e.subject)

    @on("bypass.ended/1")
    def _asked_again(self, e: Event) -> None:
        self._standing.pop(e.subject, None)
        self._bypasses.discard(e.subject)

    @on("standing.revoked/1")
    def _falls(self, e: Event) -> None:
        self._standing.pop(e.subject, None)

    @on("breaker.opened/1")
    def _tripped(self, e: Event) -> None:
        self._breakers[e.facts["scope"], e.facts["target"]] = e.facts["until_at"]


def event_of(row: dict[str, Any], offset: int) -> Event:
    """Raises KeyError, TypeError, AttributeError on rows that are not events."""
    return Event(
        row["seq"], row["at"], row["type"], row["subject"]["id"], row["facts"], row["actor"], row.get("of", ""), offset
    )  # fmt: skip


# -- one pass over the meaning of the events ----------------------------------------------------------------------


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not an integer")


_decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)


def _chunks_of(encoder: json.JSONEncoder) -> Callable[[Any, int], Iterable[str]]:
    """The encoder's own C function, made once instead of for every event (half the cost), where there is one."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        quick = make(None, _refuse, json.encoder.encode_basestring, None, ":", ",", True, False, False)
        if "".join(quick({"b": [1, None], "a": "\u00e9\n"}, 0)) == '{"a":"\u00e9\\n","b":[1,null]}':
            return quick  # type: ignore[no-any-return]
    except (TypeError, ValueError):
        pass
    return lambda value, _level: (encoder.encode(value),)


_chunks = _chunks_of(_canonical)


def parse_event(line: bytes, seq: int) -> dict[str, Any]:
    """The event of a line, if it is canonical (RFC 8785: one spelling, no key twice). Raises Wrong."""
    try:
        event = _decode(line.decode())
        if isinstance(event, dict) and "".join(_chunks(event, 0)).encode() == line:
            return event
    except (ValueError, RecursionError) as error:
        raise Wrong(2, seq, f"not an event: {type(error).__name__}") from error
    raise Wrong(2, seq, "the bytes are not canonical")


class Privates:
    """The private parts of an export, in seq order, against the commitments of their events."""

    def __init__(self, path: Path) -> None:
        self.checked = 0
        self._lines = self._read(path)
        self.next_seq, self._commitment = next(self._lines, (0, ""))

    @staticmethod
    def _read(path: Path) -> Iterator[tuple[int, str]]:
        if not path.exists():
            return
        before = 0
        with path.open("rb") as file:
            for lines in line_blocks(file, path.stat().st_size, 0):
                for line in lines:
                    try:
                        part = json.loads(line)
                        seq, parts = int(part["seq"]), (_unbase64(part["salt"]), _unbase64(part["body"]))
                    except (ValueError, KeyError, TypeError, RecursionError) as error:
                        raise Wrong(2, before, "a private part is not readable") from error
                    if seq <= before:
                        raise Wrong(2, seq, "private parts are out of order")
                    before = seq
                    yield seq, sha256(b"".join(parts)).hexdigest()

    def check(self, event: dict[str, Any], seq: int) -> None:
        if event.get("private") != self._commitment:
            raise Wrong(2, seq, "the private part is not the one the event commits to")
        self.checked += 1
        self.next_seq, self._commitment = next(self._lines, (0, ""))


class Examined(NamedTuple):
    """The result of the pass: what was found, and how many private parts fit."""

    findings: list[Finding]
    privates: int


def examine(export: Path, organisation: str, rules_wanted: bool) -> Examined:
    """Canonical bytes, rules and private parts of all events, in order. One process: a rule may look far back."""
    path, findings, seq, offset = export / "events.jsonl", list[Finding](), 0, 0
    privates = Privates(export / "privates.jsonl")
    with path.open("rb") as file, path.open("rb") as again:

        def read_again(where: int) -> Event:
            again.seek(where)
            return event_of(parse_event(again.readline(LINE_BYTES_MAX).rstrip(b"\n"), 0), where)

        rules = Rules(organisation, read_again)
        try:
            for lines in line_blocks(file, path.stat().st_size, 1):
                for line in lines:
                    seq += 1
                    wanted = seq == privates.next_seq
                    if rules_wanted or wanted:
                        event = parse_event(line, seq)
                        if wanted:
                            privates.check(event, seq)
                        broken = rules.see(event, offset) if rules_wanted else None
                        if broken is not None and len(findings) < FINDINGS_MAX:
                            findings.append(Finding(6, seq, broken.rule, str(broken)))
                    offset += len(line) + 1
            if privates.next_seq:
                raise Wrong(2, privates.next_seq, "a private part without an event")
        except Wrong as wrong:
            findings.append(wrong.finding)
    return Examined(findings, privates.checked)


# -- everything together ------------------------------------------------------------------------------------------


class Usage(Exception):
    """What was passed cannot be used: exit 1."""


class Report(NamedTuple):
    """What was checked and found; `exit` is the exit code."""

    exit: int
    origin: str
    size: int
    head: str
    root: str
    checkpoints: int
    signed_size: int
    privates: int
    rules_version: int
    seconds: float
    findings: list[Finding]


def read_notes(directory: Path, notary: Notary) -> list[Checkpoint]:
    """The checkpoints of the export, by size. Raises Wrong."""
    found = []
    for path in sorted(directory.glob("*.note")) if directory.is_dir() else ():
        try:
            with path.open("rb") as file:
                found.append(notary.open(file.read(NOTE_BYTES_MAX + 1), path.name))
        except (ValueError, binascii.Error) as error:
            raise Wrong(2, 0, f"checkpoint {path.name}: {error}") from error
    return sorted(found, key=lambda checkpoint: checkpoint.size)


def read_manifest(export: Path) -> dict[str, Any]:
    """Raises Usage when this is not an export at all."""
    try:
        with (export / "manifest.json").open("rb") as file:
            manifest = json.loads(file.read(MANIFEST_BYTES_MAX))
        kind, origin, size = manifest["format"], manifest["origin"], manifest["size"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Usage(f"{export} is not an export: {type(error).__name__}: {error}") from error
    if kind != "watchfloor-export/1" or not isinstance(origin, str) or not isinstance(size, int):
        raise Usage(f"{export} has format {kind!r}; this program knows watchfloor-export/1")
    for name in ("events.jsonl", "hashes.bin"):
        if not (export / name).is_file():
            raise Usage(f"{export} has no {name}")
    return dict(manifest)


def read_history(
    export: Path, marks: list[int], rules_wanted: bool, processes: int
) -> tuple[History, Examined]:
    """Walk and examine, on as many processes as are worth it. Raises Wrong."""
    organisation = read_manifest(export)["origin"].rpartition("/")[2]
    large = (export / "events.jsonl").stat().st_size >= PARALLEL_FROM_BYTES
    needed = rules_wanted or (export / "privates.jsonl").exists()
    whole = stretches(export, 1, marks)
    if processes < 2 or not large:
        history = join([walk(export, whole[0])], whole)
        return history, examine(export, organisation, rules_wanted) if needed else Examined([], 0)
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes - 1, mp_context=spawn) as pool:
        examined = pool.submit(examine, export, organisation, rules_wanted) if needed else None
        parts = whole if needed and processes == 2 else stretches(export, processes - bool(needed), marks)
        others = [pool.submit(walk, export, part) for part in parts[1:]]
        walked = [walk(export, parts[0]), *(other.result() for other in others)]
        try:
            history = join(walked, parts)
        except LookupError:  # the events lie about their places: find the first that does
            history = join([walk(export, whole[0])], whole)
        return history, examined.result() if examined else Examined([], 0)


def judge_checkpoints(history: History, notes: list[Checkpoint], pins: list[Checkpoint]) -> Iterator[Finding]:
    """The tree against what was signed, and against what the auditor saw before."""
    good = 0
    for note, before in zip(notes, [None, *notes], strict=False):
        if before is not None and before.size == note.size and before.root != note.root:
            yield Finding(
                4, 0, "", f"{before.source} and {note.source} sign two histories of size {note.size}"
            )
        elif note.size > history.size:
            yield Finding(3, history.size + 1, "", f"{note.size} events were signed, {history.size} are here")
        elif history.roots[note.size] != note.root:
            text = f"the first {note.size} events are not those that were signed ({note.source})"
            yield Finding(2, good + 1, "", text)
        else:
            good = note.size
    if history.size and not notes:
        yield Finding(2, 1, "", "there is no signed checkpoint: nothing shows whose history this is")
    for pin in pins:
        if pin.size > history.size or (notes and pin.size > notes[-1].size):
            newest = notes[-1].size if notes else 0
            text = f"you saw {pin.size} events ({pin.source}); here are {history.size}, signed {newest}"
            yield Finding(3, history.size + 1, "", text)
        elif history.roots[pin.size] != pin.root:
            yield Finding(4, 0, "", f"not a continuation of the {pin.size} events you saw ({pin.source})")


def judge_witnesses(
    history: History, notes: list[Checkpoint], names: list[str], now_s: int, age_max_s: int
) -> Iterator[Finding]:
    """Every witness named has cosigned a checkpoint of this history, lately."""
    mine = [note for note in notes if history.roots.get(note.size) == note.root]
    for name in names:
        newest = max((note.cosigned_at.get(name, 0) for note in mine), default=0)
        if not newest:
            yield Finding(5, 0, "", f"{name} has cosigned nothing here")
        elif newest > now_s + 300 or (age_max_s and now_s - newest > age_max_s):
            yield Finding(
                5, 0, "", f"{name} cosigned {now_s - newest} s ago, at most {age_max_s} s are allowed"
            )


@contextlib.contextmanager
def unpacked(export: Path) -> Iterator[Path]:
    """The directory of an export: itself, or what an archive of one holds. Raises Usage.

    Nothing but the files that an export has is taken out of an archive, each under its own name.
    """
    if not export.is_file():
        yield export
        return
    with tempfile.TemporaryDirectory(prefix="watchfloor-verify-") as made:
        target = Path(made)
        (target / "checkpoints").mkdir()
        try:
            with zipfile.ZipFile(export) as archive:
                for entry in archive.infolist():
                    found = ARCHIVED.match(entry.filename)
                    if found is None:
                        raise Usage(f"{export} holds {entry.filename!r}, which no export has")
                    if entry.file_size > BLOCK_BYTES + SWELLS_MAX * entry.compress_size:
                        raise Usage(f"{entry.filename} would swell to {entry.file_size} bytes")
                    with archive.open(entry) as source, (target / found["name"]).open("xb") as file:
                        shutil.copyfileobj(source, file, BLOCK_BYTES)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            FileExistsError,
            EOFError,
        ) as error:
            raise Usage(f"{export} is not the archive of an export: {error}") from error
        yield target


def verify(options: argparse.Namespace) -> Report:
    """All checks. Raises Usage, OSError."""
    with unpacked(Path(options.export)) as export:
        return verify_directory(export, options)


def verify_directory(export: Path, options: argparse.Namespace) -> Report:
    """All checks of an export that is a directory. Raises Usage, OSError."""
    began = time.monotonic()
    try:
        log = parse_key(options.key, 1)
        witnesses = [parse_key(text, 4) for text in options.cosigner]
    except (ValueError, OSError) as error:
        raise Usage(f"key: {error}") from error
    manifest = read_manifest(export)
    many = len(list((export / "checkpoints").glob("*.note"))) > 100
    notary = Notary(log, witnesses, many=many)
    try:
        pins = [notary.open(Path(name).read_bytes(), name) for name in options.pin]
    except (ValueError, OSError) as error:
        raise Usage(f"pinned checkpoint: {error}") from error
    findings: list[Finding] = []
    history, examined, notes = History(0, b"", b"", {}), Examined([], 0), []
    try:
        if manifest["origin"] != log.name:
            raise Wrong(2, 0, f"this is an export of {manifest['origin']}, the key is of {log.name}")
        notes = read_notes(export / "checkpoints", notary)
        marks = sorted({item.size for item in (*notes, *pins)} - {0})
        history, examined = read_history(export, marks, options.rules, options.processes)
        history.roots[0] = sha256(b"").digest()
        findings += examined.findings
        claimed = (manifest["size"], manifest.get("head"), (export / "hashes.bin").stat().st_size)
        if claimed != (history.size, history.head.hex(), 32 * history.size):
            raise Wrong(
                2, min(claimed[0], history.size) + 1, "the manifest or the hashes are of another size"
            )
        findings += judge_checkpoints(history, notes, pins)
        names = [key.name for key in witnesses]
        findings += judge_witnesses(
            history, [*notes, *pins], names, options.at or int(time.time()), options.max_age
        )
    except Wrong as wrong:
        findings.append(wrong.finding)
    codes = sorted({finding.code for finding in findings})
    return Report(
        exit=next((code for code in codes if code > 1), codes[0] if codes else 0),
        origin=log.name,
        size=history.size,
        head=history.head.hex(),
        root=history.root.hex(),
        checkpoints=len(notes),
        signed_size=notes[-1].size if notes else 0,
        privates=examined.privates,
        rules_version=RULES_VERSION if options.rules else 0,
        seconds=round(time.monotonic() - began, 3),
        findings=sorted(findings),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise Usage(f"{message} (see --help)")


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    """Raises Usage."""
    text = "\n".join(f"  {name}: {rule}" for name, rule in RULES.items())
    parser = _Parser(
        prog="watchfloor-verify",
        description=__doc__,
        epilog=f"rules, version {RULES_VERSION}:\n{text}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "export",
        help="directory made by `watchfloor ledger export`, or the archive that the server hands out",
    )
    parser.add_argument(
        "--key",
        required=True,
        help="the log's vkey, or a file that holds it; never the one inside the export",
    )
    parser.add_argument(
        "--pin", action="append", default=[], metavar="FILE", help="a checkpoint you kept from earlier"
    )
    parser.add_argument(
        "--cosigner", action="append", default=[], metavar="VKEY", help="a witness that must have cosigned"
    )
    parser.add_argument(
        "--max-age", type=int, default=0, metavar="SECONDS", help="how old its newest cosignature may be"
    )
    parser.add_argument(
        "--at", type=int, default=0, metavar="SECONDS", help="the time to judge ages by (default: now)"
    )
    parser.add_argument(
        "--rules", action=argparse.BooleanOptionalAction, default=True, help="re-derive the rules (exit 6)"
    )
    parser.add_argument("--processes", type=int, default=2, help="how many processes to use (default 2)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(arguments)


def show(report: Report) -> str:
    """The report for people."""
    lines = [f"{report.origin}: {report.size} events, {report.checkpoints} checkpoints, {report.seconds} s"]
    for finding in report.findings[:20]:
        where = f"event {finding.seq}: " if finding.seq else ""
        rule = f"[{finding.rule}] " if finding.rule else ""
        lines.append(f"  {finding.code}  {where}{rule}{finding.text}")
    if len(report.findings) > 20:
        lines.append(f"  … and {len(report.findings) - 20} more")
    if report.exit == 0:
        rules = (
            f"rules version {report.rules_version} obeyed" if report.rules_version else "rules not looked at"
        )
        signed = f"signed up to {report.signed_size}"
        lines.append(
            f"good: head {report.head[:16]}…, {signed}, {report.privates} private parts fit, {rules}"
        )
    else:
        lines.append(f"NOT GOOD: exit {report.exit}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    try:
        options = parse_options(arguments)
        report = verify(options)
    except (Usage, OSError) as error:
        print(f"watchfloor-verify: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - an internal error is exit 1, never mistaken for a verdict
        print(f"watchfloor-verify: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if options.json:
        found = [finding._asdict() for finding in report.findings]
        print(json.dumps({**report._asdict(), "findings": found}, indent=2))
    else:
        print(show(report))
    return report.exit


if __name__ == "__main__":
    sys.exit(main())

"""The hub: every agent connected to this node (spec 2.2, 2.3; DESIGN §2, 2b.5, 2b.7, 2b.9, 2b.10).

It authenticates, tells the engine who came and went, judges heartbeats, throttles at the door, delivers pushes after
commit and redelivers them on resume, and closes the sockets of revoked keys.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import secrets
from collections.abc import Callable
from hashlib import sha256

import msgspec

from watchfloor.actions.messages import ActionClosed, ActionDecided, ActionGranted
from watchfloor.councils.tribunal_messages import TribunalConvened
from watchfloor.engine.credentials import Credential, discloses
from watchfloor.engine.engine import Engine
from watchfloor.engine.entropy import Entropy
from watchfloor.engine.requests import Answer, Lane, Request
from watchfloor.fleet.messages import (
    AgentRetired,
    CertificatesPinned,
    ConnectAgent,
    DisconnectAgent,
    KeyExpiring,
    VersionActivated,
)
from watchfloor.fleet.structured_id import structured_id
from watchfloor.hub import admission, floods, identity, judging, pushes
from watchfloor.hub import protocol as wire
from watchfloor.hub.commands import standing
from watchfloor.hub.mailroom import DELIVERED, Mailroom, wordless
from watchfloor.hub.pulse import MISSED_MAX, Present, Visits, degrade, missed
from watchfloor.hub.session import Session
from watchfloor.hub.sockets import Refusal, UpgradeRequest
from watchfloor.hub.stopped import Stopped
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.instants import MILLISECOND, MINUTE, SECOND
from watchfloor.kernel.limits import IN_FLIGHT_PER_AGENT, OUTBOX_SEQS
from watchfloor.kernel.messages import Actor, Command, Event, Refused
from watchfloor.kernel.rate_terms import rates_of
from watchfloor.kernel.terms import PLATFORM_TYPES, TIERS
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.capacity import tasks_max
from watchfloor.registers.directory import number_of
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.trust.rules import score_at, tier_at_birth
from watchfloor.work.messages import (
    ReportProgress,
    TaskAssigned,
    TaskHandedOver,
)

_log = logging.getLogger(__name__)
_DELIVERED = frozenset(
    (TaskAssigned, *pushes.OF_TASKS, TaskHandedOver, *pushes.SUPERVISION, ActionGranted, ActionClosed)
)
_LAG_US = 5 * SECOND  # after a longer pause of the loop sockets are drained before heartbeats are judged


class HubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of this node, with their reasons in spec 2.3."""

    heartbeat_ms: int = 30_000
    hello_timeout_ms: int = 5_000
    connections_max: int = 12_000
    per_organisation_max: int = 11_000
    # Sockets without a key that have not said hello yet: each may be anybody's, for `hello_timeout_ms`.
    unknown_max: int = 1_000
    # Above what one core can let in, so that a whole fleet may come back at once; beyond it a storm gets fast 503s.
    accepts_per_second: int = 6_000


class Hub:
    """Acceptor of the socket layer and follower of the engine."""

    def __init__(self, engine: Engine, settings: HubSettings | None = None, server: str = "") -> None:
        self.engine = engine
        self.settings = settings or HubSettings()
        self.clock: Callable[[], int] = engine.clock
        self.server = server
        self.sessions: dict[tuple[int, int], Session] = {}
        self.pending: set[Session] = set()
        self.visits = Visits(self)
        self._unsaid: dict[Present, DisconnectAgent] = {}
        self.stopped = Stopped()
        self._held: list[tuple[Session, Event]] = []  # grants that wait for the end of a stop
        self.entropy = Entropy()
        self.mailroom = Mailroom(engine, lambda: self.clock())
        self.messages = 0
        self.sent = 0
        self.invalid = 0
        self.throttled = 0
        self.closing = False
        self.open = 0  # sockets, those that have not said hello included
        self.unknown = 0  # sockets that have not said who they are
        self.per_org: dict[int, int] = {}
        self._accepted = (0, 0)
        self._checkpoints: dict[int, wire.Checkpoint] = {}
        self._task: asyncio.Task[None] | None = None
        self.classes: dict[
            int, tuple[int, dict[str, str]]
        ] = {}  # the door's: policy version, type → rate class
        engine.follow(self.follow)
        engine.credentials.watch(self._credential_changed)
        if engine.signing is not None:
            engine.signing.watch(self._checkpoint)
            for org, (size, note) in engine.signing.latest.items():
                self._checkpoint(org, size, note)

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._ticks())

    async def stop(self) -> None:
        """Tell everyone when to come back, close with 1012, and let the last answers out."""
        self.closing = True
        for session in [*self.sessions.values(), *self.pending]:
            notice = wire.Disconnecting(reason="restart", retry_after_ms=random.randint(200, 5_000))  # noqa: S311
            session.push(notice)
            session.close(wire.CloseCode.RESTART, "restart")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def accept(self, request: UpgradeRequest) -> Session | Refusal:
        """May this peer come in? A key in the Authorization header, or none (then hello has 5 s)."""
        if self.closing or self.open >= self.settings.connections_max or self._storm():
            return Refusal(status=503, headers=self._hint(), body=b"overloaded, come back later\n")
        query = request.query.decode("latin-1")
        if b"key" in request.query or b"token" in request.query or discloses(query):
            return Refusal(
                status=400, body=b"keys belong into the Authorization header, never into the URL\n"
            )
        header = request.headers.get(b"authorization")
        if header is None:
            if self.unknown >= self.settings.unknown_max:
                return Refusal(
                    status=503, headers=self._hint(), body=b"too many have not said who they are\n"
                )
            return Session(self, None, request.certificate)
        scheme, _, key = header.partition(b" ")
        credential = self.authenticate(key.decode("latin-1")) if scheme.lower() == b"bearer" else None
        if credential is None:
            return Refusal(status=401, body=b"unknown or revoked key\n")
        if not identity.admitted(self.engine, credential, request.certificate):
            return Refusal(status=403, body=b"this agent has to show its client certificate\n")
        if self.crowded(credential.org):
            return Refusal(
                status=503, headers=self._hint(), body=b"this organisation has too many connections\n"
            )
        return Session(self, credential, request.certificate)

    def _hint(self) -> dict[str, str]:
        """When to come back, spread wide enough that all who are sent away now fit through the door again."""
        turned_away = max(0, self._accepted[1] - self.settings.accepts_per_second)
        longest = 5 + min(55, 2 * turned_away // max(1, self.settings.accepts_per_second))
        return {"retry-after": str(random.randint(1, longest))}  # noqa: S311

    def crowded(self, org: int) -> bool:
        """Has this organisation as many connections, and agents that come by REST, as it may have?"""
        return self.per_org.get(org, 0) >= self.settings.per_organisation_max

    def _storm(self) -> bool:
        second = self.clock() // SECOND
        at, count = self._accepted
        self._accepted = (second, count + 1 if at == second else 1)
        return self._accepted[1] > self.settings.accepts_per_second

    def authenticate(self, key: str) -> Credential | None:
        """The agent credential in force of this key."""
        credential = self.engine.credentials.find(key, self.clock())
        if credential is None or credential.kind != "agent" or credential.org not in self.engine.core.nodes:
            return None
        return credential

    # -- coming and going -----------------------------------------------------------------------------------------

    def connect(self, session: Session) -> None:
        """Record the connection; welcome follows once it is durable."""
        state = self.engine.state(session.org, "agent", session.agent)
        if state is None or state.retired:
            session.close(wire.CloseCode.AUTH_FAILED, "this agent is retired")
            return
        assert session.credential is not None
        public = public_id("agent", session.agent, state.nonce)
        session.actor = Actor(kind="agent", id=public, credential=session.credential.id)
        session.name = f"{self.engine.incarnation}.{secrets.token_hex(4)}"
        old = self.sessions.get((session.org, session.agent))
        if old is not None:
            old.push(wire.Disconnecting(reason="replaced", code=wire.CloseCode.CONNECTION_LIMIT))
            old.close(wire.CloseCode.CONNECTION_LIMIT, "another connection of this agent took over")
            self._forget(old)
        self.visits.drop((session.org, session.agent))
        self.sessions[(session.org, session.agent)] = session
        self.per_org[session.org] = self.per_org.get(session.org, 0) + 1
        command = ConnectAgent(subject=session.agent, node=self.engine.node_name, session=session.name)

        def done(answer: Answer) -> None:
            if answer.refused is not None and not answer.refused.retryable:
                session.close(wire.CloseCode.AUTH_FAILED, answer.refused.detail)
            elif answer.refused is not None or answer.failed:
                session.close(wire.CloseCode.OVERLOADED, "the connection could not be recorded")
            elif self.sessions.get((session.org, session.agent)) is session and session.socket is not None:
                session.begin()

        self.tell(session, command, done)

    def left(self, session: Session, code: int, reason: str) -> None:
        """The socket is gone."""
        self.pending.discard(session)
        if self._forget(session) and not self.closing:
            text = f"{code} {reason}".strip()[:200]
            self.gone(session, DisconnectAgent(subject=session.agent, session=session.name, reason=text))

    def gone(self, session: Present, command: DisconnectAgent) -> None:
        """Record that an agent left; what the ledger cannot take now is said again, or its tasks would wait for it."""

        def done(answer: Answer) -> None:
            if answer.failed or (answer.refused is not None and answer.refused.retryable):
                self._unsaid[session] = command

        self.tell(session, command, done)

    def _forget(self, session: Session) -> bool:
        key = (session.org, session.agent)
        if self.sessions.get(key) is not session:
            return False
        del self.sessions[key]
        self.visits.last[key] = session.beat_at
        self.mailroom.left(session)
        self.per_org[session.org] -= 1
        return True

    def status(self, session: Session, payload: wire.StatusUpdate) -> None:
        """What the agent says it is doing counts as progress of the task it names; the rules record what is news."""
        if not payload.task_id or not session.welcomed:
            return
        try:
            task, nonce = parse_id(payload.task_id, "task")
        except Refused:
            return
        state = self.engine.state(session.org, "task", task)
        if state is not None and state.nonce == nonce and state.agent == session.agent:
            status = "blocked" if payload.state == "blocked" else "running"
            report = ReportProgress(
                subject=task,
                agent=session.agent,
                generation=state.generation,
                percent=payload.progress,
                status=status,
            )
            if (
                session.statuses < IN_FLIGHT_PER_AGENT
            ):  # one that floods only delays itself: the next one tells it all
                session.statuses += 1

                def done(answer: Answer) -> None:
                    del answer
                    session.statuses -= 1

                self.tell(session, report, done)

    def tell(self, session: Present, command: Command, done: Callable[[Answer], None] | None = None) -> None:
        assert session.actor is not None
        request = Request(
            org=session.org,
            command=command,
            actor=session.actor,
            entropy=secrets.token_bytes(32),
            lane=Lane.OUTCOMES,
            agent=session.agent,
        )
        if done is not None:
            request.done = done
        try:
            self.engine.submit(request)
        except Refused as refused:
            request.done(Answer(refused=refused))

    @staticmethod
    def body_digest(frame: wire.Frame[wire.Payload]) -> str:
        """First 16 hex digits of the SHA-256 of the payload as it was sent, whatever the frame's id (DESIGN 2b.5).

        Of what is said, everything but the words (decision 29).
        """
        return sha256(wordless(frame)).hexdigest()[:16]

    # -- speaking ---------------------------------------------------------------------------------------------------

    def _checkpoint(self, org: int, size: int, note: str) -> None:
        lines = note.split("\n", 3)
        self._checkpoints[org] = wire.Checkpoint(size=size, root=base64.b64decode(lines[2]).hex(), note=note)

    def welcome(self, session: Session) -> bytes:
        """Who you are, what you may, where you stand."""
        engine, org, agent = self.engine, session.org, session.agent
        state = engine.state(org, "agent", agent)
        active = engine.cell(org, "active_policy", "active")
        terms = active.document.trust
        trust = engine.state(org, "trust", agent)
        tier = trust.tier if trust is not None else tier_at_birth(terms)
        read = engine.node(org).world.read
        window = read("requests", session.actor.id if session.actor else "")
        assert session.actor is not None
        assert session.credential is not None
        return wire.encode_frame(
            wire.Welcome(
                agent_id=session.actor.id,
                structured_id=structured_id(tier, state.type, state.capabilities[0], number_of(read, agent)),
                name=state.name,
                session=session.name,
                tier=TIERS[tier],
                score=score_at(trust, terms, self.clock(), active.version),
                server=self.server,
                permissions=wire.Permissions(
                    capabilities=state.capabilities, tools=state.tools, scopes=session.credential.scopes
                ),
                heartbeat_interval_ms=self.settings.heartbeat_ms,
                limits=wire.Limits(
                    in_flight_max=IN_FLIGHT_PER_AGENT,
                    tasks_max=tasks_max(agent, read),
                    rates=admission.rates(self, session),
                ),
                checkpoint=self._checkpoints.get(org),
                last_id=window.high if window is not None else 0,
                seq=engine.head(org),
            )
        )

    def redeliver(self, session: Session, after: int) -> None:
        """Everything deliverable after what the agent has seen; when that is no longer all there, a resync (DESIGN §2)."""
        seqs: tuple[int, ...] = self.engine.cell(session.org, "outbox", session.agent) or ()
        committed = self.engine.head(session.org)
        self.mailroom.redeliver(session, after)
        if len(seqs) == OUTBOX_SEQS and after < seqs[0]:
            self._resync(session, committed)
            return
        for seq in seqs:
            # What was pushed since welcome is there already; what happened before may still be missing.
            if after < seq <= committed and (seq > session.sent_seq or seq < session.live_from):
                event = self.engine.event(session.org, seq)
                if event is not None:
                    self._deliver(session, event)

    def _resync(self, session: Session, seq: int) -> None:
        """Where everything of this agent stands now: its open tasks and the actions that were granted or wait."""
        org, agent = session.org, session.agent
        tasks = []
        for task in self.engine.cell(org, "load", agent) or ():
            state = self.engine.state(org, "task", task)
            if state is not None:
                tasks.append(pushes.offer(self.engine, org, task, state, state.attempts, state.until_at))
        actions = []
        for action, state in self.engine.node(org).world.tables["action"].items():
            mine = state.agent == agent and state.action_type not in PLATFORM_TYPES
            if mine and state.status in ("pending", "granted"):
                actions.append(standing(self.engine, org, action, state))
        session.push(wire.Resync(seq=seq, tasks=tuple(tasks), actions=tuple(actions)), seq)
        for decision in self.engine.cell(org, "asked", agent) or ():
            asked = judging.asked(self.engine, org, agent, decision)
            if asked is not None:
                session.push(asked)

    def follow(self, org: int, events: list[Event]) -> None:
        """After every commit: push what concerns connected agents."""
        for event in events:
            facts = event.facts
            kind = type(facts)
            if kind is ActionDecided:
                continue  # most events; answered by the session that asked
            if kind in _DELIVERED:
                self._push(org, facts.agent, event)  # type: ignore[attr-defined]
            if kind in pushes.TWICE:
                self._push(org, pushes.second(self.engine, org, event), event)
            elif kind in DELIVERED:
                self.mailroom.spread(self.sessions, org, event)
            elif isinstance(facts, TrustChanged | TrustReassessed) and facts.tier != facts.tier_before:
                session = self.sessions.get((org, event.subject))
                if session is not None and session.welcomed:
                    self._tier_changed(session, facts)
            elif isinstance(facts, PolicyApplied):
                self._announce(org, facts)
            else:
                self._tell(org, event)

    def _tell(self, org: int, event: Event) -> None:
        """What concerns an agent itself: what it is, and what it is asked to judge."""
        facts = event.facts
        if isinstance(facts, TribunalConvened):
            for member in facts.members:
                self._push(org, member.agent, event)
        elif isinstance(facts, KeyExpiring | VersionActivated | CertificatesPinned):
            identity.tell(self, org, event)
        elif isinstance(facts, AgentRetired):
            self.visits.drop((org, event.subject))
            session = self.sessions.get((org, event.subject))
            if session is not None:
                session.close(wire.CloseCode.AUTH_FAILED, "this agent is retired")

    def _push(self, org: int, agent: int, event: Event) -> None:
        """As it happens, to an agent that is there."""
        session = self.sessions.get((org, agent)) if agent else None
        if session is not None and session.welcomed and event.seq > session.sent_seq:
            session.live_from = session.live_from or event.seq
            self._deliver(session, event)

    def _tier_changed(self, session: Session, facts: TrustChanged | TrustReassessed) -> None:
        """Another tier, and with it other rates where the policy has them by tier."""
        news = wire.ConfigUpdated(tier=TIERS[facts.tier], score=facts.score)
        if self.engine.cell(session.org, "active_policy", "active").document.rates.tiers:
            session.buckets = None
            limits = wire.Limits(rates=admission.rates(self, session))
            news = msgspec.structs.replace(news, limits=limits)
        session.push(news)

    def _announce(self, org: int, facts: PolicyApplied) -> None:
        """A new policy: the same bytes to everybody, unless tiers have rates of their own."""
        terms = facts.document.rates
        limits = wire.Limits(rates=rates_of(terms, ""))
        news = wire.encode_frame(wire.ConfigUpdated(policy_version=facts.version, limits=limits))
        for (of, _), session in self.sessions.items():
            if of == org and session.welcomed:
                if terms.tiers:
                    own = wire.Limits(rates=admission.rates(self, session))
                    session.push(wire.ConfigUpdated(policy_version=facts.version, limits=own))
                else:
                    session.send(news)

    def _platforms(self, session: Session, event: Event) -> bool:
        """Is it about an action that the platform carries out? Its grant is not for the agent."""
        action = self.engine.state(session.org, "action", event.subject)
        return action is not None and action.action_type in PLATFORM_TYPES

    def _deliver(self, session: Session, event: Event) -> None:
        facts = event.facts
        if isinstance(facts, ActionGranted | ActionClosed) and self._platforms(session, event):
            return
        if isinstance(facts, ActionGranted):
            action = self.engine.state(session.org, "action", event.subject)
            if action is not None and admission.hit(
                self, session, action.action_type, action.tool, action.task
            ):
                self._held.append((session, event))  # no grant leaves under a stop (DESIGN 2b.9)
                return
        payload = pushes.payload(self.engine, session.org, session.agent, event)
        if payload is not None:
            session.push(payload, event.seq)

    # -- time ---------------------------------------------------------------------------------------------------------

    async def _ticks(self) -> None:
        last = self.clock()
        minute = last
        while True:
            await asyncio.sleep(1.0)
            now = self.clock()
            paused = now - last > _LAG_US
            if paused:
                # The loop stood still: what has arrived meanwhile is read before anyone is called silent.
                everybody: list[Present] = [*self.sessions.values(), *self.visits.open.values()]
                for present in everybody:
                    present.beat_at += now - last
            last = now
            try:
                self.stopped.look(self)
                self._judge(now)
                self._say_again()
                if now - minute >= MINUTE:
                    minute = now
                    floods.report(self)
            except Exception:
                _log.exception("tick")

    def _judge(self, now: int) -> None:
        """Missed heartbeats, silent newcomers, expired keys: one pass over everyone, once a second."""
        hello = self.settings.hello_timeout_ms * MILLISECOND
        for session in [s for s in self.pending if now - s.opened_at > hello]:
            if session.credential is None:
                session.close(wire.CloseCode.AUTH_TIMEOUT, "no hello in time")
            self.pending.discard(session)
        silent: list[Session] = []
        for session in self.sessions.values():
            credential = session.credential
            if credential is not None and not credential.valid(now):
                silent.append(session)
                continue
            self.mailroom.pump(session)
            beats = missed(self, session, now)
            if beats >= MISSED_MAX:
                silent.append(session)
            elif beats >= 1 and session.welcomed:
                degrade(self, session)
        for session in silent:
            credential = session.credential
            if credential is not None and not credential.valid(now):
                session.close(wire.CloseCode.AUTH_FAILED, "the key is no longer valid")
            else:
                session.close(1001, "no heartbeat")
                self.left(session, 1001, "no heartbeat")
        self.visits.judge(now)

    def _say_again(self) -> None:
        """What could not be recorded, and what was not to leave, a moment ago."""
        unsaid, self._unsaid = self._unsaid, {}
        for session, command in unsaid.items():
            self.gone(session, command)
        held, self._held = self._held, []
        for session, event in held:
            state = self.engine.state(session.org, "action", event.subject)
            if session.socket is not None and state is not None and state.status == "granted":
                self._deliver(session, event)

    def _credential_changed(self, credential: Credential) -> None:
        self.visits.credential_changed(credential)
        session = (
            self.sessions.get((credential.org, credential.subject)) if credential.kind == "agent" else None
        )
        if session is not None and session.credential is not None and session.credential.id == credential.id:
            session.credential = credential
            if not credential.valid(self.clock()):
                session.close(wire.CloseCode.AUTH_FAILED, "the key was revoked")

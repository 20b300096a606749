"""One agent's connection: from the handshake to the last frame (spec 2.2, 2.3).

A session is a listener of the socket layer. It owns no task and no timer: the hub's one ticker looks at all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.actions.dry_runs import noted
from watchfloor.engine import spawning
from watchfloor.engine.requests import Answer, Lane, Request
from watchfloor.hub import admission, delegations, floods, identity, pulse, stopped
from watchfloor.hub import protocol as wire
from watchfloor.hub.admission import Throttled
from watchfloor.hub.buckets import Bucket
from watchfloor.hub.commands import BUILDS, decided, recorded, refusal, retried
from watchfloor.hub.spoken import ChannelHistory, ChatPart
from watchfloor.kernel.codec import NotCanonical
from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.limits import IN_FLIGHT_PER_AGENT
from watchfloor.kernel.messages import Actor, Command, Refused
from watchfloor.kernel.strict import BadInput

if TYPE_CHECKING:
    from watchfloor.engine.credentials import Credential
    from watchfloor.fleet.certificates import Certificate
    from watchfloor.hub.from_agent import Metrics
    from watchfloor.hub.hub import Hub
    from watchfloor.hub.sockets import Socket

INVALID_PER_MINUTE = 10  # spec 2.2: then 4008
# Not answered as errors to be fixed by the agent: these say that the server cannot right now.


class Session:
    """States: opened (waits for hello) → connecting (its event is on its way) → welcomed → closed."""

    __slots__ = (
        "acked",
        "actor",
        "agent",
        "beat_at",
        "buckets",
        "certificate",
        "credential",
        "degraded",
        "good_beats",
        "hello",
        "hub",
        "in_flight",
        "invalid",
        "invalid_since",
        "live_from",
        "metrics",
        "name",
        "opened_at",
        "org",
        "sent_seq",
        "socket",
        "statuses",
        "turned_away",
        "turned_away_since",
        "waiting",
        "welcomed",
    )

    def __init__(
        self, hub: Hub, credential: Credential | None, certificate: Certificate | None = None
    ) -> None:
        self.hub = hub
        self.credential = credential
        self.certificate = certificate
        self.socket: Socket | None = None
        self.org = credential.org if credential else 0
        self.agent = credential.subject if credential else 0
        self.actor: Actor | None = None
        self.name = ""
        self.opened_at = self.beat_at = hub.clock()
        self.welcomed = self.degraded = self.hello = False
        self.good_beats = self.in_flight = self.invalid = self.statuses = 0
        self.invalid_since = 0
        self.turned_away = self.turned_away_since = 0  # action requests not even judged, in this second
        self.acked = self.sent_seq = 0
        self.live_from = 0  # seq of the first push as it happened, 0 none: everything after it was pushed too
        self.metrics: Metrics | None = None  # of the newest heartbeat
        self.buckets: dict[str, Bucket] | None = None
        self.waiting: list[bytes] | None = None

    # -- socket layer ---------------------------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        self.socket = socket
        self.hub.open += 1
        self.hub.unknown += self.credential is None
        self.hub.pending.add(self)
        if self.credential is not None:
            self._connect()

    def closed(self, code: int, reason: str) -> None:
        self.hub.open -= 1
        self.hub.unknown -= self.credential is None
        self.hub.left(self, code, reason)
        self.socket = None

    def text(self, data: bytes) -> None:
        """One frame. Whatever it holds, the answer is a frame."""
        self.hub.messages += 1
        try:
            frame = wire.decode_frame(data)
        except wire.BadFrame as bad:
            self._invalid(bad, bad.re)
            return
        payload = frame.payload
        if self.credential is None:
            self._authenticate(payload)
        elif isinstance(payload, wire.Heartbeat):
            self._beat(payload)
        elif isinstance(payload, wire.Hello):
            if not self.hello:
                self.hello = True
                self.acked = payload.last_seq
                identity.present(self.hub, self, payload)
                if self.welcomed:
                    self.hub.redeliver(self, payload.last_seq)
        elif isinstance(payload, wire.StatusUpdate):
            self.hub.status(self, payload)
        else:
            self._taken(frame, data)

    def _taken(self, frame: wire.Frame[wire.Payload], data: bytes) -> None:
        """A request, or a part of an answer; before welcome it has to wait."""
        if isinstance(frame.payload, ChatPart):
            if self.welcomed:
                self.hub.mailroom.part(self, frame.payload)
        elif not self.welcomed:
            if self.waiting is None:
                self.waiting = []
            if len(self.waiting) < IN_FLIGHT_PER_AGENT:
                self.waiting.append(data)
            elif frame.id:
                self._refuse(
                    Refused("too_many_in_flight", "welcome first", retryable=True, status=429), frame.id
                )
        else:
            self._request(frame)

    # -- coming in --------------------------------------------------------------------------------------------------

    def _authenticate(self, payload: wire.Payload) -> None:
        if not isinstance(payload, wire.Hello):
            self.close(wire.CloseCode.AUTH_FAILED, "the first frame must be hello")
            return
        credential = self.hub.authenticate(payload.key)
        if credential is None:
            self.close(wire.CloseCode.AUTH_FAILED, "unknown or revoked key")
            return
        if not identity.admitted(self.hub.engine, credential, self.certificate):
            self.close(wire.CloseCode.AUTH_FAILED, "this agent has to show its client certificate")
            return
        self.credential = credential
        self.hub.unknown -= 1
        self.org, self.agent = credential.org, credential.subject
        self.hello = True
        self.acked = payload.last_seq
        if self.hub.crowded(credential.org):
            self.close(wire.CloseCode.OVERLOADED, "this organisation has too many connections")
            return
        self._connect()
        identity.present(self.hub, self, payload)

    def _connect(self) -> None:
        self.hub.connect(self)

    def begin(self) -> None:
        """The connection is in the ledger: say welcome, then what the agent missed."""
        self.hub.pending.discard(self)
        self.welcomed = True
        self.beat_at = self.hub.clock()
        self.send(self.hub.welcome(self))
        if self.hello:
            self.hub.redeliver(self, self.acked)
        stopped.welcome(self.hub, self)
        waiting, self.waiting = self.waiting, None
        for data in waiting or ():
            self.text(data)

    # -- frames -----------------------------------------------------------------------------------------------------

    def _beat(self, payload: wire.Heartbeat) -> None:
        if payload.seq > self.acked:
            self.acked = payload.seq
            self.hub.mailroom.heard(self, payload.seq)
        if self.welcomed:
            pulse.heard(self.hub, self, payload.status, payload.metrics)
        else:
            self.beat_at = self.hub.clock()

    def _request(self, frame: wire.Frame[wire.Payload]) -> None:
        hub = self.hub
        payload = frame.payload
        if not frame.id:
            self._invalid(wire.BadFrame("missing_field", "/id", "requests are numbered"), 0)
            return
        asked = payload if isinstance(payload, wire.ActionRequest) else None
        dry_run = asked is not None and asked.dry_run
        entropy = hub.entropy.take()
        try:
            admission.admit(hub, self, payload)
            if isinstance(payload, ChannelHistory):
                self.send(wire.encode_frame(hub.mailroom.history(self, payload), re=frame.id))
                return
            if isinstance(payload, wire.AgentSpawn):
                made = self._spawning(payload)
                command: Command = made.command
                lane, rows, key = Lane.REQUESTS, [made.row], made.key
            else:
                build, lane = BUILDS[type(payload)]
                command = build(hub.engine, self.org, self.agent, payload, entropy)
                rows, key = [], ""
            assert self.actor is not None
            self.in_flight += 1
            hub.engine.submit(
                Request(
                    org=self.org,
                    command=command,
                    actor=self.actor,
                    entropy=entropy,
                    lane=lane,
                    agent=self.agent,
                    frame=0 if dry_run else frame.id,
                    body=hub.body_digest(frame),
                    credentials=rows,
                    dry_run=dry_run,
                    noted=noted if asked is not None and asked.dry_run and asked.audit else None,
                    done=_Reply(self, frame, entropy, key),
                )
            )
        except NotCanonical as error:
            self._refuse(Refused("not_canonical", str(error), status=422), frame.id)
        except Throttled as throttled:
            floods.exhausted(hub, self, throttled.exhausted)
            floods.turned_away(hub, self, payload)
            self.send(
                wire.encode_frame(
                    wire.RateLimited(
                        retry_after_ms=throttled.retry_after_ms, rate_class=throttled.rate_class
                    ),
                    re=frame.id,
                )
            )
        except BadInput as bad:
            self._invalid(bad, frame.id)
        except Refused as refused:
            if refused.code in ("overloaded", "unavailable"):
                self.in_flight -= 1
            if refused.code == "too_many_in_flight":
                floods.turned_away(hub, self, payload)
            self._refuse(refused, frame.id)

    def _spawning(self, payload: wire.AgentSpawn) -> spawning.Spawning:
        engine = self.hub.engine
        return spawning.spawn(
            engine,
            engine.ledger,
            self.org,
            self.agent,
            now=engine.clock(),
            action_id=payload.action_id,
            execution_id=payload.execution_id,
            name=payload.name,
            type_=payload.type,
            capabilities=payload.capabilities,
            tools=payload.tools,
            share_milli=payload.share_milli,
        )

    def reply(self, frame: wire.Frame[wire.Payload], entropy: bytes, key: str, answer: Answer) -> None:
        """The command is durable, or refused: answer its frame. Called by the engine after fsync."""
        self.in_flight -= 1
        if self.socket is None:
            return
        if answer.refused is not None:
            said = refusal(self.hub.engine, self.org, frame.payload, answer.refused)
            self.send(wire.encode_frame(said, re=frame.id))
            return
        if answer.failed:
            self._refuse(Refused("unavailable", answer.failed, retryable=True, status=503), frame.id)
            return
        engine = self.hub.engine
        payload = frame.payload
        salt = entropy
        if answer.replayed:
            event = engine.event(self.org, answer.seq)
            private = engine.ledger.read_private(self.org, answer.seq)
            salt = private[0] if private is not None else b""
            answer = Answer(seq=answer.seq, event=event, replayed=True)
        if isinstance(payload, wire.ActionRequest | wire.ActionRetry):
            tried = isinstance(payload, wire.ActionRequest) and payload.dry_run
            asked = None if tried else admission.asked_for(self.hub, self, payload)
            if asked is not None and admission.hit(self.hub, self, *asked):
                # A stop came into force after the ruling: no grant leaves under it (DESIGN 2b.9).
                self._refuse(Refused("stopped", "a stop is in force", status=403), frame.id)
                return
        if isinstance(payload, wire.ActionRequest):
            if answer.event is None:
                return
            said = decided(
                engine, self.org, answer.event, salt, dry_run=payload.dry_run, seq=answer.judged_at
            )
            if answer.noted_seq:
                said = msgspec.structs.replace(said, audit_seq=answer.noted_seq)
        elif isinstance(payload, wire.ActionRetry):
            said = retried(engine, self.org, payload, answer)
        elif isinstance(payload, wire.TaskSubmit | wire.AgentSpawn):
            said = delegations.answered(engine, self.org, answer, "" if answer.replayed else key)
        else:
            said = recorded(engine, self.org, payload, answer)
        self.send(wire.encode_frame(said, re=frame.id))

    # -- saying no --------------------------------------------------------------------------------------------------

    def _refuse(self, refused: Refused, re: int) -> None:
        self.send(
            wire.encode_frame(
                wire.Error(
                    code=refused.code, detail=refused.detail, field=refused.field, retryable=refused.retryable
                ),
                re=re,
            )
        )

    def _invalid(self, bad: Refused, re: int) -> None:
        """A malformed frame is answered; ten in a minute end the connection (spec 2.2, 4008)."""
        self.hub.invalid += 1
        now = self.hub.clock()
        if now - self.invalid_since > MINUTE:
            self.invalid_since, self.invalid = now, 0
        self.invalid += 1
        if self.invalid > INVALID_PER_MINUTE:
            self.close(wire.CloseCode.POLICY, "too many invalid frames")
        elif self.credential is None:
            self.close(wire.CloseCode.AUTH_FAILED, "the first frame must be hello")
        else:
            self._refuse(bad, re)

    def push(self, payload: wire.Payload, seq: int = 0) -> None:
        """Something the agent did not ask for. With `seq` it is redelivered until acknowledged."""
        if seq > self.sent_seq:
            self.sent_seq = seq
        self.send(wire.encode_frame(payload, seq=seq))

    def send(self, data: bytes) -> None:
        if self.socket is not None:
            self.hub.sent += 1
            self.socket.send(data)

    def close(self, code: int, reason: str) -> None:
        if self.socket is not None:
            self.socket.close(code, reason)


class _Reply:
    """What a request's `done` holds on to: a slotted object is half the size of a closure."""

    __slots__ = ("entropy", "frame", "key", "session")

    def __init__(self, session: Session, frame: wire.Frame[Any], entropy: bytes, key: str) -> None:
        self.session = session
        self.frame = frame
        self.entropy = entropy
        self.key = key  # of an agent that was spawned; empty otherwise

    def __call__(self, answer: Answer) -> None:
        self.session.reply(self.frame, self.entropy, self.key, answer)

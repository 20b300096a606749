"""Asking before acting: requests, decisions that take their time, grants, executions.

An action runs only between an `action:started` that the server answered with `executing` and its outcome report. Of
everything that can go wrong before that, nothing runs; of everything after it, something is reported.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

from watchfloor_agent.canonical import canonical_action, digest, outcome_digest, plain, same_digest
from watchfloor_agent.errors import (
    Cancelled,
    ConfigurationError,
    Denied,
    Expired,
    GrantMismatch,
    GrantRefused,
    GrantRevoked,
    NotCanonical,
    ProtocolError,
    Refused,
    Stopped,
    Unavailable,
)
from watchfloor_agent.link import Link
from watchfloor_agent.messages import (
    ActionCompleted,
    ActionFailed,
    ActionRequest,
    ActionRetry,
    ActionSettled,
    ActionStarted,
    Payload,
)
from watchfloor_agent.received import ActionDecided, ActionRecorded, ActionStopped, Reason, Resync, Risk

log = logging.getLogger("watchfloor_agent")

EARLY_MAX = 256  # decisions that came before anybody waited for them
REASON_CHARS_MAX = 2_000


@dataclass(frozen=True)
class Action:
    """What is asked: type, tool, parameters as plain data, and their canonical bytes."""

    type: str
    tool: str
    params: dict[str, Any]
    canonical: bytes = field(repr=False)

    @classmethod
    def of(cls, action_type: str, tool: str = "", params: Any = None) -> Action:
        """The action with its parameters in canonical form. Raises NotCanonical."""
        read = plain({} if params is None else params)
        if not isinstance(read, dict):
            raise NotCanonical(f"params are an object, not {type(params).__name__}")
        kind, name = plain(action_type), plain(tool)
        return cls(kind, name, read, canonical_action(kind, name, read))


@dataclass(frozen=True)
class Grant:
    """A single-use permission for exactly one action. `expires_at` µs UTC; `basis` says why it was given.

    `edited`: `action` has the parameters that people gave it, not those it was asked with.
    """

    action: Action
    action_id: str
    grant_id: str
    basis: str
    expires_at: int
    execution_ms: int
    digest: str
    salt: str = field(repr=False)
    level: int = 0
    decision_id: str = ""
    reasons: tuple[Reason, ...] = ()
    edited: bool = False

    def allows(self, action: Action) -> bool:
        """Whether this grant was given for exactly that action."""
        return same_digest(digest(self.salt, action.canonical), self.digest)


@dataclass(frozen=True)
class Ruling:
    """What the gate would say (dry run): verdict permitted, pending or denied, and why. Grants nothing."""

    verdict: str
    level: int
    risk: Risk | None
    reasons: tuple[Reason, ...]
    judged_at_seq: int
    audit_seq: int = 0  # where its line in the ledger is, 0 when none was asked for


class Actions:
    """The agent's side of every action: asks, waits for people, opens executions."""

    def __init__(self, link: Link, answer_ms: int) -> None:
        self._link = link
        self._answer_ms = answer_ms
        self._waiting: dict[str, set[asyncio.Future[ActionDecided]]] = {}
        self._early: OrderedDict[str, ActionDecided] = OrderedDict()
        self._resync = Resync()
        self._executing: WeakValueDictionary[str, Execution] = WeakValueDictionary()

    async def request(
        self, frame: ActionRequest, action: Action, wait_ms: int | None, *, edits: bool = False
    ) -> Grant:
        """Ask, and wait as long as people take (at most `wait_ms`). Raises Denied, GrantMismatch, Unavailable, Refused."""
        decided = await self._ruling(frame)
        if decided.verdict == "pending" and self._closed_meanwhile(decided):
            decided = _closed(decided.action_id)
        elif decided.verdict == "pending":
            decided = await self._later(decided.action_id, wait_ms)
        return _granted(decided, action, edits=edits)

    async def dry_run(self, frame: ActionRequest) -> Ruling:
        """What the gate would say now. Raises Unavailable, Refused."""
        decided = await self._ruling(frame)
        return Ruling(
            decided.verdict,
            decided.level,
            decided.risk,
            decided.reasons,
            decided.judged_at_seq,
            decided.audit_seq,
        )

    async def decision(
        self, action_id: str, action: Action, wait_ms: int | None, *, edits: bool = False
    ) -> Grant:
        """The outcome of a request that is already pending. Raises as `request`."""
        return _granted(await self._later(action_id, wait_ms), action, edits=edits)

    async def retry(self, execution: Execution) -> Grant:
        """A new grant for what has just failed, under the same decision. Raises Refused, Unavailable."""
        held = execution.grant
        frame = ActionRetry(action_id=held.action_id, execution_id=execution.execution_id)
        answer = await self._link.ask(frame, patience_ms=self._answer_ms)
        if not isinstance(answer, ActionDecided):
            raise ProtocolError(f"action:retry was answered by {answer.FRAME}")
        return _granted(answer, held.action)

    async def settle(
        self,
        action_id: str,
        execution_id: str,
        outcome: str,
        cost_micro: int | None,
        tokens: int | None = None,
    ) -> None:
        """Tell what became of an execution of unknown outcome. Raises Refused."""
        settled = ActionSettled(
            action_id=action_id,
            execution_id=execution_id,
            outcome=outcome,
            cost_micro=cost_micro,
            tokens=tokens,
        )
        await self._link.ask(settled, patience_ms=self._answer_ms, keep=True)

    def stopped(self, pushed: ActionStopped) -> None:
        """A stop holds what is executing: its next checkpoint raises."""
        execution = self._executing.get(pushed.execution_id)
        if execution is not None:
            log.warning("%s was stopped (%s) while it ran", pushed.action_id, pushed.scope)
            execution.stopped.set()

    def execution(self, grant: Grant, describe: Callable[[], Action] | None, target: str) -> Execution:
        """The use of a grant; `describe` says what is about to run, asked again just before it does."""
        execution = Execution(self._link, grant, describe or (lambda: grant.action), target, self._answer_ms)
        self._executing[execution.execution_id] = execution
        return execution

    def decided(self, pushed: ActionDecided) -> None:
        """People have decided, or a grant was revoked and is asked for again."""
        if pushed.verdict == "pending":
            return
        waiters = self._waiting.pop(pushed.action_id, set())
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(pushed)
        if waiters:
            return
        self._early[pushed.action_id] = pushed
        if len(self._early) > EARLY_MAX:
            self._early.popitem(last=False)

    def resynced(self, resync: Resync) -> None:
        """Take the list of what is open for the truth: what is not in it was closed while the agent was away."""
        self._resync = resync
        listed = {decided.action_id for decided in resync.actions}
        for decided in resync.actions:
            self.decided(decided)
        for action_id in self._waiting.keys() - listed:
            self.decided(_closed(action_id))

    def _closed_meanwhile(self, pending: ActionDecided) -> bool:
        """A repeated request gets its first answer, even when a resync has since shown that nothing is pending."""
        listed = (decided.action_id for decided in self._resync.actions)
        return 0 < pending.judged_at_seq <= self._resync.seq and pending.action_id not in listed

    async def _ruling(self, frame: ActionRequest) -> ActionDecided:
        answer = await self._link.ask(frame, patience_ms=self._answer_ms)
        if not isinstance(answer, ActionDecided):
            raise ProtocolError(f"action:request was answered by {answer.FRAME}")
        return answer

    async def _later(self, action_id: str, wait_ms: int | None) -> ActionDecided:
        early = self._early.pop(action_id, None)
        if early is not None:
            return early
        if self._link.ended is not None:
            raise self._link.ended
        waiter: asyncio.Future[ActionDecided] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(action_id, set()).add(waiter)
        try:
            async with asyncio.timeout(None if wait_ms is None else wait_ms / 1000):
                return await waiter
        except TimeoutError:
            raise Unavailable(
                f"{action_id} was not decided within {wait_ms} ms; it is still pending"
            ) from None
        finally:
            waiters = self._waiting.get(action_id, set())
            waiters.discard(waiter)
            if not waiters:
                self._waiting.pop(action_id, None)

    def abandon(self, error: Exception) -> None:
        """The agent ends: nobody will hear of a decision any more."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)


class Execution:
    """One use of one grant, as `async with agent.execution(grant) as execution:`.

    Entering checks the digest, starts the execution and raises unless the server says `executing`; leaving reports
    the outcome: what was put into `outcome`, `cost_micro` and `tokens`, or the exception.
    What is left None was not said: the server then counts what was reserved.
    """

    def __init__(
        self, link: Link, grant: Grant, describe: Callable[[], Action], target: str, answer_ms: int
    ) -> None:
        self._link = link
        self._describe = describe
        self._target = target
        self._answer_ms = answer_ms
        self._state = "new"
        self.grant = grant
        self.execution_id = f"exe_{base64.b32encode(secrets.token_bytes(15)).decode().lower()}"
        self.stopped = threading.Event()
        self.outcome: Any = None
        self.outcome_digest = ""
        self.cost_micro: int | None = None
        self.tokens: int | None = None

    async def __aenter__(self) -> Execution:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.completed()
        else:
            await self.failed(_code_of(error), f"{type(error).__name__}: {error}")

    def checkpoint(self) -> None:
        """Between steps of what runs: raises Stopped when a stop has come into force since it began."""
        if self.stopped.is_set():
            raise Stopped(f"{self.grant.action.type} was stopped while it ran ({self.grant.action_id})")

    async def start(self) -> None:
        """Use the grant. Returns only when the action may run now. Raises GrantRefused, Unavailable."""
        if self._state != "new":
            raise GrantRefused("a grant is used once; ask again", action_id=self.grant.action_id)
        self._state = "starting"
        about_to_run = self._checked()
        started = ActionStarted(
            action_id=self.grant.action_id,
            grant_id=self.grant.grant_id,
            execution_id=self.execution_id,
            digest=about_to_run,
            target=self._target,
        )
        try:
            answer = await self._link.ask(started, patience_ms=self._answer_ms)
        except Refused as refused:
            raise GrantRefused(f"the server refused the start: {refused}", **self._ids()) from refused
        except (Unavailable, asyncio.CancelledError):
            # The server may have recorded the start although its answer never came: nothing has run, so say so.
            self._state = "executing"
            self._tell_failure("not_started", "the answer to action:started did not come in time")
            raise
        self._judge(answer)
        self._state = "executing"
        try:
            self._checked()
        except GrantMismatch:
            self._tell_failure("changed_after_start", "the parameters changed while the action was starting")
            raise

    async def completed(self) -> None:
        """Report that it ran; returns when the server has it, or after the patience of the agent."""
        if self._state == "executing":
            self._state = "reported"
            outcome = _presentable(self.outcome)
            report = ActionCompleted(
                action_id=self.grant.action_id,
                execution_id=self.execution_id,
                outcome_digest=self.outcome_digest or ("" if outcome is None else outcome_digest(outcome)),
                outcome=outcome,
                cost_micro=self.cost_micro,
                tokens=self.tokens,
            )
            await self._report(report)

    async def failed(self, code: str, reason: str) -> None:
        """Report that it did not run to its end."""
        if self._state == "executing":
            self._state = "reported"
            await self._report(self._failure(code, reason))

    def _checked(self) -> str:
        """The digest of what is about to run, which must be the granted one."""
        about_to_run = self._describe()
        if not self.grant.allows(about_to_run):
            raise GrantMismatch(
                f"{self.grant.action.type}: what is about to run is not what was granted; ask again",
                **self._ids(),
            )
        return digest(self.grant.salt, about_to_run.canonical)

    def _judge(self, answer: Payload) -> None:
        if not isinstance(answer, ActionRecorded):
            raise ProtocolError(f"action:started was answered by {answer.FRAME}")
        if answer.action_id != self.grant.action_id or answer.execution_id not in ("", self.execution_id):
            raise ProtocolError("action:started was answered for another execution")
        if answer.status == "grant_revoked":
            raise GrantRevoked(
                f"the grant was taken back: {answer.reason or 'no reason given'}", **self._ids()
            )
        if answer.status != "executing":
            raise GrantRefused(
                f"the action may not run: {answer.status} {answer.reason}".rstrip(), **self._ids()
            )

    def _tell_failure(self, code: str, reason: str) -> None:
        """Report a failure without waiting; the report is kept until the server has it."""
        self._state = "reported"
        try:
            self._link.keep(self._failure(code, reason))
        except Exception as error:  # noqa: BLE001  whatever it is, the reason why nothing ran comes first
            log.warning("%s could not be reported: %s", code, error)

    def _failure(self, code: str, reason: str) -> ActionFailed:
        return ActionFailed(
            action_id=self.grant.action_id,
            execution_id=self.execution_id,
            code=code,
            reason=plain(reason.encode("utf-8", "replace").decode())[:REASON_CHARS_MAX],
            cost_micro=self.cost_micro,
            tokens=self.tokens,
        )

    async def _report(self, report: Payload) -> None:
        try:
            answer = await self._link.ask(report, patience_ms=self._answer_ms, keep=True)
        except (Unavailable, Refused) as error:
            log.warning("outcome of %s: %s", self.execution_id, error)
            return
        log.debug("outcome of %s recorded: %s", self.execution_id, answer)

    def _ids(self) -> dict[str, str]:
        return {"action_id": self.grant.action_id, "grant_id": self.grant.grant_id}


_running: ContextVar[Execution | None] = ContextVar("watchfloor_execution", default=None)


@contextlib.contextmanager
def running(execution: Execution) -> Iterator[None]:
    """Meanwhile `current_execution()` is this one."""
    before = _running.set(execution)
    try:
        yield
    finally:
        _running.reset(before)


def current_execution() -> Execution:
    """The execution that the guarded function around this call runs under. Raises ConfigurationError outside of one."""
    execution = _running.get()
    if execution is None:
        raise ConfigurationError("there is no execution at hand: call this inside a guarded function")
    return execution


def checkpoint() -> None:
    """Between steps of a guarded function: raises Stopped when a stop has come into force since it began."""
    current_execution().checkpoint()


def _granted(decided: ActionDecided, action: Action, *, edits: bool = False) -> Grant:
    """The grant of a final ruling, checked against what was asked. Raises Denied, GrantMismatch, ProtocolError."""
    if decided.verdict != "permitted":
        kind, said = {
            "expired": (Expired, "was not decided in time"),
            "cancelled": (Cancelled, "was withdrawn"),
            "closed": (Denied, "was closed while the agent was away"),
        }.get(decided.status, (Denied, "was denied"))
        raise kind(
            f"{action.type} {said} (level {decided.level})",
            reasons=decided.reasons,
            action_id=decided.action_id,
            decision_id=decided.decision_id,
            level=decided.level,
            retry_after_ms=decided.retry_after_ms,
        )
    terms = decided.grant
    if terms is None:
        raise ProtocolError(f"{decided.action_id} is permitted without a grant")
    grant = Grant(
        action=action,
        action_id=decided.action_id,
        grant_id=terms.grant_id,
        basis=terms.basis,
        expires_at=terms.expires_at,
        execution_ms=terms.execution_ms,
        digest=terms.digest,
        salt=terms.salt,
        level=decided.level,
        decision_id=decided.decision_id,
        reasons=decided.reasons,
    )
    if decided.params is not None and edits:
        edited = Action.of(action.type, action.tool, decided.params)
        grant = replace(grant, action=edited, edited=True)
        action = edited
    if not grant.allows(action):
        raise GrantMismatch(
            f"{action.type}: the server granted something else than was asked",
            action_id=grant.action_id,
            grant_id=grant.grant_id,
        )
    return grant


def _closed(action_id: str) -> ActionDecided:
    """The end of a decision nobody saw: how it ended is not known here, but there is no grant."""
    return ActionDecided(action_id=action_id, verdict="denied", status="closed")


def _presentable(outcome: Any) -> Any:
    """The outcome when it has a canonical form of moderate size, else nothing."""
    try:
        return plain(outcome)
    except NotCanonical:
        return None


def _code_of(error: BaseException) -> str:
    """An exception's class as a code: `TimeoutError` → `timeout_error`."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower()
    name = re.sub(r"[^a-z0-9_]", "", name).lstrip("_0123456789")
    return name[:64] or "failed"

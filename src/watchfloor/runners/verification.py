"""The platform checks a task's criteria itself instead of believing its agent (spec 2.4 *Verification*).

Theory of operation
-------------------
The effect `VerifyTask` names a task, a generation and the event whose private part holds the criteria; the event it
comes from holds the result that was reported. The criteria are checked one after another (checking.py), the first that
does not hold ends the check; what was found goes back as `RecordVerification`, with a private report. What cannot be
checked (a program that is not on the list, a folder outside the roots, an address inside, criteria or a result that were
erased) has failed: a task passes only if every criterion held. Checking twice is harmless: a report of another
generation, or of a task that is over, is no news to the rules.

**There is no sandbox yet**; every report says so (`"sandbox": "none"`). Who may submit tasks can run the listed programs
with any arguments as the server's account: `python` on the list means any code. Without configured roots every
criterion of commands and files is refused. See docs/verification.md.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any

import msgspec

from watchfloor.engine.effects import Undeliverable
from watchfloor.kernel.codec import canonical, canonicalise
from watchfloor.kernel.limits import CRITERIA_PER_TASK_MAX, PRIVATE_BYTES_MAX
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.runners.checking import STREAM_CHARS_MAX, Checking, Reported
from watchfloor.runners.outbound import Got, Outbound, Sent
from watchfloor.runners.responses import Fetch
from watchfloor.runners.terms import VERIFICATION_MS_MAX, VerificationTerms
from watchfloor.work.messages import RecordVerification, VerifyTask

__all__ = ["VERIFICATION_MS_MAX", "VerificationTerms", "Verifier", "fitted"]

REPORT_BYTES_MAX = PRIVATE_BYTES_MAX * 3 // 4  # the rest is for what a report may say later
STREAM_CHARS_MIN = 64  # even with the most criteria of the longest commands it then fits
AT_ONCE_MAX = 2  # verifications at the same time: each may use a core
_LOOK_S = 0.1  # how often a thread that waits for an answer looks whether it is still wanted

Private = Callable[
    [int, int], bytes | None
]  # (org, seq) -> body of a private part; None: never was or erased
Ask = Callable[[int, Command], Awaitable[Any]]  # raises Refused
Wanted = Callable[[int, VerifyTask], bool]


class _Criteria(msgspec.Struct):
    criteria: tuple[Any, ...] = ()


class _Result(msgspec.Struct):
    result: Any = None


class Verifier:
    """The executor of VerifyTask. `wanted` says whether the task still waits for this check (asked before work)."""

    def __init__(
        self,
        terms: VerificationTerms,
        *,
        private: Private,
        ask: Ask,
        outbound: Outbound | None = None,
        wanted: Wanted = lambda org, effect: True,  # noqa: ARG005
        observe: Callable[[str, bool], None] = lambda kind, held: None,  # noqa: ARG005
    ) -> None:
        self._terms = terms
        self._private = private
        self._ask = ask
        self._outbound = outbound
        self._wanted = wanted
        self._observe = observe
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, "verification")

    async def __call__(self, org: int, event: Event, effect: VerifyTask) -> None:
        """Check and report. Raises Undeliverable when the rules will never take the report, Refused when later may."""
        if not self._wanted(org, effect):
            return
        body = await asyncio.to_thread(self._private, org, effect.seq)
        told = await asyncio.to_thread(self._private, org, event.seq)
        cancelled = threading.Event()
        loop = asyncio.get_running_loop()
        fetch = fetching(self._outbound, loop, cancelled) if self._outbound is not None else None
        try:
            passed, report = await loop.run_in_executor(
                self._threads, self.check, body, cancelled, reported(told), fetch
            )
        except asyncio.CancelledError:
            cancelled.set()  # the thread kills its command and ends
            raise
        for check in report["checks"]:
            self._observe(str(check["kind"]), check["held"] is True)
        command = RecordVerification(
            subject=effect.task, generation=effect.generation, passed=passed, private=fitted(report)
        )
        try:
            await self._ask(org, command)
        except Refused as refused:
            if refused.retryable:
                raise
            raise Undeliverable(f"{event.type} of task {effect.task}: {refused}") from refused

    def close(self) -> None:
        """No further checks."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def check(
        self,
        body: bytes | None,
        cancelled: threading.Event,
        told: Reported = Reported(False),  # noqa: B008 - frozen
        fetch: Fetch | None = None,
    ) -> tuple[bool, dict[str, Any]]:
        """Whether every criterion holds, and the report. Blocking."""
        report: dict[str, Any] = {"checks": [], "sandbox": "none"}
        try:
            criteria = msgspec.json.decode(body, type=_Criteria).criteria if body is not None else ()
        except msgspec.MsgspecError:
            criteria = ()
        if not criteria or len(criteria) > CRITERIA_PER_TASK_MAX:
            report["detail"] = "criteria_erased" if body is None else "criteria_unreadable"
            return False, report
        checking = Checking(terms=self._terms, reported=told, fetch=fetch, cancelled=cancelled)
        left_ms = self._terms.all_ms
        for criterion in criteria:
            check = checking.one(criterion, left_ms)
            report["checks"].append(check)
            left_ms -= check["duration_ms"]
            if check["held"] is not True:
                return False, report
        return True, report


def reported(body: bytes | None) -> Reported:
    """The result in the private part of a report; not known when it was erased or cannot be read."""
    try:
        return Reported(True, msgspec.json.decode(body, type=_Result).result) if body else Reported(False)
    except msgspec.MsgspecError:
        return Reported(False)


def fetching(outbound: Outbound, loop: asyncio.AbstractEventLoop, cancelled: threading.Event) -> Fetch:
    """The way out for a thread: the request runs on the loop, and is given up when the check is not wanted any more."""

    def fetch(sent: Sent) -> Got:
        future: Future[Got] = asyncio.run_coroutine_threadsafe(outbound.send(sent), loop)
        while True:
            try:
                return future.result(_LOOK_S)
            except NotYet:
                if cancelled.is_set():
                    future.cancel()
                    raise

    return fetch


def fitted(report: dict[str, Any]) -> bytes:
    """The report's canonical bytes, its outputs cut to their ends until it fits a private part."""
    chars_max = STREAM_CHARS_MAX
    while len(body := canonical(canonicalise(report))) > REPORT_BYTES_MAX and chars_max > STREAM_CHARS_MIN:
        chars_max //= 2
        for check in report["checks"]:
            for stream in ("detail", "stderr", "stdout"):
                text = check.get(stream, "")
                if len(text) > chars_max:
                    check[stream] = "[… cut to fit …]\n" + text[-chars_max:]
    return body

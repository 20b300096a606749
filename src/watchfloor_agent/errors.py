"""Every error of this SDK. The docstring says what it means and what to do about it.

WatchfloorError
├── Denied              no: the gate or people said so
│   ├── Expired         nobody answered in time, or the grant ran out unused
│   └── Cancelled       the decision was withdrawn
├── GrantRefused        there was a grant, and it does not allow what is about to run
│   ├── GrantMismatch   digests differ: something else was asked than is about to run
│   └── GrantRevoked    the server took the grant back at the start
├── Stopped             a stop came into force while the action was executing
├── Refused             the server calls the request nonsense; nothing was recorded
├── Unavailable         no answer: treat it as no
├── NotCanonical        parameters that have no canonical form
├── ConfigurationError  the agent is set up wrongly
├── ProtocolError       the other side does not speak the protocol
└── Fatal               the agent must not go on
    ├── AuthenticationFailed
    ├── Replaced
    └── LedgerShrank
"""

from __future__ import annotations

from collections.abc import Sequence

from watchfloor_agent.received import Reason


class WatchfloorError(Exception):
    """Any error of this SDK."""


class Denied(WatchfloorError):
    """The action may not be done. `reasons` are the rules that did not pass; asking again changes nothing by itself.

    `retry_after_ms` > 0 says when a rule that bit (a breaker, a limit) may have let go.
    """

    def __init__(
        self,
        detail: str,
        *,
        reasons: Sequence[Reason] = (),
        action_id: str = "",
        decision_id: str = "",
        level: int = 0,
        retry_after_ms: int = 0,
    ) -> None:
        why = "; ".join(reason.text or reason.rule for reason in reasons)
        super().__init__(f"{detail}: {why}" if why else detail)
        self.reasons = tuple(reasons)
        self.action_id = action_id
        self.decision_id = decision_id
        self.level = level
        self.retry_after_ms = retry_after_ms


class Expired(Denied):
    """Nobody answered before the deadline. No answer never means yes; ask again if it still matters."""


class Cancelled(Denied):
    """The decision was withdrawn before anybody decided it."""


class GrantRefused(WatchfloorError):
    """There was a grant, and it does not allow this run. Nothing has run."""

    def __init__(self, detail: str, *, action_id: str = "", grant_id: str = "") -> None:
        super().__init__(detail)
        self.action_id = action_id
        self.grant_id = grant_id


class GrantMismatch(GrantRefused):
    """What is about to run is not what was granted: parameters changed, or the server granted something else."""


class GrantRevoked(GrantRefused):
    """The server took the grant back when it was to be used (a stop, a voter who lost the role, a new policy)."""


class Refused(WatchfloorError):
    """The server calls the request nonsense and recorded nothing. `field` is a JSON pointer into the frame."""

    def __init__(self, code: str, detail: str, *, field: str = "", retryable: bool = False) -> None:
        super().__init__(f"{code}: {detail}{f' (at {field})' if field else ''}")
        self.code = code
        self.detail = detail
        self.field = field
        self.retryable = retryable


class Unavailable(WatchfloorError):
    """No answer in time: the server is away or the connection is down. Treat it as no, and try later."""


class NotCanonical(WatchfloorError, ValueError):
    """The value has no canonical form: use objects with ASCII keys, lists, text, integers, booleans, null."""


class ConfigurationError(WatchfloorError, ValueError):
    """The agent is set up wrongly; the text says what to change."""


class ProtocolError(WatchfloorError):
    """The other side does not speak agent protocol v1. Is the address right, and the server recent enough?"""


class Fatal(WatchfloorError):
    """The agent stopped and will not reconnect by itself."""


class AuthenticationFailed(Fatal):
    """The key is unknown, expired or revoked. Rotate it (`watchfloor agent`) and start the agent with the new one."""


class Stopped(WatchfloorError):
    """A stop came into force while this was executing. End it here; the server hears that it failed, with code `stopped`."""


class Replaced(Fatal):
    """Another process connected with this agent's key, and the newest wins. Run one process per key."""


class LedgerShrank(Fatal):
    """The server's ledger is older than one it showed before, or tells another story: history was rewritten or lost.

    Ask the operator. To accept the server as it is now, remove the agent's state file.
    """

"""The Python SDK for agents of Watchfloor: ask before acting. Depends on nothing of the server.

agent = Agent("wss://watchfloor.example/ws", read_key("agent.key"), capabilities=["development"])

@agent.guarded("payment.send", tool="bank")
async def pay(to: str, amount_cents: int) -> str:
    ...  # runs only with a grant for exactly these arguments

@agent.on_task
async def work(task):
    return {"transfer": await pay(task.input["to"], 1200)}

agent.run()
"""

from __future__ import annotations

from watchfloor_agent.actions import Action, Execution, Grant, Ruling, checkpoint, current_execution
from watchfloor_agent.agent import Agent
from watchfloor_agent.calls import Called, SignatureInvalid, verify
from watchfloor_agent.delegating import Handed, Outcome, Spawned
from watchfloor_agent.errors import (
    AuthenticationFailed,
    Cancelled,
    ConfigurationError,
    Denied,
    Expired,
    Fatal,
    GrantMismatch,
    GrantRefused,
    GrantRevoked,
    LedgerShrank,
    NotCanonical,
    ProtocolError,
    Refused,
    Replaced,
    Stopped,
    Unavailable,
    WatchfloorError,
)
from watchfloor_agent.judging import Judgement
from watchfloor_agent.metering import Meter
from watchfloor_agent.registration import Registration, read_key, register, write_key
from watchfloor_agent.talking import Message
from watchfloor_agent.tasks import Task, current_task
from watchfloor_agent.version import __version__

__all__ = [
    "Action",
    "Agent",
    "AuthenticationFailed",
    "Called",
    "Cancelled",
    "ConfigurationError",
    "Denied",
    "Execution",
    "Expired",
    "Fatal",
    "Grant",
    "GrantMismatch",
    "GrantRefused",
    "GrantRevoked",
    "Handed",
    "Judgement",
    "LedgerShrank",
    "Message",
    "Meter",
    "NotCanonical",
    "Outcome",
    "ProtocolError",
    "Refused",
    "Registration",
    "Replaced",
    "Ruling",
    "SignatureInvalid",
    "Spawned",
    "Stopped",
    "Task",
    "Unavailable",
    "WatchfloorError",
    "__version__",
    "checkpoint",
    "current_execution",
    "current_task",
    "read_key",
    "register",
    "verify",
    "write_key",
]

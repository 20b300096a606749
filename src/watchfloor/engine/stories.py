"""Which story an event belongs to: its correlation id (spec 04, spec 1 *One path for every action*).

A task's story is everything done for it: its life, its actions, the decisions on them, the trust they moved. An
action without a task that people must decide tells its own. A level-0 action without a task belongs to none: its
single event is the whole story.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watchfloor.actions.disclosures import SecretDisclosed
from watchfloor.actions.edit_messages import ActionEdited
from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionUnknown,
    GrantMisused,
    GrantRevoked,
    UngatedCall,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.conversations.messages import (
    AgentTold,
    ChannelClosed,
    ChannelJoined,
    ChannelLeft,
    ChannelOpened,
    ChatAnswered,
    ChatClosed,
    ChatOpened,
    MessagePosted,
    TaskLinked,
)
from watchfloor.councils.messages import (
    DecisionAlerted,
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionEscalated,
    DecisionExpired,
    DecisionForceAsked,
    DecisionForced,
    DecisionOpened,
    DecisionReviewed,
    DecisionSeen,
    DecisionTakenOver,
    DecisionWarned,
    VoteCast,
    VoteRefused,
)
from watchfloor.councils.tribunal_messages import (
    TribunalConvened,
    TribunalDissolved,
    TribunalRuled,
    TribunalVoted,
)
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.subject import Read
from watchfloor.work.economic_messages import TaskAssessed, TaskEstimated
from watchfloor.work.messages import (
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskDependencyMet,
    TaskHandedOver,
    TaskOrphaned,
    TaskPaused,
    TaskProgressed,
    TaskPurged,
    TaskReady,
    TaskReported,
    TaskReportedLate,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskReviewed,
    TaskStuck,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)


def _task(read: Read, task: int) -> str:
    state = read("task", task)
    return public_id("task", task, state.nonce) if state is not None else ""


def _action(read: Read, action: int) -> str:
    state = read("action", action)
    if state is None:
        return ""
    return _task(read, state.task) if state.task else public_id("action", action, state.nonce)


def _submitted(facts: Any, subject: int, read: Read) -> str:
    return public_id("task", subject, facts.nonce)


def _of_task(facts: Any, subject: int, read: Read) -> str:
    return _task(read, subject)


def _decided(facts: Any, subject: int, read: Read) -> str:
    if facts.task:
        return _task(read, facts.task)
    return "" if facts.verdict == "permitted" else public_id("action", subject, facts.nonce)


def _of_action(facts: Any, subject: int, read: Read) -> str:
    state = read("action", subject)
    return _action(read, subject) if state is not None and (state.task or state.decision) else ""


def _waited_for(facts: Any, subject: int, read: Read) -> str:
    return _action(read, subject)


def _opened(facts: Any, subject: int, read: Read) -> str:
    return _action(read, facts.action)


def _of_decision(facts: Any, subject: int, read: Read) -> str:
    state = read("decision", subject)
    return _action(read, state.action) if state is not None else ""


def _chat_opened(facts: Any, subject: int, read: Read) -> str:
    return public_id("chat", subject, facts.nonce)


def _of_chat(facts: Any, subject: int, read: Read) -> str:
    state = read("chat", subject)
    return public_id("chat", subject, state.nonce) if state is not None else ""


def _channel_opened(facts: Any, subject: int, read: Read) -> str:
    return public_id("channel", subject, facts.nonce)


def _of_channel(facts: Any, subject: int, read: Read) -> str:
    state = read("channel", subject)
    return public_id("channel", subject, state.nonce) if state is not None else ""


def _linked(facts: Any, subject: int, read: Read) -> str:
    return _task(read, facts.task)


_STORIES: Mapping[type[Facts], Callable[[Any, int, Read], str]] = {
    TaskSubmitted: _submitted,
    **dict.fromkeys(
        (
            TaskAssigned,
            TaskAccepted,
            TaskProgressed,
            TaskReported,
            TaskSucceeded,
            TaskAttemptFailed,
            TaskRequeued,
            TaskDeadLettered,
            TaskOrphaned,
            TaskResumed,
            TaskCancelled,
            TaskRetried,
            TaskReportedLate,
            TaskDependencyMet,
            TaskReady,
            TaskPaused,
            TaskUnpaused,
            TaskPurged,
            TaskStuck,
            TaskHandedOver,
            TaskReviewed,
            TaskEstimated,
            TaskAssessed,
        ),
        _of_task,
    ),
    ActionDecided: _decided,
    **dict.fromkeys(
        (
            ActionStarted,
            ActionCompleted,
            ActionFailed,
            ActionUnknown,
            ActionSettled,
            ActionRetried,
            SecretDisclosed,
        ),
        _of_action,
    ),
    **dict.fromkeys(
        (ActionEdited, ActionGranted, ActionClosed, GrantRevoked, GrantMisused, UngatedCall), _waited_for
    ),
    DecisionOpened: _opened,
    **dict.fromkeys(
        (
            DecisionWarned,
            DecisionEscalated,
            DecisionTakenOver,
            VoteCast,
            VoteRefused,
            DecisionApproved,
            DecisionDenied,
            DecisionExpired,
            DecisionCancelled,
            DecisionForceAsked,
            DecisionForced,
            DecisionAlerted,
            DecisionReviewed,
            DecisionSeen,
        ),
        _of_decision,
    ),
    **dict.fromkeys((TribunalConvened, TribunalVoted, TribunalRuled, TribunalDissolved), _of_decision),
    ChatOpened: _chat_opened,
    **dict.fromkeys((AgentTold, ChatAnswered, ChatClosed), _of_chat),
    ChannelOpened: _channel_opened,
    **dict.fromkeys((ChannelJoined, ChannelLeft, MessagePosted, ChannelClosed), _of_channel),
    TaskLinked: _linked,
}


def story(facts: Facts, subject: int, read: Read) -> str:
    """The correlation id of an event with these facts, "" when it has no story of its own."""
    tell = _STORIES.get(type(facts))
    return tell(facts, subject, read) if tell is not None else ""

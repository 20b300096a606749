"""All subjects and facts of conversations (spec 2.2, 2.6); rules in `chats.py`, `mailboxes.py`, `channels.py`."""

from __future__ import annotations

from watchfloor.conversations import channels, chats, mailboxes
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.subject import Subject

SUBJECTS: tuple[Subject, ...] = (chats.SUBJECT, mailboxes.SUBJECT, channels.SUBJECT)
FACTS: tuple[type[Facts], ...] = (*chats.FACTS, *mailboxes.FACTS, *channels.FACTS)

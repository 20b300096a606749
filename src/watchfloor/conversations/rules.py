"""All subjects and facts of conversations; the rules are in `chats.py`."""

from __future__ import annotations

from watchfloor.conversations import chats
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.subject import Subject

SUBJECTS: tuple[Subject, ...] = (chats.SUBJECT,)
FACTS: tuple[type[Facts], ...] = (*chats.FACTS,)

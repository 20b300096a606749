"""Server-rendered pages: sign in, inbox, decision, stops, and plain lists (spec 3.2 *Inbox*).

They work on a phone and without JavaScript; every text that somebody else wrote is escaped, capped and marked.
"""

from __future__ import annotations

from watchfloor.http.pages import break_glass, dashboard, edits, floor, inbox, sign_in, tap

__all__ = ["break_glass", "dashboard", "edits", "floor", "inbox", "sign_in", "tap"]

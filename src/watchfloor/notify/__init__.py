"""Telling people: who hears of what, by which channel, and what came of it (spec 3.2, 06 *Notifications*; fault F10)."""

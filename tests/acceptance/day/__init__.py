"""The scripted day: its agents, its work, its mishaps, and what has to hold in the evening (issue 3, spec 10)."""

"""What the platform runs itself: the criteria of tasks. Built-in agents and the sandbox come later (spec 2.4)."""

"""An agent that mends lint and security faults of a git repository, and asks before it commits."""

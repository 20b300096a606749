"""What the outside sees of the inside: one catalogue of metrics, and structured logs (spec 06)."""

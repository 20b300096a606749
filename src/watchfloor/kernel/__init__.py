"""The vocabulary everything else is written in. No I/O, no clock, no randomness (DESIGN §1)."""

"""Thirty recorded days of a small fleet, through the real rules, registers and processes, on a clock made up."""

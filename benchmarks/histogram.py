"""Latencies by the million in a fixed amount of memory."""

from __future__ import annotations

from typing import Any


class Histogram:
    """Counts of durations in buckets at most 1/32 wide: any number of samples in 16 KiB."""

    __slots__ = ("counts", "maximum", "total")

    def __init__(self) -> None:
        self.counts = [0] * 2_048
        self.total = 0
        self.maximum = 0

    def add(self, nanoseconds: int) -> None:
        if nanoseconds > self.maximum:
            self.maximum = nanoseconds
        shift = max(0, nanoseconds.bit_length() - 6)
        self.counts[(shift << 5) + (nanoseconds >> shift)] += 1
        self.total += 1

    def percentile_us(self, share: float) -> float:
        """Upper edge of the bucket in which the percentile falls."""
        wanted = share * self.total
        seen = 0
        for index, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                shift = max(0, (index >> 5) - 1)
                return round(((index - (shift << 5) + 1) << shift) / 1_000, 1)
        return 0.0

    def figures(self) -> dict[str, Any]:
        return {
            "count": self.total,
            "p50_us": self.percentile_us(0.50),
            "p90_us": self.percentile_us(0.90),
            "p99_us": self.percentile_us(0.99),
            "max_us": round(self.maximum / 1_000, 1),
        }

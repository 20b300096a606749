"""Collectors made from the catalogue, in a registry of their own so that two servers in one process never mix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from watchfloor import __version__
from watchfloor.telemetry.catalogue import METRICS, Metric, metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SERIES_MAX = 2_000  # label combinations of one metric; templates by statuses stay far below

Sample = tuple[str, tuple[str, ...], float]
Sampler = Callable[[], Iterable[Sample]]
_Lasting = TypeVar("_Lasting", Counter, Histogram)


class Metrics:
    """All metrics of one server. Names and labels are checked against the catalogue.

    `samplers` are asked at every scrape for what is cheaper to count then than to keep: triples of name, labels and
    value. A gauge with labels is cleared first, so that a state nobody is in any more is gone. For a counter the value
    is a total that somebody else keeps, and the counter follows it.
    """

    def __init__(self, entries: tuple[Metric, ...] = METRICS, *, process: bool = True) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.samplers: list[Sampler] = []
        self._followed: dict[tuple[str, tuple[str, ...]], float] = {}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._children: dict[tuple[str, tuple[str, ...]], Counter | Histogram] = {}
        self._series: dict[str, set[tuple[str, ...]]] = {entry.name: set() for entry in entries}
        for entry in entries:
            self._make(entry)
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        if "watchfloor_build_info" in self._gauges:
            self.set("watchfloor_build_info", 1, __version__)

    def _make(self, entry: Metric) -> None:
        if entry.kind == "counter":
            self._counters[entry.name] = Counter(
                entry.name, entry.meaning, entry.labels, registry=self.registry
            )
        elif entry.kind == "gauge":
            self._gauges[entry.name] = Gauge(entry.name, entry.meaning, entry.labels, registry=self.registry)
        else:
            self._histograms[entry.name] = Histogram(
                entry.name, entry.meaning, entry.labels, registry=self.registry, buckets=entry.buckets
            )

    def _bounded(self, name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The labels, or `other` for all of them once a metric has too many series (law *Limits*)."""
        known = self._series[name]
        if labels in known or not labels:
            return labels
        if len(known) >= SERIES_MAX:
            return ("other",) * len(labels)
        known.add(labels)
        return labels

    def _child(self, of: Mapping[str, _Lasting], name: str, labels: tuple[str, ...]) -> _Lasting:
        """The series with these labels; looked up once, as several are touched by every event. Gauges are cleared: not these."""
        if not labels:
            return of[name]
        child: Any = self._children.get((name, labels))
        if child is None:
            bounded = self._bounded(name, labels)
            child = of[name].labels(*bounded)
            if bounded is labels:
                self._children[name, labels] = child
        return cast("_Lasting", child)

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        self._child(self._counters, name, labels).inc(by)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(*self._bounded(name, labels)) if labels else gauge).set(value)

    def add(self, name: str, by: float, *labels: str) -> None:
        """Move a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(*self._bounded(name, labels)) if labels else gauge).inc(by)

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Record one observation of a histogram, in the metric's unit."""
        self._child(self._histograms, name, labels).observe(value)

    def read(self, name: str, *labels: str) -> float:
        """The present value of a counter or gauge (0 when it was never touched), for the JSON snapshot and tests."""
        entry = metric(name)
        value = self.registry.get_sample_value(name, dict(zip(entry.labels, labels, strict=True)))
        return value or 0.0

    def totals(self, name: str) -> dict[str, float]:
        """Every series of a counter or gauge: labels joined by a space → value."""
        found: dict[str, float] = {}
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name == name:
                    found[" ".join(sample.labels.values())] = sample.value
        return found

    def quantile(self, name: str, share: float) -> float:
        """An upper bound of the quantile from the buckets of all series together, in the metric's unit; 0 when empty.

        What lies beyond the last finite bucket is given as that bucket.
        """
        totals: dict[float, float] = {}
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name == f"{name}_bucket":
                    edge = float(sample.labels["le"])
                    totals[edge] = totals.get(edge, 0.0) + sample.value
        edges = sorted(totals)
        if not edges or totals[edges[-1]] == 0:
            return 0.0
        wanted = share * totals[edges[-1]]
        finite = [edge for edge in edges if edge != float("inf")]
        return next((edge for edge in finite if totals[edge] >= wanted), finite[-1])

    def sample(self) -> None:
        """Ask the samplers."""
        for sampler in self.samplers:
            samples = list(sampler())
            for name in {name for name, _, _ in samples}:
                if name in self._gauges and metric(name).labels:
                    self._gauges[name].clear()
            for name, labels, value in samples:
                if name in self._gauges:
                    self.set(name, value, *labels)
                else:
                    self.count(name, *labels, by=max(0.0, value - self._followed.get((name, labels), 0.0)))
                    self._followed[(name, labels)] = value

    def exposition(self) -> bytes:
        """What `/metrics` answers, in the Prometheus text format."""
        self.sample()
        return generate_latest(self.registry)

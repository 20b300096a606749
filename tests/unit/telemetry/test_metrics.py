"""One catalogue of metrics: fixed names, bounded labels, documents that agree (spec 6 *Metrics*)."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchfloor.telemetry import catalogue
from watchfloor.telemetry.catalogue import METRICS, Metric
from watchfloor.telemetry.metrics import SERIES_MAX, Metrics

ROOT = Path(__file__).parents[3]
# Names that spec 6 fixes and that this version has a source for.
FIXED = [
    "http_requests_total",
    "http_request_duration_seconds",
    "websocket_connections_current",
    "websocket_messages_total",
    "trust_score_changes_total",
    "trust_tier_changes_total",
    "decisions_processed_total",
    "decision_duration_seconds",
    "decision_queue_depth",
    "agents_connected",
    "tasks_total",
    "task_queue_depth",
    "task_latency_seconds",
    "ledger_appends_total",
    "ledger_commit_seconds",
    "breaker_state",
    "validation_failures_total",
    "rate_limited_total",
    "agent_execution_seconds",
    "agents_by_tier",
    "executions_total",
]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(process=False)


def test_the_names_that_the_specification_fixes_are_there() -> None:
    assert set(FIXED) <= {entry.name for entry in METRICS}


def test_every_entry_is_complete() -> None:
    names = [entry.name for entry in METRICS]
    assert len(names) == len(set(names))
    for entry in METRICS:
        assert entry.meaning
        assert entry.unit
        assert bool(entry.buckets) == (entry.kind == "histogram")
        assert entry.name.endswith("_total") == (entry.kind == "counter")


def test_counters_gauges_and_histograms_move(metrics: Metrics) -> None:
    metrics.count("http_requests_total", "GET", "/x", "200")
    metrics.count("ledger_appends_total", by=5)
    metrics.set("agents_connected", 3, "idle")
    metrics.add("streams_current", 1)
    metrics.add("streams_current", -1)
    metrics.observe("ledger_commit_seconds", 0.002)
    assert metrics.read("http_requests_total", "GET", "/x", "200") == 1
    assert metrics.read("ledger_appends_total") == 5
    assert metrics.read("agents_connected", "idle") == 3
    assert metrics.read("streams_current") == 0
    assert metrics.totals("http_requests_total") == {"GET /x 200": 1.0}
    text = metrics.exposition().decode()
    assert "ledger_commit_seconds_count 1.0" in text
    assert 'watchfloor_build_info{version="' in text


def test_an_unknown_name_or_a_wrong_label_is_a_mistake_of_ours(metrics: Metrics) -> None:
    with pytest.raises(KeyError):
        metrics.count("made_up_total")
    with pytest.raises(ValueError, match="label"):
        metrics.count("http_requests_total", "GET")
    with pytest.raises(KeyError):
        catalogue.metric("made_up_total")


def test_series_are_bounded_whatever_the_labels(metrics: Metrics) -> None:
    for number in range(SERIES_MAX + 100):
        metrics.count("http_requests_total", "GET", f"/{number}", "200")
    assert len(metrics.totals("http_requests_total")) == SERIES_MAX + 1
    assert metrics.read("http_requests_total", "other", "other", "other") == 100


def test_a_state_that_nobody_is_in_any_more_reads_zero(metrics: Metrics) -> None:
    found = [("agents_connected", ("idle",), 2.0), ("decision_queue_depth", ("high",), 1.0)]
    metrics.samplers.append(lambda: found)
    metrics.exposition()
    found[:] = [("agents_connected", ("working",), 1.0)]
    text = metrics.exposition().decode()
    assert 'agents_connected{state="working"} 1.0' in text
    assert 'agents_connected{state="idle"}' not in text


def test_a_counter_can_follow_a_total_that_somebody_else_keeps(metrics: Metrics) -> None:
    totals = {"in": 5.0}
    metrics.samplers.append(lambda: [("websocket_messages_total", ("in",), totals["in"])])
    metrics.exposition()
    totals["in"] = 7.0
    assert 'websocket_messages_total{direction="in"} 7.0' in metrics.exposition().decode()
    totals["in"] = 1.0  # whoever kept it has begun anew: a counter never goes back
    assert 'websocket_messages_total{direction="in"} 7.0' in metrics.exposition().decode()


def test_quantiles_are_upper_bounds_from_the_buckets(metrics: Metrics) -> None:
    assert metrics.quantile("http_request_duration_seconds", 0.5) == 0
    for seconds in [0.001] * 90 + [0.2] * 9 + [100.0]:
        metrics.observe("http_request_duration_seconds", seconds, "GET", "/x")
    assert metrics.quantile("http_request_duration_seconds", 0.5) == 0.001
    assert metrics.quantile("http_request_duration_seconds", 0.95) == 0.25
    assert metrics.quantile("http_request_duration_seconds", 0.999) == 10.0


def test_two_servers_in_one_process_do_not_mix() -> None:
    first, second = Metrics(process=False), Metrics(process=False)
    first.count("ledger_appends_total")
    assert second.read("ledger_appends_total") == 0


def test_the_process_metrics_are_those_of_the_catalogue() -> None:
    text = Metrics().exposition().decode()
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    known = {entry.name for entry in METRICS} | {name for name, _, _ in catalogue.PROCESS_METRICS}
    assert {name for name in families if not name.endswith("_created")} <= known


def test_the_document_is_what_the_catalogue_says() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == catalogue.document()


def test_labels_of_a_document_row_are_in_order() -> None:
    entry: Metric = catalogue.metric("http_requests_total")
    assert entry.labels == ("method", "path", "status")

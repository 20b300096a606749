"""The one catalogue: every metric and every log field with unit and meaning (spec 06 *Metrics*, *Logs*).

Telemetry is an API: names are fixed once published, `docs/metrics.md` is generated from this table and a test compares
it with what `/metrics` really answers. Labels are bounded: `path` is a route template, everything else an enumeration.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WAIT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 14_400.0)
HUMAN_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1_800.0, 3_600.0, 14_400.0, 86_400.0)


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. `unit` of the value; `buckets` for a histogram only; `labels` in the order they are given."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    unit: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric(
        name="http_requests_total",
        kind="counter",
        unit="requests",
        labels=("method", "path", "status"),
        meaning="HTTP requests answered, by method, route template and status.",
    ),
    Metric(
        name="http_request_duration_seconds",
        kind="histogram",
        unit="seconds",
        labels=("method", "path"),
        buckets=FAST_S,
        meaning="From the complete head of a request to the last byte of its answer; streams are left out.",
    ),
    Metric(
        name="websocket_connections_current",
        kind="gauge",
        unit="connections",
        meaning="Agents' WebSockets open on this node.",
    ),
    Metric(
        name="websocket_messages_total",
        kind="counter",
        unit="frames",
        labels=("direction",),
        meaning="Frames of the agent protocol; direction in or out.",
    ),
    Metric(
        name="trust_score_changes_total",
        kind="counter",
        unit="changes",
        labels=("direction",),
        meaning="Changes of a trust score; direction up, down or same.",
    ),
    Metric(
        name="trust_tier_changes_total",
        kind="counter",
        unit="changes",
        labels=("direction", "tier"),
        meaning="Changes of a recorded tier; direction up or down, tier the new one.",
    ),
    Metric(
        name="anomalies_found_total",
        kind="counter",
        unit="anomalies",
        labels=("what",),
        meaning="Anomalies found, by kind.",
    ),
    Metric(
        name="anomalies_open",
        kind="gauge",
        unit="anomalies",
        labels=("what",),
        meaning="Anomalies nobody has resolved, by kind.",
    ),
    Metric(
        name="alerts_raised_total",
        kind="counter",
        unit="alerts",
        labels=("what",),
        meaning="Alerts raised, by kind.",
    ),
    Metric(
        name="alerts_open",
        kind="gauge",
        unit="alerts",
        labels=("severity",),
        meaning="Alerts that are not over, by severity.",
    ),
    Metric(
        name="agents_by_tier",
        kind="gauge",
        unit="agents",
        labels=("tier",),
        meaning="Agents that are not retired, by recorded tier; those without a trust event yet are not counted.",
    ),
    Metric(
        name="agent_trust_score",
        kind="histogram",
        unit="points",
        buckets=(100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 950.0, 1000.0),
        meaning="Scores of agents at every change of trust.",
    ),
    Metric(
        name="decisions_processed_total",
        kind="counter",
        unit="decisions",
        labels=("type", "outcome"),
        meaning="Rulings of the gate (type gate: permitted, observed, pending, denied) and endings of people's decisions (type people: approved, forced, denied, expired, cancelled).",
    ),
    Metric(
        name="decision_duration_seconds",
        kind="histogram",
        unit="seconds",
        labels=("outcome",),
        buckets=HUMAN_S,
        meaning="From the opening of a people's decision to its end.",
    ),
    Metric(
        name="decision_queue_depth",
        kind="gauge",
        unit="decisions",
        labels=("urgency",),
        meaning="Decisions waiting for people, by urgency.",
    ),
    Metric(
        name="agents_connected",
        kind="gauge",
        unit="agents",
        labels=("state",),
        meaning="Registered agents by state.",
    ),
    Metric(
        name="conversation_messages_total",
        kind="counter",
        unit="messages",
        labels=("kind", "author"),
        meaning="Messages said since the process began; kind: chat, mailbox, channel; author: person, agent.",
    ),
    Metric(
        name="notifications_total",
        kind="counter",
        unit="attempts",
        labels=("means", "outcome"),
        meaning="Attempts to tell somebody; means: webhook, apprise, console; outcome: delivered, failed.",
    ),
    Metric(
        name="notification_seconds",
        kind="histogram",
        unit="seconds",
        buckets=HUMAN_S,
        meaning="Duration of one attempt to tell somebody.",
    ),
    Metric(
        name="notification_channels_failing",
        kind="gauge",
        unit="channels",
        meaning="Channels that did not take the last message they were tried with, within the last hour.",
    ),
    Metric(
        name="decisions_taken_over_total",
        kind="counter",
        unit="decisions",
        labels=("reason",),
        meaning="Decisions that backups took over; reason: offline, overloaded, specialist.",
    ),
    Metric(
        name="notifications_undelivered_total",
        kind="counter",
        unit="notices",
        meaning="Notices that reached a person by no channel, after all attempts.",
    ),
    Metric(
        name="tasks_total",
        kind="counter",
        unit="tasks",
        labels=("status",),
        meaning="Transitions of tasks into a status since the process began.",
    ),
    Metric(
        name="task_queue_depth",
        kind="gauge",
        unit="tasks",
        labels=("lane",),
        meaning="Queued tasks by priority lane.",
    ),
    Metric(
        name="task_latency_seconds",
        kind="histogram",
        unit="seconds",
        buckets=HUMAN_S,
        meaning="From submission to success of a task.",
    ),
    Metric(
        name="task_wait_seconds",
        kind="histogram",
        unit="seconds",
        labels=("lane",),
        buckets=WAIT_S,
        meaning="From the moment a task could be given out (submitted, ready, due again) to its assignment, by priority lane.",
    ),
    Metric(
        name="task_attempts_total",
        kind="counter",
        unit="attempts",
        labels=("outcome",),
        meaning="Attempts that are over and did not end in the dead letter; outcome succeeded, or the reason (failed, timed_out, …, other).",
    ),
    Metric(
        name="tasks_dead_lettered_total",
        kind="counter",
        unit="tasks",
        labels=("reason",),
        meaning="Tasks that went into the dead letter, by reason.",
    ),
    Metric(
        name="task_dead_letter_depth",
        kind="gauge",
        unit="tasks",
        meaning="Tasks in the dead letter, neither retried nor purged.",
    ),
    Metric(
        name="task_verifications_total",
        kind="counter",
        unit="checks",
        labels=("kind", "held"),
        meaning="Criteria checked by the platform, by kind; held yes or no.",
    ),
    Metric(
        name="agent_execution_seconds",
        kind="histogram",
        unit="seconds",
        labels=("agent_type",),
        buckets=WAIT_S,
        meaning="Time a task was in an agent's hands, from acceptance to the end of the attempt, pauses left out; types of one's own are other.",
    ),
    Metric(
        name="executions_total",
        kind="counter",
        unit="executions",
        labels=("status",),
        meaning="Executions of granted actions; status started, completed, failed or unknown.",
    ),
    Metric(
        name="agent_presence_changes_total",
        kind="counter",
        unit="changes",
        labels=("change",),
        meaning="Sessions that began, ended, became degraded or recovered; change connected, disconnected, degraded or recovered.",
    ),
    Metric(
        name="agent_reconnects_total",
        kind="counter",
        unit="sessions",
        meaning="Sessions of agents that had one before since this process began.",
    ),
    Metric(
        name="ledger_appends_total",
        kind="counter",
        unit="events",
        meaning="Events made durable by this node.",
    ),
    Metric(
        name="ledger_commit_seconds",
        kind="histogram",
        unit="seconds",
        buckets=FAST_S,
        meaning="Duration of one durable commit, fsync included.",
    ),
    Metric(
        name="breaker_state",
        kind="gauge",
        unit="breakers",
        labels=("scope",),
        meaning="Circuit breakers open now; scope agent, tool or worker.",
    ),
    Metric(
        name="worker_calls_total",
        kind="counter",
        unit="calls",
        labels=("outcome",),
        meaning="Calls of HTTP workers that are over; outcome as answered (accepted, completed, failed, rejected) or why there was no answer (worker_timed_out, …).",
    ),
    Metric(
        name="worker_call_seconds",
        kind="histogram",
        unit="seconds",
        buckets=HUMAN_S,
        meaning="Duration of a call of an HTTP worker, all its attempts and pauses included.",
    ),
    Metric(
        name="agent_keys_expiring",
        kind="gauge",
        unit="keys",
        meaning="Keys of agents that are in force and end within seven days.",
    ),
    Metric(
        name="task_reviews_total",
        kind="counter",
        unit="reviews",
        labels=("verdict",),
        meaning="Finished tasks rated by people; verdict positive or negative.",
    ),
    Metric(
        name="worker_news_total",
        kind="counter",
        unit="news",
        labels=("outcome",),
        meaning="What HTTP workers were told of tasks they have or had; outcome told, unheard or dropped.",
    ),
    Metric(
        name="validation_failures_total",
        kind="counter",
        unit="requests",
        labels=("surface", "code"),
        meaning="Malformed input refused; surface http or websocket, code as in the answer.",
    ),
    Metric(
        name="rate_limited_total",
        kind="counter",
        unit="requests",
        labels=("class",),
        meaning="Requests refused by a rate limit, by rate class.",
    ),
    Metric(
        name="authentication_failures_total",
        kind="counter",
        unit="requests",
        labels=("surface",),
        meaning="Credentials that were not accepted; surface http, websocket, password, code or oidc.",
    ),
    Metric(
        name="streams_current",
        kind="gauge",
        unit="streams",
        meaning="Open event streams (SSE) of this node.",
    ),
    Metric(
        name="watchfloor_build_info",
        kind="gauge",
        unit="1",
        labels=("version",),
        meaning="Always 1; the label is the running version.",
    ),
)

# Families that the client library itself contributes; listed so that the document is complete.
PROCESS_METRICS: tuple[tuple[str, str, str], ...] = (
    ("process_cpu_seconds_total", "seconds", "CPU time used, user and system."),
    ("process_resident_memory_bytes", "bytes", "Resident memory."),
    ("process_virtual_memory_bytes", "bytes", "Virtual memory."),
    ("process_start_time_seconds", "seconds", "Start of the process, since the epoch."),
    ("process_open_fds", "descriptors", "Open file descriptors."),
    ("process_max_fds", "descriptors", "Limit of open file descriptors."),
    ("python_info", "1", "Version of the interpreter."),
    ("python_gc_collections_total", "collections", "Garbage collections by generation."),
    ("python_gc_objects_collected_total", "objects", "Objects collected by generation."),
    ("python_gc_objects_uncollectable_total", "objects", "Uncollectable objects by generation."),
)

LOG_FIELDS: tuple[tuple[str, str], ...] = (
    ("timestamp", "RFC 3339, UTC, microseconds"),
    ("level", "debug, info, warning, error, critical"),
    ("message", "what happened, in a few fixed words"),
    ("service", "always watchfloor"),
    ("module", "the module that speaks"),
    ("correlationId", "ties together everything that one request caused"),
    ("organisation", "public id, when known"),
    ("agent", "public id, when known"),
    ("task", "public id, when known"),
    ("decision", "public id, when known"),
    ("context", "further values of this message; secrets redacted"),
    ("error", "type and text of an exception, and its stack as text"),
)


def metric(name: str) -> Metric:
    """The catalogue's entry of a name. Raises KeyError."""
    for entry in METRICS:
        if entry.name == name:
            return entry
    raise KeyError(name)


def document() -> str:
    """The reference of metrics and log fields as Markdown; `docs/metrics.md` is exactly this text."""
    lines = [
        "# Metrics and log fields",
        "Generated from `src/watchfloor/telemetry/catalogue.py`; a test compares the two.",
        "",
        "## Metrics",
        "| name | kind | unit | labels | meaning |",
        "|---|---|---|---|---|",
    ]
    for entry in METRICS:
        labels = ", ".join(f"`{label}`" for label in entry.labels) or "none"
        lines.append(f"| `{entry.name}` | {entry.kind} | {entry.unit} | {labels} | {entry.meaning} |")
    for name, unit, meaning in PROCESS_METRICS:
        lines.append(f"| `{name}` | process | {unit} | none | {meaning} |")
    lines += [
        "",
        "## Log fields",
        "One JSON object a line. Empty fields are left out.",
        "",
        "| field | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in LOG_FIELDS]
    return "\n".join(lines) + "\n"

"""Health, metrics and rate limits of a running server (spec 6, 3.3; faults A3, F9, S4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.http.pacing import RATES, Rate
from watchfloor.telemetry import catalogue


@pytest.mark.parametrize(
    "path", ["/health", "/healthz", "/api/health", "/live", "/livez", "/ready", "/readyz"]
)
def test_health_needs_no_credential_and_tells_strangers_little(
    server: Running, operator: httpx2.Client, path: str
) -> None:
    with server.client() as stranger:
        answer = stranger.get(path)
    assert answer.status_code == 200
    if "health" in path:
        assert set(answer.json()) == {"status", "version", "uptime_seconds", "memory_bytes", "database"}
        assert operator.get(path).json()["ledger_seq"] > 0


def test_the_metrics_are_those_of_the_catalogue(server: Running, operator: httpx2.Client) -> None:
    operator.post("/api/v1/tasks", json={"title": "counted"})
    operator.get("/api/v1/nothing")
    text = operator.get("/metrics").text
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    known = {entry.name for entry in catalogue.METRICS}
    assert {name for name in families if not name.endswith("_created")} == known
    assert 'http_requests_total{method="POST",path="/api/v1/tasks",status="201"}' in text
    assert 'path="unmatched"' in text
    assert "/api/v1/nothing" not in text
    assert 'tasks_total{status="queued"}' in text
    for urgency in ("low", "normal", "high", "immediate"):
        assert f'decision_queue_depth{{urgency="{urgency}"}}' in text
    assert 'agents_connected{state="offline"}' in text


def test_the_snapshot_agrees(operator: httpx2.Client) -> None:
    now = operator.get("/api/v1/metrics").json()
    assert now["http_requests"] > 0
    assert now["http_errors"] == 0
    assert 0 < now["http_p50_ms"] <= now["http_p95_ms"] <= now["http_p99_ms"]
    assert now["ledger_events"] > 0


def test_while_the_ledger_cannot_be_written_people_can_look_and_stop(
    server: Running, operator: httpx2.Client
) -> None:
    engine = server.engine
    server.loop.call_soon_threadsafe(setattr, engine, "read_only", "the disk is full")
    try:
        assert operator.get("/health").status_code == 200
        assert operator.get("/health").json()["status"] == "degraded"
        ready = operator.get("/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        with server.client() as stranger:
            assert "disk" not in stranger.get("/ready").text
        refused = operator.post("/api/v1/tasks", json={"title": "x"})
        assert (refused.status_code, refused.json()["retryable"]) == (503, True)
        assert refused.headers["retry-after"]
        assert operator.get("/api/v1/tasks").status_code == 200
        assert operator.post(
            "/api/v1/stops", json={"scope": "tool", "target": "disk", "reason": "x"}
        ).status_code in (201, 202)
    finally:
        server.loop.call_soon_threadsafe(setattr, engine, "read_only", "")


# Limits --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the rates of the product, refilled so slowly that a busy machine makes no difference."""
    slow = {
        name: Rate(per_minute=1, burst=rate.burst) for name, rate in RATES.items() if name != "authenticated"
    }
    running = Running(Path(tmp_path_factory.mktemp("limited")), {**RATES, **slow}).start()
    yield running
    running.stop()


def test_strangers_are_limited_by_address_and_told_when_to_come_back(limited: Running) -> None:
    with limited.client() as client:
        answers = [client.get("/openapi.json") for _ in range(RATES["public"].burst + 5)]
        assert answers[-1].status_code == 429
        document = answers[-1].json()
        assert (document["code"], document["class"], document["retryable"]) == (
            "rate_limited",
            "public",
            True,
        )
        assert 0 < document["retry_after_ms"] <= 60_000
        assert int(answers[-1].headers["retry-after"]) == -(-document["retry_after_ms"] // 1_000)
        assert client.get("/health").status_code == 200
        spoofed = client.get("/openapi.json", headers={"x-forwarded-for": "9.9.9.9"})
        assert spoofed.status_code == 429
    with limited.client(limited.person("operator")) as person:
        assert person.get("/api/v1/tasks").status_code == 200


def test_heavy_requests_have_a_bucket_of_their_own(limited: Running) -> None:
    with limited.client(limited.person("operator")) as client:
        codes = [
            client.get("/api/v1/ledger/events/1/audit").status_code for _ in range(RATES["heavy"].burst + 1)
        ]
        assert codes[-1] == 429
        assert client.get("/api/v1/tasks").status_code == 200
        assert client.get("/api/v1/decisions").status_code == 200


def test_guessing_credentials_is_slowed_down(limited: Running) -> None:
    guess = "wf_tok_abcdefgh23456723_" + "A" * 43
    with limited.client(guess) as client:
        codes = {client.get("/api/v1/me").status_code for _ in range(RATES["failed"].burst + 3)}
    assert codes == {401, 429}
    assert limited.metrics.read("authentication_failures_total", "http") > 30
    with limited.client() as client:
        codes = {
            client.post("/api/v1/sign-in", json={"link": "x"}).status_code
            for _ in range(RATES["sign_in"].burst + 1)
        }
    assert codes == {401, 429}


def test_an_agents_actions_are_limited_by_their_class(limited: Running) -> None:
    with limited.client(limited.agent()["api_key"]) as agent:
        answers = [
            agent.post("/api/v1/actions", json={"type": "payment.send", "params": {"n": n}})
            for n in range(12)
        ]
        assert answers[-1].status_code == 429
        assert answers[-1].json()["class"] == "heavy"
        assert agent.post("/api/v1/actions", json={"type": "file.read"}).status_code == 200


# Behind a proxy, and for other origins ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that trusts a proxy on this machine, and lets one other origin read."""
    running = Running(
        Path(tmp_path_factory.mktemp("proxied")),
        public_url="https://watch.example",
        trusted_proxies=("127.0.0.1",),
        cors_origins=("https://tools.example",),
    ).start()
    yield running
    running.stop()


def test_over_tls_cookies_are_secure_and_browsers_are_told_to_stay(proxied: Running) -> None:
    tls = {"x-forwarded-proto": "https", "origin": "https://watch.example"}
    link = proxied.link(proxied.person("operator"))
    with proxied.client() as client:
        answer = client.post(f"/sign-in/{link}", headers=tls)
        assert answer.status_code == 303
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        name, _, rest = answer.headers["set-cookie"].partition("=")
        assert name == "__Host-watchfloor_session"
        assert "; Secure" in rest
        session = rest.partition(";")[0]
        secure = {"cookie": f"__Host-watchfloor_session={session}", "x-forwarded-proto": "https"}
        assert client.get("/api/v1/me", headers=secure).status_code == 200
        planted = {"cookie": f"watchfloor_session={session}", "x-forwarded-proto": "https"}
        assert client.get("/api/v1/me", headers=planted).status_code == 401
        assert client.post("/sign-out", headers={**secure, "origin": "http://127.0.0.1"}).status_code == 403


def test_behind_the_proxy_the_clients_own_address_is_limited(proxied: Running) -> None:
    from watchfloor.http.addresses import Addresses

    addresses = Addresses(("127.0.0.1",))
    assert addresses.client("127.0.0.1", [(b"x-forwarded-for", b"203.0.113.9")]) == "203.0.113.9"
    with proxied.client() as client:
        assert client.get("/openapi.json", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 200


def test_only_the_origins_that_are_configured_may_read_from_elsewhere(proxied: Running) -> None:
    with proxied.client(proxied.person("operator")) as client:
        good = client.get("/api/v1/tasks", headers={"origin": "https://tools.example"})
        assert good.headers["access-control-allow-origin"] == "https://tools.example"
        assert "access-control-allow-credentials" not in good.headers
        bad = client.get("/api/v1/tasks", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in bad.headers
        asked = {
            "origin": "https://tools.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        assert (
            client.options("/api/v1/tasks", headers=asked).headers["access-control-allow-origin"]
            == "https://tools.example"
        )
        refused = client.options("/api/v1/tasks", headers={**asked, "origin": "https://evil.example"})
        assert "access-control-allow-origin" not in refused.headers

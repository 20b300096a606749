"""The whole way, with real processes: the example worker, a server that is killed, REST and the command line (spec 2.4)."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.chaos.deployment import Deployment
from tests.integration.workers.yard import Asked, Handler, done, place

pytestmark = pytest.mark.serial
OUTBOUND = {"WATCHFLOOR_OUTBOUND_ALLOW": "127.0.0.1"}
PROGRAMS = Path(sys.executable).parent
EXAMPLE = Path(__file__).parents[3] / "examples" / "http_worker" / "worker.py"


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A server that may call workers on this machine."""
    with Deployment(tmp_path, environment=OUTBOUND) as found:
        yield found


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One server for tests that leave nothing in it."""
    with Deployment(tmp_path_factory.mktemp("untouched"), environment=OUTBOUND) as found:
        yield found


def run(deployment: Deployment, *words: str, code: int = 0) -> str:
    """The command line as the first admin."""
    environment = {
        "WATCHFLOOR_URL": deployment.url,
        "WATCHFLOOR_TOKEN": deployment.token(),
        "PATH": "/usr/bin:/bin",
    }
    ended = subprocess.run(
        [str(PROGRAMS / "watchfloor"), *words],
        cwd=deployment.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def until(holds: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def submit(deployment: Deployment, text: str = "one two three", **fields: Any) -> str:
    body = {"title": "count", "needs": ["count"], "input": {"text": text}, **fields}
    answer = deployment.post("/api/v1/tasks", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["task_id"])


def over(deployment: Deployment, task: str) -> dict[str, Any]:
    """The task once it is over."""

    def ended() -> Any:
        shown = deployment.get(f"/api/v1/tasks/{task}")
        return shown if shown["task"]["status"] in ("succeeded", "dead_letter", "cancelled") else None

    found: dict[str, Any] = until(ended, f"{task} is over")
    return found


@contextmanager
def example(deployment: Deployment, *options: str) -> Iterator[str]:
    """The example worker as a process of its own; yields its url. Its files are those of the command line."""
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE), "--port", "0", "--secret-file", "signing.secret", *options],
        cwd=deployment.root,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize("options", [(), ("--later", "--key-file", "agent.key")], ids=["inline", "callback"])
def test_the_example_worker_does_what_it_is_sent(deployment: Deployment, options: tuple[str, ...]) -> None:
    # Its port is known when it runs, its secret when it is registered: registered somewhere, it is moved.
    said = run(
        deployment, "agent", "register", "wanda", "--capability", "count", "--url", "http://127.0.0.1:9/"
    )
    assert "signing.secret" in said
    for name in ("agent.key", "signing.secret"):
        assert stat.S_IMODE((deployment.root / name).stat().st_mode) == 0o600
    agent = json.loads(run(deployment, "agent", "list", "--json"))[0]["agent_id"]
    with example(deployment, *options) as url:
        run(deployment, "agent", "move", agent, url)
        shown = over(deployment, submit(deployment))
        assert (shown["task"]["status"], shown["result"]) == ("succeeded", {"words": 3})
        failed = over(deployment, submit(deployment, max_attempts=1, input={"text": 5}))
        assert (failed["task"]["status"], failed["task"]["reason"]) == ("dead_letter", "failed")
        (deployment.root / "signing.secret").unlink()
        run(deployment, "agent", "rotate-secret", agent)
        refused = over(deployment, submit(deployment, max_attempts=1))
        assert refused["task"]["reason"] == "worker_refused", "the worker still has the old secret"
        assert "the signature" in refused["report"]
    item = deployment.get(f"/api/v1/agents/{agent}")["agent"]
    assert item["url"] == url
    assert (item["breaker"]["state"], item["breaker"]["failures"]) == ("closed", 1)
    assert "worker_refused" in run(deployment, "agent", "show", agent)
    health = {entry["name"]: entry for entry in deployment.get("/health")["components"]}
    assert health["workers"] == {
        **health["workers"],
        "status": "ok",
        "detail": "1 registered, 0 with an open breaker",
    }
    page = httpx.get(
        f"{deployment.url}/agents/{agent}",
        headers={"Authorization": f"Bearer {deployment.token()}"},
        timeout=5,
    )
    assert "closed (1 calls in a row without an answer, the last: worker_refused)" in page.text
    metrics = httpx.get(f"{deployment.url}/metrics", timeout=5).text
    assert 'worker_calls_total{outcome="worker_refused"} 1' in metrics
    assert 'breaker_state{scope="worker"} 0' in metrics
    assert "worker_call_seconds_count 3" in metrics


def test_agent_add_makes_the_files_and_added_again_tries_the_worker(deployment: Deployment) -> None:
    words = ("agent", "add", "wanda", "--capability", "count", "--url")
    said = run(deployment, *words, "http://127.0.0.1:9/")
    folder = deployment.root / "watchfloor-agents" / "wanda"
    assert "signing.secret" in said
    assert {path.name for path in folder.iterdir()} == {"agent.json", "agent.key", "signing.secret"}
    assert stat.S_IMODE((folder / "signing.secret").stat().st_mode) == 0o600
    (deployment.root / "signing.secret").write_bytes((folder / "signing.secret").read_bytes())
    agent = json.loads((folder / "agent.json").read_text())["agent_id"]
    assert "worker_unreachable" in run(deployment, *words, "http://127.0.0.1:9/", code=1)
    with example(deployment) as url:
        run(deployment, "agent", "move", agent, url)
        assert "succeeded" in run(deployment, *words, url)
    run(deployment, "agent", "remove", "wanda")
    assert not folder.exists()


def test_a_server_killed_between_the_post_and_its_record_posts_again_with_the_same_key(
    deployment: Deployment,
) -> None:
    killed = threading.Event()

    def first_time_the_server_dies(handler: Handler, asked: Asked, number: int) -> None:
        if number == 1:
            killed.wait(20)  # the work is done, and nobody is left to hear of it
        done(handler, asked, number)

    with place(first_time_the_server_dies) as worker:
        body = {"name": "wanda", "type": "worker", "capabilities": ["count"], "url": worker.url}
        answer = deployment.post("/api/v1/agents/register", body, "reg-1")
        assert answer.status_code == 201, answer.text
        assert answer.json()["signing_secret"].startswith("wfs_")
        assert deployment.post("/api/v1/agents/register", body, "reg-1").json()["signing_secret"] is None
        task = submit(deployment)
        until(lambda: worker.asked, "the worker is asked")
        deployment.kill()
        killed.set()
        deployment.start()
        shown = over(deployment, task)
        assert (shown["task"]["status"], shown["task"]["generation"]) == ("succeeded", 1)
        assert shown["result"] == {"number": 2}
        assert {asked.key for asked in worker.asked} == {f"{task}.1"}
        assert len(worker.asked) == 2
    assert "wfs_" not in (deployment.data / "ledger.db").read_bytes().decode("latin-1")
    assert stat.S_IMODE((deployment.data / "workers.key").stat().st_mode) == 0o600
    assert deployment.stop() == 0
    run(deployment, "ledger", "verify", "--data", str(deployment.data))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/", "url_refused"),
        ("http://169.254.169.254/latest/meta-data", "url_refused"),
        ("http://[::ffff:169.254.169.254]/", "url_refused"),
        ("http://0x7f000001/", "url_refused"),
        ("http://0.0.0.0/", "url_refused"),
        ("file:///etc/passwd", "invalid_url"),
        ("gopher://127.0.0.1/", "invalid_url"),
        ("https://user:secret@worker.example.org/", "invalid_url"),
        ("https://worker.example.org/?key=secret", "invalid_url"),
    ],
)
def test_a_url_we_would_not_call_is_refused_where_it_is_saved(
    untouched: Deployment, url: str, code: str
) -> None:
    body = {"name": "wanda", "type": "worker", "capabilities": ["count"], "url": url}
    answer = untouched.post("/api/v1/agents/register", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code
    assert "/url" in answer.text
    assert untouched.get("/api/v1/agents")["items"] == []

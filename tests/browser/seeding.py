"""Demo data through the API: what a fleet looks like after a morning's work."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import msgspec
from tests.integration.http.conftest import DIFF, ask_patch
from tests.integration.http.kit import Running

from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM

LONG_DIFF = """--- a/billing/invoice.py
+++ b/billing/invoice.py
@@ -12,3 +12,4 @@ from decimal import Decimal
 def total(lines: list[Line], vat_percent: int) -> Decimal:
-    net = sum(line.amount for line in lines)
-    return net + net * vat_percent / 100
+    net = sum((line.amount for line in lines), start=Decimal(0))
+    vat = (net * vat_percent / 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
+    return net + vat
@@ -40,2 +41,2 @@ class Invoice:
 def is_due(invoice: Invoice, today: date) -> bool:
-    return invoice.due_on < today
+    return invoice.due_on <= today
--- a/billing/__init__.py
+++ b/billing/__init__.py
@@ -1,1 +1,2 @@
 from decimal import Decimal
+from decimal import ROUND_HALF_UP
"""
CANARY = "<img src=x onerror=window.caught=1><script>window.caught=1</script>"


class Seeded(msgspec.Struct, frozen=True):
    """Ids of what was made."""

    agents: dict[str, str]
    keys: dict[str, str]
    tasks: tuple[str, ...]
    decisions: tuple[str, ...]


def _agent(server: Running, name: str, kind: str, can: list[str]) -> dict[str, Any]:
    return server.agent(
        name, type=kind, capabilities=can, tools=["git", "bank", "kubernetes", "http"], version="1.4.0"
    )


def seed(server: Running) -> Seeded:
    """Four agents, a dozen tasks, decisions that wait, one that was denied."""
    made = {
        name: _agent(server, name, kind, can)
        for name, kind, can in (
            ("patcher", "executor", ["python.lint", "python.patch"]),
            ("invoice-clerk", "worker", ["billing.read", "billing.pay"]),
            ("release-captain", "executor", ["deploy.staging", "deploy.production"]),
            ("log-reader", "analyst", ["logs.read"]),
        )
    }
    operator = server.client(server.person("operator"))
    tasks = []
    for title, priority in (
        ("Find unused imports in billing/", "normal"),
        ("Reconcile October invoices", "high"),
        ("Roll out 4.12 to staging", "urgent"),
        ("Summarise last night's error logs", "low"),
    ):
        answer = operator.post("/api/v1/tasks", json={"title": title, "priority": priority, "needs": []})
        assert answer.status_code in (200, 201), answer.text
        tasks.append(answer.json()["task_id"])
    patcher = server.client(made["patcher"]["api_key"])
    clerk = server.client(made["invoice-clerk"]["api_key"])
    captain = server.client(made["release-captain"]["api_key"])
    asked = [
        ask_patch(
            patcher,
            params={"path": "billing", "diff": LONG_DIFF},
            reason="Rounding is done once per invoice now, as the tests in billing/tests expect.",
        ),
        ask_patch(
            clerk,
            type="payment.transfer",
            tool="bank",
            params={"to": "DE02 1203 0000 0000 2020 51", "amount_micro": 4_180_000_000, "currency": "EUR"},
            reason=f"Invoice 2026-1041 is due. Please approve quickly \u202eesaelp\u202c {CANARY}",
        ),
        ask_patch(
            captain,
            type="deploy.production",
            tool="kubernetes",
            params={"service": "checkout", "image": "registry.example/checkout:4.12.0", "replicas": 6},
            reason="Staging has been green for two hours.",
        ),
        ask_patch(patcher, params={"path": "x", "diff": DIFF}, reason="unused import"),
    ]
    return Seeded(
        agents={name: one["agent_id"] for name, one in made.items()},
        keys={name: one["api_key"] for name, one in made.items()},
        tasks=tuple(tasks),
        decisions=tuple(one["decision_id"] for one in asked),
    )


def ask_many(server: Running, count: int, **more: Any) -> list[str]:
    """Decisions that wait. Ten at most are asked for by one agent, which would be stopped as a runaway."""
    found = []
    for number in range(count):
        if number % 10 == 0:
            client = server.client(server.agent(tools=["git", "http", "bank"])["api_key"])
        found.append(ask_patch(client, **{"params": {"path": f"file-{number}.py"}, **more})["decision_id"])
    return found


def votes(server: Running, decision: str) -> list[dict[str, Any]]:
    """Everybody's say on a decision."""
    auditor = server.client(server.person("auditor"))
    found: list[dict[str, Any]] = auditor.get(f"/api/v1/decisions/{decision}").json()["votes"]
    return found


def denied(server: Running, decision: str, digest: str) -> httpx2.Response:
    """The director denies a decision through the API."""
    director = server.client(server.person("director"))
    return director.post(f"/api/v1/decisions/{decision}/vote", json={"vote": "deny", "digest": digest})


def at_work(server: Running, agent: dict[str, Any]) -> tuple[httpx2.Client, dict[str, Any]]:
    """The agent comes and is given one of the tasks that wait: its own client, and that task."""
    org, session = server.orgs[0], f"{server.engine.incarnation}-{agent['agent_id']}"
    subject = parse_id(agent["agent_id"], "agent")[0]
    connect = ConnectAgent(subject=subject, node=server.engine.node_name, session=session)
    server.run(server.engine.ask(org, connect, SYSTEM))
    own = server.client(agent["api_key"])
    until = time.monotonic() + 30
    while True:  # tasks are given by a process that follows the agent's coming
        found = own.get("/api/v1/tasks", params={"agent": agent["agent_id"], "status": "assigned"}).json()
        if found["items"]:
            return own, found["items"][0]
        assert time.monotonic() < until, "no task within 30 s"
        time.sleep(0.05)

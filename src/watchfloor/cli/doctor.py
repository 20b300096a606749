"""`watchfloor doctor`: can this machine run Watchfloor, and is a data directory well?"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cyclopts import App

from watchfloor.cli.output import Failure, show

app = App(name="doctor", help="Check this machine and a data directory.")
_FREE_WANTED = 1_000_000_000


@app.default
def doctor(*, data: Path = Path("watchfloor-data"), server: bool = False, json: bool = False) -> None:
    """Run every check; exit 1 when one fails.

    Parameters
    ----------
    data
        Data directory to look at; it need not exist.
    server
        Ask the running server as well (address and token as for every other command).
    """
    checks = [_python(), _sqlite(), _descriptors(), _disk(data), _fsync(data), *_directory(data), *_tools()]
    if server:
        checks += _fleet()
    marks = {"ok": "✓", "warning": "!", "failed": "✗"}
    text = "\n".join(f"{marks[c['status']]} {c['check']:<18} {c['detail']}" for c in checks)
    show(checks, json=json, text=text)
    if any(c["status"] == "failed" for c in checks):
        raise Failure("something needs attention")


def _check(name: str, status: str, detail: str) -> dict[str, Any]:
    return {"check": name, "status": status, "detail": detail}


def _fleet() -> list[dict[str, Any]]:
    """Agents whose actions nobody could ever agree to: they own them, or registered them, and there is nobody else."""
    from watchfloor.cli.client import Client

    agents = Client().pages("/api/v1/agents", 1_000)
    stuck = [agent["name"] for agent in agents if "nobody_else_can_decide" in agent.get("warnings", ())]
    detail = f"{len(agents)} agents, somebody can decide for each"
    if stuck:
        names = ", ".join(stuck[:5])
        detail = f"nobody_else_can_decide: {len(stuck)} agents ({names}); add people, or let others own them"
    return [_check("who decides", "warning" if stuck else "ok", detail)]


def _python() -> dict[str, Any]:
    good = sys.version_info >= (3, 11)
    return _check("python", "ok" if good else "failed", sys.version.split()[0])


def _sqlite() -> dict[str, Any]:
    good = sqlite3.sqlite_version_info >= (3, 37)
    return _check("sqlite", "ok" if good else "failed", f"{sqlite3.sqlite_version} (needs 3.37)")


def _descriptors() -> dict[str, Any]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _check(
        "open files", "ok" if hard >= 12_000 else "warning", f"{soft} (up to {hard}; one per agent)"
    )


def _disk(data: Path) -> dict[str, Any]:
    free = shutil.disk_usage(data if data.exists() else data.absolute().parent).free
    status = "ok" if free > _FREE_WANTED else "warning"
    return _check("disk", status, f"{free // 1_000_000} MB free")


def _fsync(data: Path) -> dict[str, Any]:
    """What one durable write costs here: the floor of every answer's latency."""
    folder = data if data.exists() and os.access(data, os.W_OK) else None
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        spent = []
        for _ in range(20):
            file.write(b"x" * 512)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append(time.perf_counter() - begun)
    middle = sorted(spent)[len(spent) // 2] * 1_000
    return _check(
        "durable write", "ok" if middle < 20 else "warning", f"{middle:.2f} ms (fdatasync, median of 20)"
    )


def _directory(data: Path) -> list[dict[str, Any]]:
    if not (data / "ledger.db").exists():
        return [_check("data directory", "ok", f"{data} is not there yet; `watchfloor serve` makes it")]
    mode = data.stat().st_mode & 0o777
    found = [_check("data directory", "ok" if not mode & 0o077 else "failed", f"{data}, mode {mode:04o}")]
    pid = (data / "lock").read_text().strip() if (data / "lock").exists() else ""
    if pid:
        found.append(_check("server", "ok", f"lock file names pid {pid}"))
    backups = sorted((data / "backups").glob("[0-9]*")) if (data / "backups").exists() else []
    found.append(
        _check(
            "last backup",
            "ok" if backups else "warning",
            backups[-1].name if backups else "none yet: watchfloor ledger backup",
        )
    )
    same = (data / "signer").exists() and (data / "signer").stat().st_dev == data.stat().st_dev
    found.append(
        _check(
            "recovery point",
            "warning" if same else "ok",
            "the signer's key is on the ledger's own disk: put it on another (setting `signer`)"
            if same
            else "signer on its own disk",
        )
    )
    return found


def _tools() -> list[dict[str, Any]]:
    """What the demo's agent and task criteria call."""
    here = Path(sys.executable).parent
    return [
        _check(name, "ok" if shutil.which(name) or (here / name).exists() else "warning", about)
        for name, about in (
            ("git", "used by agents that change repositories"),
            ("ruff", "used by the demo"),
            ("bandit", "used by the demo"),
        )
    ]

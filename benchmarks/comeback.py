"""10,000 beating agents whose server is killed and started again on the same data: all come back by themselves.

    python -m benchmarks.comeback [--quick]

Agents reconnect as the SDK does, with full jitter from 1 s up, and beat every `HEARTBEAT_MS` once they are in. The
machine limit in the same run is the bare socket shim letting in as many. Wall figures depend on what else the machine
does; `per_cpu_s` is agents let in per second of the server's own CPU time.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from benchmarks import floors
from benchmarks.machine import allow_open_files, cpu_seconds, rss_kib, scratch
from benchmarks.product import Product, goal, report, serving

HEARTBEAT_MS = 10_000  # a third of the default, so that a missed one shows within the run
BEAT_S = 9.0  # a little early, as the load client is one process that may be late for 10,000 agents
BACK_S_MAX = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settled(server: Product, agents: int) -> dict[str, Any]:
    """What the server says of everybody after two heartbeats more."""
    time.sleep(2.2 * HEARTBEAT_MS / 1000)
    said = server.ask("presence")
    return {**said, "all_online": said["online"] == agents}


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    agents = 1_000 if quick else min(10_000, allow_open_files() - 300)
    bare = floors.idle(quick)
    port = str(free_port())
    options = ("--port", port, "--heartbeat-ms", str(HEARTBEAT_MS))
    storms: list[dict[str, Any]] = []
    with (
        scratch() as folder,
        serving(folder, "--agents", str(agents), *options) as first,
        first.load() as load,
    ):
        load.beat(BEAT_S)
        opened = load.open(agents)
        before = settled(first, agents)
        first.kill()
        began = time.monotonic()
        with serving(folder, "--again", *options) as second:
            ready_s = round(time.monotonic() - began, 2)
            for again in (False, True):
                if again:
                    load.drop()
                used = cpu_seconds(second.pid) if again else 0.0
                storm = load.come_back(within_s=300)
                storm["since_the_kill_s"] = round(time.monotonic() - began, 2) if not again else None
                storm["per_cpu_s"] = round(agents / max(0.01, cpu_seconds(second.pid) - used))
                storm |= settled(second, agents)
                storm["rss_kib"] = rss_kib(second.pid)
                storms.append(storm)
    missed = before["degraded_events"] + sum(storm["degraded_events"] for storm in storms[-1:])
    growth = round(storms[1]["rss_kib"] / storms[0]["rss_kib"], 3)
    back_s = max(storms[0]["since_the_kill_s"], storms[1]["seconds"])
    everybody = all(storm["all_online"] for storm in storms)
    return {
        "agents": agents,
        "heartbeat_ms": HEARTBEAT_MS,
        "limit_bare_shim": bare,
        "wall_figures": ["seconds", "since_the_kill_s", "ready_s"],
        "ready_s": ready_s,
        "first_opening": {**opened, **before},
        "storms": storms,
        "rss_growth": growth,
        "goals": [
            goal("all back <= 60 s after the kill", back_s, everybody and back_s <= BACK_S_MAX),
            goal("heartbeats of connected agents missed = 0", missed, missed == 0),
            goal("RSS after the second storm <= 1.1 x the first", growth, growth <= 1.1),
        ],
    }


if __name__ == "__main__":
    report(run)

"""The machine's own limits, measured with the same socket layer, client and disk as the product's figures.

Each goal of the product is a share of one of these, taken in the same run (`python -m benchmarks.floors [--quick]`).
Server on one CPU, client on another; `per_cpu_s` is per second of CPU the *server* used, and holds better than the
wall figure on a machine that others use too. Where `client_cpu_share` is near 1 the client was the limit, not the
server: then only `per_cpu_s` says something about the server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.loadgen import Load
from benchmarks.machine import (
    ROOT,
    allow_open_files,
    cpu_seconds,
    describe,
    fdatasync,
    percentiles_us,
    pss_kib,
    scratch,
)


@contextlib.contextmanager
def floor_server(*arguments: str) -> Iterator[tuple[str, int]]:
    """A server of `benchmarks.floor_server`: its URL and pid."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.floor_server", *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield f"ws://127.0.0.1:{ready['port']}/ws", ready["pid"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def loaded(load: Load, pid: int, **how: Any) -> dict[str, Any]:
    """One measured window, with what the server's CPU had to do with it."""
    before, began = cpu_seconds(pid), time.perf_counter()
    figures = load.run(warmup_s=0.5, **how)
    used, lasted = cpu_seconds(pid) - before, time.perf_counter() - began
    finished = figures["done"] + sum(figures["failures"].values())
    units = max(
        1, round(finished / figures["seconds"] * lasted)
    )  # CPU is read around warm-up and drain as well
    figures["server_cpu_share"] = round(used / lasted, 2)
    figures["server_cpu_us"] = round(used / units * 1e6, 1)
    figures["per_cpu_s"] = round(units / used) if used else 0
    return figures


def echo(kind: str, sizes: list[tuple[int, int]], seconds: float, *arguments: str) -> dict[str, Any]:
    """Closed loops with (agents, in flight): what the socket layer alone carries, or with a durable row each."""
    found: dict[str, Any] = {}
    for agents, in_flight in sizes:
        with floor_server(kind, *arguments) as (url, pid), Load(url) as load:
            opened = load.open(agents)
            found[f"{agents}x{in_flight}"] = {
                **loaded(load, pid, seconds=seconds, in_flight=in_flight),
                "open_failures": opened["failures"],
            }
    return found


def bare_echo(quick: bool, wire: str = "picows") -> dict[str, Any]:
    """(i) The socket shim, no work."""
    return echo("echo", [(64, 1), (1_000, 1), (1_000, 4)], 2 if quick else 8, "--wire", wire)


def durable_echo(quick: bool, synchronous: str = "FULL") -> dict[str, Any]:
    """(ii) One 400-byte row a message, answered after its commit; SQLite set as for the ledger."""
    found: dict[str, Any] = {}
    for size in [(64, 1), (1_000, 1), (1_000, 4)]:
        with scratch() as folder:
            options = ("--database", str(folder / "rows.db"), "--synchronous", synchronous)
            found.update(echo("durable", [size], 3 if quick else 10, *options))
    return found


def durable_latency(quick: bool, capacity: float) -> dict[str, Any]:
    """Durable echo for 64 agents at 20 % of what it can do, open loop."""
    with (
        scratch() as folder,
        floor_server("durable", "--database", str(folder / "rows.db")) as (url, pid),
        Load(url) as load,
    ):
        load.open(64)
        return loaded(load, pid, seconds=3 if quick else 10, rate=max(100, capacity * 0.2))


def disk(quick: bool) -> dict[str, Any]:
    """(iii) fdatasync."""
    with scratch() as folder:
        return fdatasync(folder, 500 if quick else 5_000)


def call(quick: bool) -> dict[str, Any]:
    """(iv) One Python function call with two arguments, the loop around it included; ns."""

    def larger(first: int, second: int) -> int:
        return first if first > second else second

    rounds = []
    for _ in range(100 if quick else 1_000):
        began = time.perf_counter_ns()
        for number in range(1_000):
            larger(number, 2)
        rounds.append(time.perf_counter_ns() - began)
    found = percentiles_us(rounds)  # a thousand calls in µs are one call in ns
    return {"p50_ns": found["p50"], "p99_ns": found["p99"]}


def idle(quick: bool, wire: str = "picows") -> dict[str, Any]:
    """(v) Memory of idle connections, and two storms; kernel socket buffers are not in PSS."""
    agents = 2_000 if quick else min(10_000, allow_open_files() - 200)
    with floor_server("echo", "--wire", wire) as (url, pid), Load(url) as load:
        load.open(50)
        time.sleep(0.5)
        empty = pss_kib(pid)
        storms = []
        held = []
        for again in (False, True):
            if again:
                load.drop()
                time.sleep(1)
            used = cpu_seconds(pid)
            storm = load.open(agents)
            used = cpu_seconds(pid) - used
            storm["per_cpu_s"] = round(storm["opened"] / used) if used else 0
            storms.append(storm)
            time.sleep(1)
            held.append(round((pss_kib(pid) - empty) / agents, 2))
        load.drop()
        time.sleep(2)
        left = round((pss_kib(pid) - empty) / agents, 2)
    return {
        "agents": agents,
        "kib_per_idle": held[0],
        "kib_per_idle_second_storm": held[1],
        "kib_left_after_all_are_gone": left,
        "empty_kib": empty,
        "storms": storms,
    }


def run(quick: bool) -> dict[str, Any]:
    """Every floor once."""
    allow_open_files()
    durable = durable_echo(quick)
    return {
        "machine": describe(quick),
        "bare_echo": bare_echo(quick),
        "durable_echo": durable,
        "durable_latency": durable_latency(quick, durable["64x1"]["per_second"]),
        "fdatasync_us": disk(quick),
        "call": call(quick),
        "idle": idle(quick),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes; figures scatter more"
    )
    parser.add_argument("--only", choices=("echo", "durable", "disk", "call", "idle", "sansio"), default="")
    given = parser.parse_args()
    one: dict[str, Callable[[bool], dict[str, Any]]] = {
        "echo": bare_echo,
        "durable": durable_echo,
        "disk": disk,
        "call": call,
        "idle": idle,
        "sansio": lambda quick: {
            "bare_echo": bare_echo(quick, "websockets-sansio"),
            "idle": idle(quick, "websockets-sansio"),
        },
    }
    print(json.dumps(one.get(given.only, run)(given.quick), indent=2))


if __name__ == "__main__":
    main()

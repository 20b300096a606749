"""The machine the figures come from, and what it is measured with: CPU, memory, disk. `python -m benchmarks.machine`"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("uvicorn", "uvloop", "httptools", "picows", "websockets", "msgspec", "cryptography")
SERVER_CPU, CLIENT_CPU = 0, 1


def describe(quick: bool = True) -> dict[str, Any]:
    """Everything a reader needs to compare a figure with his own machine, fdatasync included."""
    with scratch() as folder:
        disk = {"file_system": file_system(folder), "fdatasync": fdatasync(folder, 300 if quick else 3_000)}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
        "open_files": {"soft": soft, "hard": hard},
        "load_1min": round(os.getloadavg()[0], 2),
        "disk": disk,
    }


def cpu_model() -> str:
    """As Linux names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def file_system(folder: Path) -> str:
    """Type of the file system that holds `folder`."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        if len(mount) > len(best) and (folder.is_relative_to(mount)):
            best, kind = mount, found
    return kind


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder on a real disk, removed afterwards. A temporary file system would make fsync look free."""
    parent = Path(tempfile.gettempdir())
    if file_system(parent) in {"tmpfs", "ramfs"}:
        parent = ROOT / "benchmarks" / "results"
        parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fdatasync(folder: Path, rounds: int) -> dict[str, float]:
    """Appending 4 KiB and making it durable, µs: the least that a durable answer can cost."""
    descriptor = os.open(folder / "fdatasync", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    block = os.urandom(4_096)
    took = []
    try:
        for _ in range(rounds):
            began = time.perf_counter_ns()
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            took.append(time.perf_counter_ns() - began)
    finally:
        os.close(descriptor)
    return percentiles_us(took)


def percentiles_us(nanoseconds: Sequence[int]) -> dict[str, float]:
    """p50, p90, p99 and max in µs of durations in ns."""
    ordered = sorted(nanoseconds)
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1_000, 1)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_kib(pid: int) -> int:
    """Memory of a process, pages shared with others counted in proportion; kernel socket buffers not included."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss in smaps_rollup")


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS in status")


def pin(cpu: int) -> None:
    """Keep this process on one CPU when there are two or more, so that server and client do not disturb each other."""
    if len(os.sched_getaffinity(0)) > cpu and os.cpu_count() != 1:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[cpu]})


def allow_open_files() -> int:
    """Raise the soft limit of open files to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run(quick: bool) -> dict[str, Any]:
    return describe(quick)


def main() -> None:
    print(json.dumps(describe(quick=False), indent=2))


if __name__ == "__main__":
    main()

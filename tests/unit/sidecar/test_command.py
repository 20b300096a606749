"""One kept command with real processes: how it ends, what is heard, what is left (spec 2.4 *Executed work*, 2.5)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from watchfloor_agent.sidecar.command import Command, Ended
from watchfloor_agent.sidecar.leftovers import MARK, marked, sweep


def python(code: str, folder: Path, **options: int) -> Command:
    return Command(
        [sys.executable, "-c", code],
        cwd=folder,
        environment={"PATH": os.environ["PATH"], MARK: f"test-{folder}"},
        **options,  # type: ignore[arg-type]
    )


async def run(code: str, folder: Path, *, time_ms: int = 0, silence_ms: int = 0, **options: int) -> Ended:
    return await asyncio.wait_for(
        python(code, folder, **options).run(time_ms=time_ms, silence_ms=silence_ms), 30
    )


@pytest.mark.parametrize(
    ("code", "how", "number"),
    [
        ("pass", "exited", 0),
        ("raise SystemExit(7)", "exited", 7),
        ("import os; os.kill(os.getpid(), 11)", "signalled", 11),
        ("import os; os.close(1); os.close(2)", "exited", 0),
    ],
)
async def test_how_a_command_ended_is_told_as_it_was(
    tmp_path: Path, code: str, how: str, number: int
) -> None:
    ended = await run(code, tmp_path)
    assert (ended.how, ended.code) == (how, number)


async def test_output_is_heard_as_it_comes_and_kept_at_both_ends(tmp_path: Path) -> None:
    heard = bytearray()
    code = "import sys\nprint('begin')\nfor n in range(9999): print(n)\nprint('end'); sys.stderr.write('err')"
    ended = await python(code, tmp_path, output_bytes_max=400).run(hear=heard.extend)
    assert ended.stdout is not None and ended.stderr is not None
    assert heard.startswith(b"begin\n0\n") and heard.endswith(b"9998\nend\n")
    assert ended.stdout.text(300).startswith("begin") and ended.stdout.text(300).endswith("end\n")
    assert ended.stdout.left_out == len(heard) - 400
    assert ended.stderr.whole() == b"err"


async def test_standard_input_is_the_file_and_then_its_end(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x" * 300_000)
    command = Command(
        [sys.executable, "-c", "import sys; print(len(sys.stdin.read()))"],
        cwd=tmp_path,
        environment={},
        stdin=tmp_path / "in",
    )
    ended = await command.run()
    assert ended.stdout is not None
    assert ended.stdout.whole() == b"300000\n"


async def test_a_command_that_stops_in_good_order_has_the_grace_and_one_that_does_not_is_killed(
    tmp_path: Path,
) -> None:
    polite = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(3))\nprint('x', flush=True)\ntime.sleep(60)"
    ended = await run(polite, tmp_path, time_ms=1_000, grace_ms=20_000)
    assert (ended.how, ended.code) == ("timed_out", 3)
    assert ended.duration_ms < 10_000
    stubborn = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(60)"
    ended = await run(stubborn, tmp_path, time_ms=1_000, grace_ms=300)
    assert (ended.how, ended.code) == ("timed_out", 9)


async def test_a_family_that_left_group_session_and_environment_ends_with_its_command(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            os.execve('/bin/sleep', ['sleep', '300'], {})\n"
        "        os._exit(0)\n"
        "import time; time.sleep(0.3); print('bye')"
    )
    before = sleepers()
    ended = await run(code, tmp_path)
    assert (ended.how, ended.code) == ("exited", 0)
    assert sleepers() == before


def sleepers() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes() == b"sleep\x00300\x00":
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


async def test_silence_counts_from_the_last_output(tmp_path: Path) -> None:
    code = "import time\nfor _ in range(4):\n    print('x', flush=True); time.sleep(0.3)\ntime.sleep(60)"
    ended = await run(code, tmp_path, silence_ms=1_500, grace_ms=100)
    assert ended.how == "silent"
    assert ended.duration_ms > 2_000


async def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    for argv, cwd in (
        (["/no/such"], tmp_path),
        (["true"], tmp_path / "nowhere"),
        ([str(tmp_path)], tmp_path),
    ):
        ended = await Command(argv, cwd=cwd, environment={"PATH": "/usr/bin:/bin"}).run()
        assert ended.how == "not_started"
        assert ended.detail


async def test_stopping_before_the_start_ends_it_at_once(tmp_path: Path) -> None:
    command = python("import time; time.sleep(60)", tmp_path, grace_ms=100)
    command.stop()
    began = time.monotonic()
    assert (await command.run()).how == "stopped"
    assert time.monotonic() - began < 30


async def test_a_cancelled_wait_leaves_no_process(tmp_path: Path) -> None:
    running = asyncio.create_task(python("import time; time.sleep(60)", tmp_path).run())
    for _ in range(600):
        if len(marked(MARK, f"test-{tmp_path}")) >= 2:
            break
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for _ in range(600):
        if not marked(MARK, f"test-{tmp_path}"):
            break
        await asyncio.sleep(0.05)
    assert marked(MARK, f"test-{tmp_path}") == []


def test_sweeping_a_mark_nobody_bears_ends_nothing() -> None:
    assert sweep(MARK, "nobody at all") == 0

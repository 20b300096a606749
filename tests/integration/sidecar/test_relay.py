"""The sidecar through the running server: tasks in, command woken, results out (spec 2.5, scenario 12)."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.integration.sidecar.floor import Floor, Standing, appears, gone

from watchfloor_agent.registration import read_key, replace_key
from watchfloor_agent.rotating import key_id


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    server = Standing(tmp_path_factory.mktemp("server"))
    yield server
    server.end()


@pytest.fixture
async def floor(tmp_path: Path, standing: Standing) -> AsyncIterator[Floor]:
    async with Floor(tmp_path, standing) as found:
        yield found


async def test_a_task_reaches_a_real_command_and_its_result_the_platform(floor: Floor) -> None:
    await floor.sidecar(
        "same = json.load(open(os.environ['WATCHFLOOR_TASK_FILE'])) == task\n"
        "print('hello')\nprint('::progress 40 half of it')\n"
        "print('::result ' + json.dumps({'echo': task['input'], 'same': same}))\n"
    )
    found = await floor.ended(await floor.submit(input={"n": 3}))
    assert found["task"]["status"] == "succeeded"
    result = found["result"]
    assert result["echo"] == {"n": 3}
    assert result["same"] is True
    assert result["run"]["exit_code"] == 0
    assert result["run"]["wakes"] == 1
    assert "hello" in result["run"]["stdout"]


async def test_the_task_is_never_put_into_a_shell(floor: Floor, tmp_path: Path) -> None:
    await floor.sidecar("print(json.dumps({'title': task['title'], 'argv': len(sys.argv)}))")
    title = f"$(touch {tmp_path}/pwned); `id` ' \" && x"
    found = await floor.ended(await floor.submit(title=title))
    assert (found["result"]["title"], found["result"]["argv"]) == (title, 1)
    assert not (tmp_path / "pwned").exists()


async def test_a_command_that_does_not_exist_fails_with_its_name_after_every_wake(floor: Floor) -> None:
    await floor.sidecar("pass", argv=("/no/such/program",), wakes=2)
    found = await floor.ended(await floor.submit())
    assert found["task"]["status"] == "dead_letter"
    assert "/no/such/program" in str(found["timeline"]) + str(found)
    assert floor.sidecars[0].said().count("woken (") == 2


@pytest.mark.parametrize(("code", "attempts"), [(1, 2), (65, 1)])
async def test_the_exit_code_says_whether_another_attempt_is_useful(
    floor: Floor, code: int, attempts: int
) -> None:
    await floor.sidecar(f"print('::reason it broke'); sys.exit({code})")
    found = await floor.ended(await floor.submit(max_attempts=2))
    assert found["task"]["status"] == "dead_letter"
    assert found["task"]["attempts"] == attempts


async def test_a_temporary_failure_is_tried_again_here_and_now(floor: Floor, tmp_path: Path) -> None:
    mark = tmp_path / "once"
    await floor.sidecar(
        f"import pathlib\nmark = pathlib.Path({str(mark)!r})\n"
        "if not mark.exists():\n    mark.touch(); sys.exit(75)\n"
        "print(json.dumps({'wake': os.environ['WATCHFLOOR_WAKE']}))"
    )
    found = await floor.ended(await floor.submit())
    assert found["result"]["wake"] == "2"
    assert found["task"]["attempts"] == 1


async def test_what_is_too_slow_is_ended_with_everything_it_started(floor: Floor, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    await floor.sidecar(
        "import signal, subprocess\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['setsid', 'sleep', '600'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\ntime.sleep(600)",
        time_ms=1_500,
        grace_ms=200,
    )
    found = await floor.ended(await floor.submit())
    assert found["task"]["status"] == "dead_letter"
    for pid in (await appears(pids)).split():
        assert await gone(int(pid))


async def test_silence_is_taken_for_a_hang(floor: Floor) -> None:
    await floor.sidecar("print('x', flush=True); time.sleep(600)", silence_ms=500)
    task = await floor.submit()
    assert (await floor.ended(task))["task"]["status"] == "dead_letter"
    assert "silent" in floor.sidecars[0].said()


async def test_a_background_process_does_not_outlive_its_command(floor: Floor) -> None:
    await floor.sidecar(
        "import subprocess\nchild = subprocess.Popen(['setsid', 'sleep', '600'], env={}, stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL)\nprint(json.dumps({'pid': child.pid}))"
    )
    found = await floor.ended(await floor.submit())
    assert await gone(found["result"]["pid"])


async def test_a_cancelled_task_ends_its_command_and_reports_nothing(floor: Floor, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    await floor.sidecar(f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    task = await floor.submit()
    number = int(await appears(pid))
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/cancel", {"reason": "no"})
    assert await gone(number)
    for _ in range(600):  # views are a moment behind
        if (await floor.task(task))["task"]["status"] == "cancelled":
            break
        await asyncio.sleep(0.05)
    assert (await floor.task(task))["task"]["status"] == "cancelled"


async def test_progress_is_seen_while_the_command_works(floor: Floor, tmp_path: Path) -> None:
    go = tmp_path / "go"
    await floor.sidecar(
        "print('::blocked waiting for a licence', flush=True)\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.05)\n"
    )
    task = await floor.submit()
    for _ in range(600):
        if (await floor.task(task))["task"]["status"] == "blocked":
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("never blocked")
    go.touch()
    assert (await floor.ended(task))["task"]["status"] == "succeeded"


async def test_output_is_capped_and_without_secrets(floor: Floor) -> None:
    await floor.sidecar(
        "print('api_key=abcdef123456')\n"
        "for n in range(200_000): print('x' * 99)\n"
        "print('the end', flush=True); sys.stderr.write('password: hunter2\\n' * 10)\n"
    )
    found = await floor.ended(await floor.submit(), 60)
    run = found["result"]["run"]
    assert "abcdef123456" not in run["stdout"] and "hunter2" not in run["stderr"]
    assert "left out" in run["stdout"] and run["stdout"].rstrip().endswith("the end")
    assert len(run["stdout"]) < 20_000


async def test_the_key_and_the_token_do_not_reach_the_command(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_TOKEN", "wf_tok_secret")
    await floor.sidecar(
        "print(json.dumps({'seen': sorted(n for n in os.environ if n.startswith('WATCHFLOOR_'))}))"
    )
    found = await floor.ended(await floor.submit())
    assert "WATCHFLOOR_TOKEN" not in found["result"]["seen"]
    assert "WATCHFLOOR_TASK_FILE" in found["result"]["seen"]


async def test_a_key_that_expires_soon_is_rotated_by_the_sidecar_itself(floor: Floor) -> None:
    sidecar = await floor.sidecar("pass")
    await floor.ended(await floor.submit())
    await sidecar.end()
    agent = floor.agents["side"]
    keys = f"/api/v1/agents/{agent}/keys"
    issued = await asyncio.to_thread(floor.ada.post, keys, {"expires_in_days": 5})
    path = sidecar.folder / "agent.key"
    replace_key(path, issued["api_key"])
    await sidecar.start()
    for _ in range(600):
        if read_key(path) != issued["api_key"]:
            break
        await asyncio.sleep(0.05)
    assert key_id(read_key(path)) != issued["key_id"]
    await asyncio.to_thread(floor.ada.post, f"{keys}/{issued['key_id']}/revoke", {})
    assert (await floor.ended(await floor.submit()))["task"]["status"] == "succeeded"


async def test_a_revoked_key_ends_the_sidecar_and_its_command_with_a_word(
    floor: Floor, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    sidecar = await floor.sidecar(f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    await floor.submit()
    number = int(await appears(pid))
    key = key_id(read_key(sidecar.folder / "agent.key"))
    await asyncio.to_thread(floor.ada.post, f"/api/v1/agents/{floor.agents['side']}/keys/{key}/revoke", {})
    assert sidecar.process is not None
    assert await asyncio.wait_for(sidecar.process.wait(), 20) == 3
    assert await gone(number)
    assert "revoked" in sidecar.said() or "4003" in sidecar.said() or "key" in sidecar.said()


async def test_a_task_beyond_the_queue_is_turned_away_and_done_elsewhere(
    floor: Floor, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = (
        f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\nprint(json.dumps({{'by': sys.argv[0]}}))"
    )
    await floor.sidecar(wait, queue=0)
    tasks = [await floor.submit(max_attempts=50, backoff_ms=100) for _ in range(2)]
    for _ in range(600):
        if "is not taken: the sidecar holds 1 tasks already" in floor.sidecars[0].said():
            break
        await asyncio.sleep(0.05)
    await floor.sidecar("print('x')", "second", need="side")
    go.touch()
    for task in tasks:
        assert (await floor.ended(task))["task"]["status"] == "succeeded"


async def test_a_task_that_cannot_be_kept_is_not_acknowledged(floor: Floor) -> None:
    sidecar = await floor.sidecar("print('x')")
    await floor.ended(await floor.submit())
    db = sqlite3.connect(sidecar.folder / "spool.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")  # as a full disk would: no write gets through
    task = await floor.submit(max_attempts=1)
    found = await floor.ended(task)
    db.execute("ROLLBACK")
    db.close()
    assert found["task"]["status"] == "dead_letter"
    assert "cannot keep it" in sidecar.said()
    assert "task.accepted/1" not in [line["type"] for line in found["timeline"]]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("open(os.environ['WATCHFLOOR_RESULT_FILE'], 'w').write('{\"a\": 1.5}'); print('::result {\"a\": 2}')", {"a": "1.5"}),
        ("print('::result {\"a\": 1}'); print('{\"b\": 1}')", {"a": 1}),
        ("print('{\"b\": 1}'); print('bye')", {"b": 1}),
        ("print('{\\n \"c\":\\n 1}')", {"c": 1}),
        ("print('{\"watchfloor\": \"result\", \"result\": [1]}')", {"value": [1]}),
        ("print('::result {\"run\": 1, \"a\": 1}')", {"a": 1}),
        ("print('no result')", {}),
    ],
)  # fmt: skip
async def test_the_result_is_the_file_else_the_result_line_else_the_last_object(
    floor: Floor, script: str, expected: dict[str, object]
) -> None:
    await floor.sidecar(script)
    result = (await floor.ended(await floor.submit()))["result"]
    assert result.pop("run")["exit_code"] == 0
    assert result == expected


@pytest.mark.parametrize(
    "script",
    [
        "open(os.environ['WATCHFLOOR_RESULT_FILE'], 'w').write('{no')",
        "os.symlink('/etc/passwd', os.environ['WATCHFLOOR_RESULT_FILE'])",
        "os.mkfifo(os.environ['WATCHFLOOR_RESULT_FILE'])",
        "open(os.environ['WATCHFLOOR_RESULT_FILE'], 'w').write(json.dumps({'a': 'x' * 500_000}))",
        "open(os.environ['WATCHFLOOR_RESULT_FILE'], 'w').write(json.dumps({'a': list(range(20_000))}))",
        "open(os.environ['WATCHFLOOR_RESULT_FILE'], 'w').write('{\"a\": ' + '[' * 60 + ']' * 60 + '}')",
    ],
)
async def test_a_result_that_cannot_be_taken_fails_the_task_for_good(floor: Floor, script: str) -> None:
    await floor.sidecar(script)
    found = await floor.ended(await floor.submit(max_attempts=3))
    assert (found["task"]["status"], found["task"]["attempts"]) == ("dead_letter", 1)
    for _ in range(1_500):
        if "task:failed" in floor.sidecars[0].said():
            break
        await asyncio.sleep(0.02)
    assert "result" in floor.sidecars[0].said().rpartition("task:failed")[2]


async def test_a_paused_task_stands_still_with_all_its_processes_and_its_clock(
    floor: Floor, tmp_path: Path
) -> None:
    ticks = tmp_path / "ticks"
    await floor.sidecar(
        "import subprocess\n"
        f"subprocess.run(['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10; do echo x >> {ticks}; sleep 0.2; done'])\n",
        time_ms=6_000,
        grace_ms=100,
    )
    task = await floor.submit()
    await appears(ticks)
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/pause", {"reason": "wait"})
    for _ in range(1_500):
        if "is paused" in floor.sidecars[0].said():
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    seen = ticks.read_text(encoding="utf-8")
    await asyncio.sleep(5)  # longer than the time limit leaves
    assert ticks.read_text(encoding="utf-8") == seen
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/resume", {})
    found = await floor.ended(task)
    assert found["task"]["status"] == "succeeded"
    assert len(ticks.read_text(encoding="utf-8").splitlines()) == 10


async def test_a_paused_task_stays_paused_across_a_restart_and_can_be_cancelled(
    floor: Floor, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    sidecar = await floor.sidecar(f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(600)")
    task = await floor.submit()
    first = int((await appears(pids)).split()[0])
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/pause", {"reason": "wait"})
    for _ in range(1_500):
        if "is paused" in sidecar.said():
            break
        await asyncio.sleep(0.02)
    await sidecar.end(signal.SIGKILL)
    assert await gone(first), "a paused command ends with its sidecar too"
    await sidecar.start()
    await asyncio.sleep(1.5)
    assert len((await appears(pids)).split()) == 1, "woken while a person holds it"
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/resume", {})
    for _ in range(600):
        if len((await appears(pids)).split()) == 2:
            break
        await asyncio.sleep(0.05)
    second = int((await appears(pids)).split()[1])
    await asyncio.to_thread(floor.ada.post, f"/api/v1/tasks/{task}/cancel", {"reason": "no"})
    assert await gone(second)


async def test_folders_that_a_command_made_read_only_are_removed_all_the_same(floor: Floor) -> None:
    sidecar = await floor.sidecar(
        "os.makedirs('a/b'); open('a/b/c', 'w').write('x'); os.symlink('/etc', 'a/etc')\n"
        "os.chmod('a/b', 0o500); os.chmod('a', 0o500); sys.exit(75 if os.environ['WATCHFLOOR_WAKE'] == '1' else 0)"
    )
    assert (await floor.ended(await floor.submit()))["task"]["status"] == "succeeded"
    for _ in range(1_500):
        if not list((sidecar.folder / "tasks").iterdir()):
            break
        await asyncio.sleep(0.02)
    assert list((sidecar.folder / "tasks").iterdir()) == []

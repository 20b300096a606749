"""The platform runs a task's criteria itself, in real processes, within its limits (spec 2.4 *Verification*)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.views.history import START, History

from watchfloor.engine.effects import Effects, Registration, Undeliverable
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.limits import PRIVATE_BYTES_MAX
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.processes import effects_of
from watchfloor.runners.verification import VerificationTerms, Verifier
from watchfloor.work.messages import RecordVerification, TaskReported, VerifyTask

PROGRAMS = ("python", "ruff", "git", "test", "sleep", "no-such-program")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "repository").mkdir(parents=True)
    return made


def python(code: str, cwd: str = "repository") -> dict[str, Any]:
    return {"kind": "command", "argv": ["python", "-c", code], "cwd": cwd}


def checked(root: Path, *criteria: dict[str, Any], **limits: int) -> tuple[bool, dict[str, Any]]:
    """Run criteria as the platform would; the verdict and the report."""
    verifier = Verifier(VerificationTerms.of([root], PROGRAMS, **limits), private=_none, ask=_nobody)
    body = canonical({"criteria": list(criteria), "title": "mend it"})
    try:
        return verifier.check(body, threading.Event())
    finally:
        verifier.close()


def _none(org: int, seq: int) -> bytes | None:
    return None


async def _nobody(org: int, command: Command) -> None:
    raise AssertionError("nobody is asked here")


def test_a_criterion_holds_when_its_command_exits_0(root: Path) -> None:
    passed, report = checked(root, python("print('all good')"))
    (check,) = report["checks"]
    assert passed
    assert report["sandbox"] == "none"
    assert (check["outcome"], check["exit_code"], check["stdout"]) == ("exited", 0, "all good\n")
    assert check["duration_ms"] > 0


def test_real_analysers_judge_a_real_repository(root: Path) -> None:
    repository = root / "repository"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    source = repository / "main.py"
    source.write_text("import os\n")
    ruff = {"kind": "command", "argv": ["ruff", "check", "--no-cache", "."], "cwd": "repository"}
    git = {"kind": "command", "argv": ["git", "rev-parse", "--is-inside-work-tree"], "cwd": "repository"}
    passed, report = checked(root, git, ruff)
    assert not passed
    assert "F401" in report["checks"][1]["stdout"]
    source.write_text("print('hello')\n")
    passed, report = checked(root, git, ruff)
    assert passed
    assert [check["exit_code"] for check in report["checks"]] == [0, 0]


def test_the_first_criterion_that_fails_ends_the_check(root: Path) -> None:
    passed, report = checked(root, python("raise SystemExit(3)"), python("open('ran', 'w')"))
    assert not passed
    assert [check["exit_code"] for check in report["checks"]] == [3]
    assert not (root / "repository" / "ran").exists()


def test_a_command_gets_no_environment_but_a_path_no_input_and_a_group_of_its_own(root: Path) -> None:
    os.environ["WATCHFLOOR_TEST_SECRET"] = "leaked"
    try:
        code = (
            "import os, sys, json;"
            "print(json.dumps([sorted(os.environ), sys.stdin.read(), os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()]))"
        )
        passed, report = checked(root, python(code))
    finally:
        del os.environ["WATCHFLOOR_TEST_SECRET"]
    assert passed
    names, read, leads_group, leads_session = json.loads(report["checks"][0]["stdout"])
    assert set(names) <= {"PATH", "LC_CTYPE"}  # Python sets the locale for itself
    assert (read, leads_group, leads_session) == ("", True, True)


def test_arguments_reach_the_program_as_they_are_and_no_shell_reads_them(root: Path) -> None:
    odd = "$(touch pwned); `touch pwned` > pwned && *"
    passed, report = checked(
        root,
        {
            "kind": "command",
            "argv": ["python", "-c", "import sys; print(sys.argv[1])", odd],
            "cwd": "repository",
        },
    )
    assert passed
    assert report["checks"][0]["stdout"] == odd + "\n"
    assert not list((root / "repository").glob("*pwned*"))


@pytest.mark.parametrize(
    ("criterion", "why"),
    [
        ({"kind": "command", "argv": ["sh", "-c", "true"], "cwd": "repository"}, "not on the list"),
        ({"kind": "command", "argv": [sys.executable, "-V"], "cwd": "repository"}, "not on the list"),
        ({"kind": "command", "argv": ["./python"], "cwd": "repository"}, "not on the list"),
        ({"kind": "command", "argv": ["no-such-program"], "cwd": "repository"}, "not on the list"),
        ({"kind": "command", "argv": ["python", "-V"], "cwd": "/"}, "inside the roots"),
        ({"kind": "command", "argv": ["python", "-V"], "cwd": ".."}, "inside the roots"),
        ({"kind": "command", "argv": ["python", "-V"], "cwd": "repository/../../.."}, "inside the roots"),
        ({"kind": "command", "argv": ["python", "-V"], "cwd": "outside"}, "inside the roots"),
        ({"kind": "command", "argv": ["python", "-V"], "cwd": "missing"}, "inside the roots"),
        ({"kind": "command", "argv": [], "cwd": ""}, "cannot be checked"),
        ({"kind": "file_exists", "path": "x"}, "cannot be checked"),
        ({"argv": "ls"}, "cannot be checked"),
    ],
)
def test_what_is_not_allowed_is_refused_and_has_failed(
    root: Path, criterion: dict[str, Any], why: str
) -> None:
    (root / "outside").symlink_to("/")
    passed, report = checked(root, criterion)
    (check,) = report["checks"]
    assert not passed
    assert (check["outcome"], check["exit_code"]) == ("refused", -1)
    assert why in check["detail"]


def test_without_a_root_nothing_runs(root: Path) -> None:
    verifier = Verifier(VerificationTerms.of([], PROGRAMS), private=_none, ask=_nobody)
    passed, report = verifier.check(
        canonical({"criteria": [python("print()", str(root))]}), threading.Event()
    )
    verifier.close()
    assert not passed
    assert report["checks"][0]["detail"] == "no root is configured"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (None, "criteria_erased"),
        (b"not json", "criteria_unreadable"),
        (b'{"criteria":"ls"}', "criteria_unreadable"),
        (b'{"title":"no criteria"}', "criteria_unreadable"),
        (canonical({"criteria": [python("1")] * 33}), "criteria_unreadable"),
    ],
)
def test_criteria_that_cannot_be_read_have_failed_and_the_report_says_why(
    root: Path, body: bytes | None, detail: str
) -> None:
    verifier = Verifier(VerificationTerms.of([root], PROGRAMS), private=_none, ask=_nobody)
    passed, report = verifier.check(body, threading.Event())
    verifier.close()
    assert (passed, report["detail"], report["checks"]) == (False, detail, [])


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] not in ("Z", "X")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


GRANDCHILD = (
    "import subprocess, sys; child = subprocess.Popen(['sleep', '60']);"
    "open('pid', 'w').write(str(child.pid)); print('started', flush=True);"
)


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        ("", "exited"),
        ("import time; time.sleep(60)", "timed_out"),
        ("import os; os.kill(os.getpid(), 11)", "killed"),
    ],
)
def test_however_a_command_ends_what_it_started_ends_with_it(root: Path, rest: str, outcome: str) -> None:
    begin = time.monotonic()
    _, report = checked(root, python(GRANDCHILD + rest), command_ms=1_500)
    assert time.monotonic() - begin < 30, "a grandchild that holds the pipe is not waited for"
    (check,) = report["checks"]
    assert (check["outcome"], check["stdout"]) == (outcome, "started\n")
    assert gone(int((root / "repository" / "pid").read_text()))


def test_a_command_that_ignores_being_told_to_stop_is_stopped(root: Path) -> None:
    code = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(60)"
    begin = time.monotonic()
    passed, report = checked(root, python(code), command_ms=500)
    assert not passed
    assert time.monotonic() - begin < 30
    assert report["checks"][0]["outcome"] == "timed_out"


def test_all_criteria_together_have_a_time_limit(root: Path) -> None:
    slow = python("import time; time.sleep(0.4)")
    passed, report = checked(root, slow, slow, slow, slow, all_ms=600)
    assert not passed
    assert report["checks"][-1]["outcome"] in ("timed_out", "refused")
    assert len(report["checks"]) < 4


def test_output_without_end_is_bounded_while_it_is_read(root: Path) -> None:
    code = "import sys\nwhile True: sys.stdout.write('flood ' * 1000)"
    passed, report = checked(root, python(code), command_ms=700)
    (check,) = report["checks"]
    assert not passed
    assert "bytes left out" in check["stdout"]
    assert len(check["stdout"]) < 20_000


def test_secrets_and_colours_do_not_reach_the_report(root: Path) -> None:
    code = "import sys; print('\\x1b[31mtoken=abc123\\x1b[0m'); print('password: hunter2', file=sys.stderr)"
    _, report = checked(root, python(code))
    (check,) = report["checks"]
    assert (check["stdout"], check["stderr"]) == ("token=[redacted]\n", "password: [redacted]\n")
    assert "abc123" not in json.dumps(report["checks"][0]["stdout"])


class Platform:
    """What the verifier needs of the rest: criteria by seq, and somebody to ask."""

    def __init__(self, criteria: list[dict[str, Any]]) -> None:
        self.history = History()
        self.bodies = {1: canonical({"criteria": criteria})}
        self.asked: list[RecordVerification] = []
        self.refusals: list[Refused] = []
        self.told = asyncio.Event()

    def private(self, org: int, seq: int) -> bytes | None:
        return self.bodies.get(seq)

    async def ask(self, org: int, command: Command) -> None:
        assert isinstance(command, RecordVerification)
        if self.refusals:
            raise self.refusals.pop(0)
        self.asked.append(command)
        self.told.set()

    def report(self) -> Event:
        return self.history.add(TaskReported(agent=1, cost_micro=0, generation=2, tokens=0), 1, private=True)


async def test_a_reported_task_is_checked_and_the_verdict_goes_back_to_the_rules(
    root: Path, tmp_path: Path
) -> None:
    platform = Platform([python("print('fine')")])
    verifier = Verifier(VerificationTerms.of([root], PROGRAMS), private=platform.private, ask=platform.ask)
    effects = Effects(
        tmp_path / "effects.db",
        react=effects_of,
        executors={VerifyTask: Registration(executor=verifier)},
        read=platform.history.read,
        clock=lambda: START,
    )
    await effects.start({1: 0})
    effects.apply(1, [platform.report()])
    await asyncio.wait_for(platform.told.wait(), 20)
    await effects.close()
    verifier.close()
    (command,) = platform.asked
    assert (command.subject, command.generation, command.passed) == (1, 2, True)
    report = json.loads(command.private)
    assert report["sandbox"] == "none"
    assert report["checks"][0]["stdout"] == "fine\n"
    assert command.private == canonical(report)


async def test_a_refusal_for_good_is_undeliverable_and_one_for_now_is_tried_again(root: Path) -> None:
    platform = Platform([python("print()")])
    verifier = Verifier(VerificationTerms.of([root], PROGRAMS), private=platform.private, ask=platform.ask)
    event = platform.report()
    (effect,) = effects_of(event)
    assert isinstance(effect, VerifyTask)
    platform.refusals = [
        Refused("unknown_task", "no such task"),
        Refused("unavailable", "later", retryable=True),
    ]
    with pytest.raises(Undeliverable, match="unknown_task"):
        await verifier(1, event, effect)
    with pytest.raises(Refused, match="unavailable"):
        await verifier(1, event, effect)
    await verifier(1, event, effect)
    verifier.close()
    assert len(platform.asked) == 1


async def test_a_check_nobody_wants_any_more_runs_nothing(root: Path) -> None:
    platform = Platform([python("open('ran', 'w')")])
    verifier = Verifier(
        VerificationTerms.of([root], PROGRAMS),
        private=platform.private,
        ask=platform.ask,
        wanted=lambda org, effect: effect.generation > 2,
    )
    event = platform.report()
    (effect,) = effects_of(event)
    assert isinstance(effect, VerifyTask)
    await verifier(1, event, effect)
    verifier.close()
    assert platform.asked == []
    assert list((root / "repository").iterdir()) == []


async def test_a_cancelled_check_kills_its_command(root: Path) -> None:
    platform = Platform([python(GRANDCHILD + "import time; time.sleep(60)")])
    verifier = Verifier(VerificationTerms.of([root], PROGRAMS), private=platform.private, ask=platform.ask)
    event = platform.report()
    (effect,) = effects_of(event)
    assert isinstance(effect, VerifyTask)
    task = asyncio.create_task(verifier(1, event, effect))
    pid_file = root / "repository" / "pid"
    pid = await asyncio.to_thread(_written, pid_file)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(gone, pid)
    verifier.close()
    assert platform.asked == []


def _written(path: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError("the command did not start")


async def test_the_longest_report_still_fits_a_private_part(root: Path) -> None:
    code = "import sys; [s.write('\\U0001f525\"' * 400_000) for s in (sys.stdout, sys.stderr)]"
    criteria = [
        {
            "kind": "command",
            "argv": ["python", "-c", code, *(["\U0001f525" * 4_000] * 8)],
            "cwd": "repository",
        }
    ] * 32
    platform = Platform(criteria)
    verifier = Verifier(VerificationTerms.of([root], PROGRAMS), private=platform.private, ask=platform.ask)
    event = platform.report()
    (effect,) = effects_of(event)
    assert isinstance(effect, VerifyTask)
    await verifier(1, event, effect)
    verifier.close()
    (command,) = platform.asked
    assert command.passed
    assert len(command.private) < PRIVATE_BYTES_MAX
    assert len(json.loads(command.private)["checks"]) == 32

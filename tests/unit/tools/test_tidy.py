"""Each house rule of tools/tidy.py is shown to bite, and to leave alone what it should."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "tidy.py"
GLOSSARY = """# Glossary

| `user` | outside the section, means nothing | |

## Words we do not use

| not | but | except in |
|---|---|---|
| `user` | person | `user_agent`, `user_version` |
| `approval request` | decision | |
"""


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tidy_under_test", TOOL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


tidy = load_tool()
Findings = Callable[..., list[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "GLOSSARY.md").write_text(GLOSSARY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def check(project: Path) -> Findings:
    """Write one file, run one rule, return what it said."""

    def run(rule: str, path: str, text: str) -> list[str]:
        target = project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return [f.what for f in tidy.examine(project, [rule])]

    return run


def function_of(lines: int, docstring_lines: int = 0) -> str:
    doc = '    """' + "x\n    " * (docstring_lines - 1) + '"""\n' if docstring_lines else ""
    return "def long_one() -> None:\n" + doc + "    a = 1\n" * (lines - 1)


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"),
    [
        ("function-size", "src/a.py", function_of(71), function_of(70)),
        ("function-size", "src/a.py", function_of(71, 5), function_of(65, 40)),
        ("one-word", "src/a.py", "def f(user_id: int) -> None: ...", "def f(person_id: int) -> None: ..."),
        ("one-word", "src/a.py", "class UserSession: ...", "class PersonSession: ..."),
        ("one-word", "src/a.py", "users_user = 1", "user_agent = 1; user_version = 2; superuser = 3"),
        ("one-word", "src/a.py", "class ApprovalRequest: ...", "class ApprovalRoute: ..."),
        ("one-word", "src/a.py", "for user in []: pass", "x = request.user"),
        ("unfinished", "src/a.py", "x = 1  # TO" + "DO later", "x = 1  # TO" + "DO(#12) widen"),
        ("unfinished", "src/a.ts", "// PLACE" + "HOLDER", "<input placeholder='name'>"),
        ("unfinished", "src/a.py", "# PLACE" + "HOLDER(#12)", "# fixmes are todos"),
        ("unfinished", "deploy/a.yaml", "# FIX" + "ME", "# fixed"),
        ("stub", "src/a.py", "def f() -> int: ...", "class P(Protocol):\n    def f(self) -> int: ..."),
        ("stub", "src/a.py", "def f():\n    raise NotImplementedError", "@abstractmethod\ndef f():\n    ..."),
        ("stub", "src/a.py", 'def f():\n    """Doc."""\n    ...', '@typing.overload\ndef f():\n    """Doc."""\n    ...'),
        ("stub", "src/a.py", "async def f(): ...", "def f():\n    if a:\n        raise NotImplementedError\n    b()"),
        ("spec-reference", "src/watchfloor/work/rules.py", '"""Rules."""', '"""Rules (spec 02 §2.4)."""'),
        ("spec-reference", "src/watchfloor/work/rules.py", "x = 1", '"""Leases, DESIGN §2."""'),
        ("machine-path", "README.md", "see /home/" + "alice/x", "see https://x.org/home/alice"),
        ("machine-path", "src/a.py", "p = '/Users/" + "bob'", "p = root / 'x'"),
        ("purity", "src/watchfloor/kernel/a.py", "x = datetime.now()", "x = command.now()"),
        ("purity", "src/watchfloor/work/a.py", "x = dt.date.today()", "x = today(at)"),
        ("purity", "src/watchfloor/registers/a.py", "x = hash(y)", "x = digest.hash(y)"),
        ("purity", "src/watchfloor/processes/a.py", "with open('x') as f: pass", "reopen(x)"),
        ("lone-verifier", "src/watchfloor_verify.py", "import msgspec", "import json, hashlib"),
        ("lone-verifier", "src/watchfloor_verify.py", "from watchfloor.kernel import x", "from sqlite3 import connect"),
        ("lone-verifier", "src/watchfloor_verify.py", "from . import x", "from __future__ import annotations"),
        ("dead-link", "docs/a.md", "[x](../NOPE.md)", "[x](../GLOSSARY.md#words) [y](https://x.org/z)"),
        ("dead-link", "docs/a.md", "[x](b.md)", "```\n[x](b.md)\n```"),
    ],
)  # fmt: skip
def test_a_rule_bites_the_bad_and_passes_the_good(
    check: Findings, rule: str, path: str, bad: str, good: str
) -> None:
    assert check(rule, path, bad)
    assert check(rule, path, good) == []


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        ("src/watchfloor/utils.py", True),
        ("src/watchfloor/core/x.py", True),
        ("src/watchfloor/task_manager.py", True),
        ("tests/unit/test_models.py", True),
        ("dashboard/src/helpers/x.ts", True),
        ("src/watchfloor/pacing.py", False),
        ("src/watchfloor/baseline.py", False),
        ("deploy/watchfloor.service", False),
        (".github/common.yml", False),
    ],
)
def test_names_that_hide_a_missing_noun_are_refused(check: Findings, path: str, bad: bool) -> None:
    assert bool(check("banned-name", path, "x = 1\n")) is bad


def test_the_purity_rule_leaves_the_shell_alone(check: Findings) -> None:
    assert check("purity", "src/watchfloor/engine/clock.py", "x = datetime.now()") == []


def test_the_glossary_rule_leaves_tests_alone(check: Findings) -> None:
    assert check("one-word", "tests/test_a.py", "user = 1") == []


def test_the_checkout_itself_is_a_machine_path(project: Path, check: Findings) -> None:
    assert check("machine-path", "src/a.py", f"root = '{project}/var'") == [str(project)]


def test_an_allowance_needs_its_reason(check: Findings) -> None:
    line = "p = '/home/" + "alice'  # tidy: allow machine-path:"
    assert check("machine-path", "src/a.py", line)
    assert check("machine-path", "src/a.py", line + " hostile input") == []
    assert check("machine-path", "src/a.py", line.replace("machine-path", "stub") + " hostile input")


def test_a_big_file_warns_and_a_huge_one_fails(project: Path, check: Findings) -> None:
    assert check("file-size", "src/a.py", "x = 1\n" * 400) == []
    assert check("file-size", "dashboard/src/api/schema.gen.ts", "x\n" * 900) == [], "nobody reads it"
    assert (
        check("file-size", "src/a.py", "x = 1\n" * 401)
        and tidy.report(tidy.examine(project, ["file-size"])) == 0
    )
    assert (
        check("file-size", "src/a.py", "x = 1\n" * 601)
        and tidy.report(tidy.examine(project, ["file-size"])) == 1
    )


def test_the_ratchet_lets_a_recorded_file_shrink_and_not_grow(project: Path, check: Findings) -> None:
    check("file-size", "src/a.py", "x = 1\n" * 450)
    (project / "tools").mkdir()
    assert tidy.write_ratchet(project) == {"src/a.py": 450}
    assert check("file-size", "src/a.py", "x = 1\n" * 450) == []
    assert (
        check("file-size", "src/a.py", "x = 1\n" * 451)
        and tidy.report(tidy.examine(project, ["file-size"])) == 1
    )
    assert tidy.write_ratchet(project) == {"src/a.py": 450}, "recording again never raises a size"
    check("file-size", "src/a.py", "x = 1\n" * 420)
    assert tidy.write_ratchet(project) == {"src/a.py": 420}
    check("file-size", "src/a.py", "x = 1\n" * 399)
    assert tidy.write_ratchet(project) == {}


def test_a_new_file_cannot_be_recorded_over_the_hard_limit(project: Path, check: Findings) -> None:
    check("file-size", "src/a.py", "x = 1\n" * 700)
    (project / "tools").mkdir()
    tidy.write_ratchet(project)
    assert tidy.report(tidy.examine(project, ["file-size"])) == 1


def test_git_ignored_files_are_not_looked_at(project: Path, check: Findings) -> None:
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / ".gitignore").write_text("src/made/\n", encoding="utf-8")
    assert check("unfinished", "src/made/a.py", "# FIX" + "ME\n") == []
    assert check("unfinished", "src/b.py", "# FIX" + "ME\n")


def test_the_command_fails_with_the_reason_of_the_rule(project: Path, check: Findings) -> None:
    check("unfinished", "src/a.py", "# FIX" + "ME\n")
    done = subprocess.run(
        [sys.executable, str(TOOL), "--root", str(project)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Incomplete work does not merge" in done.stdout
    assert "src/a.py:1" in done.stdout


def test_every_rule_teaches() -> None:
    assert all(rule.__doc__ and len(rule.__doc__) > 60 for rule in tidy.RULES.values())


def test_the_recorded_sizes_of_this_project_are_within_the_hard_limit() -> None:
    recorded = TOOL.parent / "tidy_ratchet.json"
    sizes = json.loads(recorded.read_text(encoding="utf-8"))["file_lines_max"]
    assert all(size <= tidy.FILE_LINES_HARD for size in sizes.values())

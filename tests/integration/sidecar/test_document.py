"""docs/sidecar.md says what is so: its program runs, its tables are the code's, its options exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.sidecar.floor import Standing

from watchfloor_agent.sidecar import repository, settings, worker
from watchfloor_agent.sidecar.lines import Lines

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "sidecar.md").read_text(encoding="utf-8")
WATCHFLOOR = Path(sys.executable).with_name("watchfloor")


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    server = Standing(tmp_path / "server")
    yield server
    server.end()


def test_the_first_program_becomes_an_agent_by_the_command_beside_it(
    standing: Standing, tmp_path: Path
) -> None:
    program = re.findall(r"```sh answer\.sh\n(.+?)```", TEXT, re.DOTALL)[0]
    command = re.findall(r"```sh\nwatchfloor (agent add .+?)\s+#", TEXT)[0]
    (tmp_path / "answer.sh").write_text(program, encoding="utf-8")
    (tmp_path / "answer.sh").chmod(0o755)
    told = {"WATCHFLOOR_URL": standing.url, "WATCHFLOOR_TOKEN": standing.ada.profile.token}
    words = ["agent", "add", "calm-heron", "--exec", "./answer.sh"]
    assert command == f"{' '.join(words[:4])} '{words[4]}'"

    def type_in(*line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [WATCHFLOOR, *line], cwd=tmp_path, env={**os.environ, **told}, capture_output=True, text=True
        )

    try:
        added = type_in(*words)
        assert added.returncode == 0, added.stderr
        shown = [line.split()[1] for line in added.stderr.splitlines() if line.startswith("ok ")]
        block = re.findall(r"```text\n(.+?)```", TEXT, re.DOTALL)[0]
        assert shown == [line.split()[1] for line in block.splitlines()]
        tasks = standing.ada.get("/api/v1/tasks")["items"]
        result = standing.ada.get(f"/api/v1/tasks/{tasks[0]['task_id']}")["result"]
        assert result["answer"] == 42
        assert set(result["run"]) == {"exit_code", "duration_ms", "cpu_ms", "wakes", "stdout", "stderr"}
    finally:
        assert type_in("agent", "remove", "calm-heron").returncode == 0


def test_every_option_it_names_exists() -> None:
    named = set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)", TEXT)) | set(
        re.findall(r"(?<=[\s`])(--[a-z][a-z-]+)", TEXT)
    )
    helped = "".join(
        subprocess.run([WATCHFLOOR, *words, "--help"], capture_output=True, text=True, check=True).stdout
        for words in (["sidecar"], ["agent", "add"], ["agent", "remove"])
    )
    foreign = {"--head", "--title", "--body", "--user", "--now"}  # of gh and systemctl
    assert {option for option in named - foreign if option not in helped} == set()


def test_the_exit_codes_are_the_codes() -> None:
    row = re.findall(r"\| ([\d, \u2013]+) \| failed, and another attempt is useless", TEXT)[0]
    codes: set[int] = set()
    for piece in row.split(", "):
        first, _, last = piece.partition("\u2013")
        codes |= set(range(int(first), int(last or first) + 1))
    assert codes == set(settings.FINAL_EXITS)
    assert f"| {settings.AGAIN_EXIT} | not now" in TEXT
    assert f"{worker.RESULT_BYTES_MAX // 1024} KiB" in TEXT
    assert f"{worker.OUTPUT_CHARS_MAX // 1024} Ki characters" in TEXT


def test_every_line_it_shows_is_understood() -> None:
    lines = Lines(lambda: None)
    shown = re.findall(r"^\| `(::.+?)` \|", TEXT, re.MULTILINE)
    assert len(shown) == 5
    for line in shown:
        lines.feed(line.encode() + b"\n")
    heard = lines.heard
    assert (heard.percent, heard.message, heard.blocked) == (40, "waiting for a licence", True)
    assert (heard.tokens, heard.cost_micro, heard.reason) == (1200, 3400, "the tests do not compile")
    assert heard.result == {"files": 3}


def test_the_protected_branches_and_the_criterion_are_what_it_says() -> None:
    sentence = re.findall(r"\*\*Never on main\.\*\*(.+?), the base", TEXT, re.DOTALL)[0]
    assert set(re.findall(r"`(.+?)`", sentence)) | {"release"} == set(repository.PROTECTED)
    criterion = json.loads(re.findall(r'```json\n(\{"kind".+?)```', TEXT, re.DOTALL)[0])
    assert criterion["branch"].startswith("task/")

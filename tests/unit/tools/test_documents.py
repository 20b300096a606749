"""What the documents promise is there: targets of the Makefile, the README's agent, the decisions' index."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import watchfloor_agent

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "STYLE.md", "SECURITY.md", "CHANGELOG.md"]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    code = re.findall(r"`([^`\n]+)`|^    (make .+)$", text, re.MULTILINE)
    commands = [command for pair in code for command in pair if command.startswith("make ")]
    named = {word for c in commands for word in c.split("#")[0].split()[1:] if re.fullmatch(r"[a-z-]+", word)}
    assert named <= targets()


WRITTEN = sorted(
    p.relative_to(ROOT).as_posix() for place in ("", "decisions", "docs") for p in (ROOT / place).glob("*.md")
)


@pytest.mark.parametrize("document", WRITTEN)
def test_every_file_of_the_project_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:src|tests|tools|examples|docs|protocol|decisions|benchmarks|requirements)/[\w./-]+)`", text
    )
    missing = [name for name in named if not (ROOT / name).exists() and not list(ROOT.glob(f"{name}-*.md"))]
    assert missing == []


def test_help_lists_every_target_a_person_would_call() -> None:
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"make ([a-z-]+)", done.stdout))
    assert listed >= {"help", "run", "demo", "test", "test-long", "check", "bench", "docs", "clean"}
    assert listed <= targets()


def test_the_agent_of_the_readme_asks_before_it_pays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.+?)```", readme, re.DOTALL)[0]
    transfers: list[Any] = []
    ran: list[watchfloor_agent.Agent] = []
    watchfloor_agent.write_key(tmp_path / "agent.key", "wf_key_x_y")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watchfloor_agent.Agent, "run", lambda agent: ran.append(agent))
    scope: dict[str, Any] = {"bank": SimpleNamespace(transfer=lambda *a: transfers.append(a))}
    exec(compile(code, "README.md", "exec"), scope)  # our own document is what is under test
    assert ran == [scope["agent"]]
    with pytest.raises(watchfloor_agent.WatchfloorError):
        asyncio.run(scope["pay"]("somebody", 1200))
    assert transfers == [], "without a server there is no grant, and without a grant no transfer"


def test_every_decision_is_in_the_index_and_has_its_four_parts() -> None:
    index = (ROOT / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = sorted(p for p in (ROOT / "decisions").glob("*.md") if p.name != "README.md")
    assert [int(p.name[:4]) for p in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert f"({page.name})" in index
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Context", "Decision", "Given up", "How it is checked",
        ], page.name  # fmt: skip
        assert int(re.match(r"# (\d+)\. ", text).group(1)) == int(page.name[:4])  # type: ignore[union-attr]

"""tools/environment.py does nothing exactly when nothing it depends on has changed."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools" / "environment.py"


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment_under_test", TOOL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(TOOL.parent))  # as it is when the tool is run
    spec.loader.exec_module(module)
    return module


environment = load_tool()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose environment was just installed for `demo`."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "demo.lock").write_text("a==1", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname='x'\n[tool.ruff]\nline-length=1\n", encoding="utf-8"
    )
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    stamp = environment.stamp_path("demo", tmp_path / ".venv")
    stamp.write_text(environment.wanted_digest("demo", tmp_path), encoding="utf-8")
    return tmp_path


def test_an_unchanged_project_needs_nothing(project: Path) -> None:
    assert environment.is_current("demo", project)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements/demo.lock", "a==2"),
        ("pyproject.toml", "[project]\nname='x'\nscripts={w='a:b'}\n"),
        (".venv/.installed-demo", ""),
    ],
)
def test_a_changed_lock_package_or_stamp_installs_again(project: Path, path: str, text: str) -> None:
    (project / path).write_text(text, encoding="utf-8")
    assert not environment.is_current("demo", project)


def test_settings_of_tools_do_not_install_again(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        "[project]\nname='x'\n[tool.ruff]\nline-length=2\n", encoding="utf-8"
    )
    assert environment.is_current("demo", project)


def test_a_moved_checkout_installs_again(project: Path) -> None:
    moved = project.rename(project.parent / "moved")
    assert not environment.is_current("demo", moved)


def test_a_lost_interpreter_installs_again(project: Path) -> None:
    (project / ".venv" / "bin" / "python").unlink()
    assert not environment.is_current("demo", project)


def test_a_wrong_argument_says_how_to_call_it() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "nope"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "demo|dev" in done.stderr


@pytest.mark.parametrize("name", ["runtime", "demo", "dev"])
def test_a_lock_pins_every_package_by_hash_and_names_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z])", text.partition("\n")[2].split("\n", 1)[1])
    assert len(blocks) > 40
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)
    assert "://" not in text and "--index" not in text and "find-links" not in text


def test_the_smaller_locks_agree_with_the_developers_lock() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9._-]+==[^ ;\\]+)", text, re.MULTILINE))

    assert pins("runtime") <= pins("demo") <= pins("dev")

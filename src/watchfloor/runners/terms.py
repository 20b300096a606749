"""Where checks may look and what they may start, from the configuration (spec 2.4 *Verification*)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

COMMAND_MS_MAX = 300_000  # an analyser on a large repository; a check that takes longer belongs into CI
VERIFICATION_MS_MAX = 1_800_000  # all criteria together: half of what the rules wait for a verification


class Refusal(Exception):
    """The criterion cannot be checked here; the text says why, to the people who read the report."""


def search_path() -> str:
    """Where programs are looked for, and the only PATH they get: beside our own interpreter, then the system's."""
    return os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])


class VerificationTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Folders in which criteria may look and run, and the programs that commands may begin with."""

    roots: tuple[Path, ...]
    programs: Mapping[str, str]  # name → absolute path
    path: str
    command_ms: int = COMMAND_MS_MAX
    all_ms: int = VERIFICATION_MS_MAX

    @classmethod
    def of(cls, roots: Iterable[str | Path], commands: Iterable[str], **limits: int) -> VerificationTerms:
        """Terms with names looked up now. Names that are not installed are left out, and refused when they come."""
        path = search_path()
        found = {name: program for name in commands if (program := shutil.which(name, path=path))}
        resolved = tuple(Path(root).resolve() for root in roots)
        return cls(roots=resolved, programs=found, path=path, **limits)

    def program(self, name: str) -> str:
        """The program's path. Raises Refusal unless the bare name is on the list."""
        program = self.programs.get(name)
        if program is None:
            raise Refusal(f"program {name[:64]!r} is not on the list of this server")
        return program

    def folder(self, cwd: str) -> Path:
        """The folder, links resolved. Raises Refusal unless it exists inside a root. Relative ones are of any root."""
        for _, folder in self.places(cwd):
            if folder.is_dir():
                return folder
        raise Refusal(
            "cwd is not a folder inside the roots of this server" if self.roots else "no root is configured"
        )

    def places(self, path: str) -> list[tuple[Path, Path]]:
        """(root, what the path names inside it, links resolved), for every root in which it stays. It may not exist."""
        if "\0" in path:
            raise Refusal("not a path")
        found = []
        for root in self.roots:
            try:
                place = (root / path).resolve()
            except (OSError, RuntimeError):  # links in a circle, a name too long
                continue
            if place.is_relative_to(root):
                found.append((root, place))
        return found

    def contains(self, path: Path) -> bool:
        """Is it inside a root, links resolved?"""
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError):
            return False
        return any(resolved.is_relative_to(root) for root in self.roots)

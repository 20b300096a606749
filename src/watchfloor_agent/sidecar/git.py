"""Calls of git that a hostile repository cannot turn against us: no hooks, no prompts, no surprising transports.

What a command leaves in its own clone (configuration, hooks, attributes, an index with flags) is never in force here:
the sidecar's calls have a git directory of their own and read the clone only as a remote and as files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from watchfloor_agent.sidecar.command import Command, Ended
from watchfloor_agent.sidecar.leftovers import MARK

OUTPUT_BYTES_MAX = 8 * 1024 * 1024
ERROR_CHARS_MAX = 600
_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "push.followTags=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "advice.addEmbeddedRepo=false",
)
_KEPT = (
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_CONFIG_GLOBAL",
    "GIT_ASKPASS",
)  # how the operator reaches the remote


class Trouble(Exception):
    """The git workflow cannot go on; `retryable`: another attempt may do better."""

    def __init__(self, reason: str, *, retryable: bool = True) -> None:
        super().__init__(reason)
        self.retryable = retryable


class GitFailed(Trouble):
    """A call of git ended badly; `code` is its exit code, -1 when it was cut off."""

    def __init__(self, said: str, code: int, output: str) -> None:
        super().__init__(said)
        self.code = code
        self.output = output


class Git:
    """git in one folder for one sidecar. `time_ms` bounds each call; `fixed` is part of every call's environment."""

    def __init__(self, folder: Path, mark: str, time_ms: int, fixed: Mapping[str, str]) -> None:
        self._fixed = fixed
        self._folder = folder
        self._mark = mark
        self._time_ms = time_ms

    async def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """What it printed. Raises GitFailed."""
        options = [word for option in _OPTIONS for word in ("-c", option)]
        command = Command(
            ["git", *options, *arguments],
            cwd=self._folder,
            environment={**self._environment(), **self._fixed, **(environment or {})},
            output_bytes_max=OUTPUT_BYTES_MAX,
        )
        ended = await command.run(time_ms=self._time_ms)
        assert ended.stdout is not None
        output = ended.stdout.whole().decode("utf-8", "replace")
        if ended.how != "exited" or ended.code != 0:
            raise GitFailed(_said(arguments[0], ended), ended.code if ended.how == "exited" else -1, output)
        if ended.stdout.left_out:
            raise GitFailed(f"git {arguments[0]} printed more than {OUTPUT_BYTES_MAX} bytes", -1, "")
        return output

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(("GIT_", "WATCHFLOOR_"))
        }
        return {
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            **inherited,
            MARK: self._mark,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }


def _said(verb: str, ended: Ended) -> str:
    how = {
        "exited": f"git {verb} exited with {ended.code}",
        "timed_out": f"git {verb} took longer than {ended.duration_ms} ms",
        "not_started": f"git cannot be started: {ended.detail}",
    }.get(ended.how, f"git {verb} was ended")
    said = ended.stderr.text(ERROR_CHARS_MAX).strip() if ended.stderr is not None else ""
    return f"{how}: {said}" if said else how

"""Opening the change for a pushed branch: the submit command, an argv template (spec 2.5).

`{branch}`, `{base}`, `{commit}`, `{title}`, `{task_id}` and `{remote}` are replaced inside single words; nothing is
split again and no shell sees it. The command gets the task, the branch and the result as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.sidecar.command import Command, Ended
from watchfloor_agent.sidecar.git import Trouble
from watchfloor_agent.sidecar.lines import Lines
from watchfloor_agent.sidecar.printed import plain, without_secrets

PLACES = ("branch", "base", "commit", "title", "task_id", "remote")
TRIES = 3
PAUSE_S = 1.0
TIME_MS = 300_000
_PLACE = re.compile(r"\{([a-z_]+)\}")


def check(template: Sequence[str]) -> None:
    """Raises ConfigurationError for a place nothing is put into."""
    for word in template:
        for name in _PLACE.findall(word):
            if name not in PLACES:
                known = ", ".join(f"{{{place}}}" for place in PLACES)
                raise ConfigurationError(f"--submit has {{{name}}}; it may have {known}")


def filled(template: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The words of the command."""
    return [_PLACE.sub(lambda found: values[found.group(1)], word) for word in template]


async def submit(
    template: Sequence[str],
    values: Mapping[str, str],
    *,
    told: Path,
    environment: Mapping[str, str],
    grace_ms: int,
) -> dict[str, object]:
    """Open the change; what the command said about it. Tried again a few times. Raises Trouble."""
    argv = filled(template, values)
    for turn in range(TRIES):
        lines = Lines(lambda: None)
        command = Command(argv, cwd=told.parent, environment=environment, stdin=told, grace_ms=grace_ms)
        ended = await command.run(time_ms=TIME_MS, hear=lines.feed)
        lines.finish()
        if (ended.how, ended.code) == ("exited", 0):
            return lines.heard.result or lines.heard.guessed or _last_line(ended)
        if turn < TRIES - 1:
            await asyncio.sleep(PAUSE_S * 2**turn)
    said = ended.stderr.text(400).strip() if ended.stderr is not None else ""
    raise Trouble(
        f"the branch {values['branch']} is pushed at {values['commit'][:12]}, and the submit command {ended.how}"
        f" {ended.code}: {said or ended.detail}"
    )


def _last_line(ended: Ended) -> dict[str, object]:
    assert ended.stdout is not None
    words = without_secrets(plain(ended.stdout.whole()[-4096:])).strip().splitlines()
    return {"said": words[-1][:500]} if words else {}

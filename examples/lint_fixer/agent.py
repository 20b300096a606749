#!/usr/bin/env python3
"""An agent that mends a git repository: ruff and bandit find, this proposes a patch, people decide, then it commits.

    python examples/lint_fixer/agent.py --url ws://127.0.0.1:7300/ws --key-file agent.key --root REPOSITORIES

A task's input is {"repository": PATH}; the path must lie under --root. The key is read from a file that only its
owner may read. Ctrl-C ends the agent; what it was working on goes back to the queue.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run by path: the folder above `examples` is where its modules are found
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.lint_fixer.analysis import AnalyserFailed, Finding, findings, mend_lint
from examples.lint_fixer.mending import MENDERS, UNSAFE_LINT, mend
from examples.lint_fixer.patching import Patch, PatchRefused, apply, clone_of, head_of, patch_of
from watchfloor_agent import Action, Agent, Task, WatchfloorError

ACTION = "repository.patch"
TOOL = "git"
DIFF_BYTES_MAX = 200_000  # the server takes 256 KiB of parameters

log = logging.getLogger("lint_fixer")


class NothingToMend(Exception):
    """The repository is clean, or none of its faults can be mended with certainty."""


def propose(repository: Path, task_id: str) -> tuple[Patch, list[Finding], list[Finding]]:
    """A patch with what was found before it and what is left after it. The repository is only read."""
    base_commit = head_of(repository)
    with clone_of(repository) as clone:
        before = findings(clone)
        for path in sorted({finding.path for finding in before if finding.rule in MENDERS}):
            file = clone / path
            found = [finding for finding in before if finding.path == path and finding.tool == "bandit"]
            file.write_bytes(mend(file.read_bytes(), found))
        mend_lint(clone, [rule for rule in UNSAFE_LINT if any(finding.rule == rule for finding in before)])
        after = findings(clone)
        patch = patch_of(clone, repository, base_commit, f"lint-fixer/{task_id}")
    if not patch.diff:
        raise NothingToMend(f"{len(before)} findings, none of which can be mended with certainty")
    if len(patch.diff.encode()) > DIFF_BYTES_MAX:
        raise PatchRefused(f"the patch has more than {DIFF_BYTES_MAX} bytes; mend a smaller part at a time")
    return patch, before, after


def summary(found: list[Finding]) -> dict[str, int]:
    """How many findings of each rule."""
    return dict(sorted(Counter(finding.rule for finding in found).items()))


def located(task: Task, root: Path) -> Path:
    """The repository of a task. Raises PatchRefused when it lies outside of what this agent may touch."""
    told = task.input.get("repository") if isinstance(task.input, dict) else None
    if not isinstance(told, str) or not told:
        raise PatchRefused('the input of the task is {"repository": PATH}')
    repository = Path(told).resolve()
    if not repository.is_relative_to(root):
        raise PatchRefused(f"{told} is outside of {root}")
    if not (repository / ".git").exists():
        raise PatchRefused(f"{told} is not the top of a git repository")
    return repository


class LintFixer:
    """The agent's work on one task after another."""

    def __init__(self, agent: Agent, root: Path) -> None:
        self._agent = agent
        self._root = root.resolve()

    def accept(self, task: Task) -> bool | str:
        """Only repositories under the root."""
        try:
            located(task, self._root)
        except PatchRefused as refused:
            return str(refused)
        return True

    async def work(self, task: Task) -> dict[str, Any]:
        """Analyse, propose, ask, apply. What is returned becomes the result of the task."""
        repository = located(task, self._root)
        log.info("%s: analysing %s", task.id, repository)
        await task.progress(10, "ruff and bandit are reading the repository")
        try:
            patch, before, after = await asyncio.to_thread(propose, repository, task.id)
        except NothingToMend as nothing:
            return {"commit": "", "said": str(nothing)}
        except (PatchRefused, AnalyserFailed) as error:
            await task.fail(str(error), retryable=False)
            return {}
        await task.progress(50, f"asking to change {len(patch.files)} files", blocked=True)
        log.info("%s: %d findings, %d after the patch; asking", task.id, len(before), len(after))
        grant = await self._agent.request_action(
            ACTION,
            tool=TOOL,
            params=patch.params(),
            reason=f"{len(before)} findings of ruff and bandit, {len(after)} after this patch",
            task=task,
        )
        log.info("%s: granted (%s); applying", task.id, grant.basis)
        commit = await self._apply(patch, repository, grant.action_id, grant)
        log.info("%s: committed %s on %s", task.id, commit[:12], patch.branch)
        return {
            "commit": commit,
            "branch": patch.branch,
            "files": list(patch.files),
            "found": summary(before),
            "left": summary(after),
        }

    async def _apply(self, patch: Patch, repository: Path, action_id: str, grant: Any) -> str:
        """Use the grant for exactly the patch that was approved."""
        message = f"Mend what ruff and bandit found\n\nWatchfloor-Action: {action_id}\n"

        def about_to_apply() -> Action:
            return Action.of(ACTION, TOOL, patch.params())

        async with self._agent.execution(grant, target=str(repository), describe=about_to_apply) as execution:
            commit = await asyncio.to_thread(apply, patch, repository, author="lint-fixer", message=message)
            execution.outcome = {"commit": commit, "branch": patch.branch, "files": len(patch.files)}
        return commit


def make(url: str, key_file: Path, root: Path, state: Path | None = None, insecure: bool = False) -> Agent:
    """The agent, ready to run."""
    agent = Agent(
        url,
        key_path=key_file,
        capabilities=["development"],
        name="lint-fixer",
        version="1",
        state_path=state,
        insecure=insecure,
    )
    fixer = LintFixer(agent, root)
    agent.on_task(accept=fixer.accept)(fixer.work)
    return agent


def main() -> int:
    """Run until Ctrl-C. Exit code 1 when the agent cannot go on, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", required=True, help="the server's WebSocket address, wss://HOST/ws")
    parser.add_argument("--key-file", type=Path, required=True, help="file with the agent's key, mode 0600")
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), help="repositories must lie under this folder"
    )
    parser.add_argument(
        "--state-file", type=Path, help="where to remember the newest checkpoint of the ledger"
    )
    parser.add_argument("--insecure", action="store_true", help="allow ws:// to another machine")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        make(
            arguments.url, arguments.key_file, arguments.root, arguments.state_file, arguments.insecure
        ).run()
    except WatchfloorError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

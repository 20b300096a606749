"""`watchfloor sidecar`: any command-line program as an agent (spec 2.5). The work is watchfloor_agent.sidecar's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from watchfloor.cli.onboarding import socket_address
from watchfloor.cli.output import Failure
from watchfloor_agent.errors import ConfigurationError, Fatal
from watchfloor_agent.sidecar import change, process, repository, settings
from watchfloor_agent.sidecar.__main__ import begin_log

app = App(name="sidecar", help="Turn any command-line program into an agent.")


@app.default
def sidecar(
    *,
    exec_: Annotated[str, Parameter(name="--exec")] = "",
    exec_json: str = "",
    dir: Path = Path("watchfloor-sidecar"),  # noqa: A002 -- the option's name
    url: str = "",
    key_file: Path | None = None,
    cwd: str = "",
    concurrency: int = 1,
    time_limit: int = 0,
    silence: int = 0,
    wakes: int = 3,
    git: str = "",
    base: str = "",
    protect: list[str] | None = None,
    author: str = "",
    submit: str = "",
    insecure: bool = False,
) -> None:
    """Relay tasks to a command until stopped.

    The command gets the task as JSON on standard input and in the file named by WATCHFLOOR_TASK_FILE. Exit code 0 means
    completed. `::progress 40 text` on a line of its output reports progress, `::result {…}` is the result.

    Parameters
    ----------
    exec_
        The command. Split into words once, as a shell would; no shell ever sees it, and nothing of a task is put into it.
    exec_json
        The same as a JSON list of words.
    dir
        Where accepted work is kept. With a sidecar.json in it (`watchfloor agent add`), that says everything.
    url
        The server's address (default: WATCHFLOOR_URL, else http://127.0.0.1:7300).
    key_file
        The agent's key, readable by you only (default: agent.key in --dir).
    cwd
        Where the command runs (default: a new folder for each task).
    concurrency
        How many tasks are worked on at a time.
    time_limit
        Seconds the command may take, beside the task's own limit; 0 is no limit.
    silence
        Seconds the command may say nothing; 0 is no limit.
    wakes
        How often the command is woken for one assignment, when it cannot be started, dies with the sidecar or exits 75.
    git
        A repository (address or path): each task gets a fresh branch of it in a clone of its own; what the command
        leaves is committed and pushed.
    base
        The branch to begin from (default: the remote's own).
    protect
        A branch, or a pattern of branches, nobody may work on; beside main, master, trunk, production and release/*.
    author
        Who commits, as `Name <mail>`.
    submit
        A command that opens the change once the branch is pushed. {branch}, {base}, {commit}, {title}, {task_id} and
        {remote} are replaced inside its words.
    insecure
        Allow http:// to another machine.
    """
    begin_log()
    try:
        found = options(
            folder=dir.absolute(),
            url=url or os.environ.get("WATCHFLOOR_URL", "http://127.0.0.1:7300"),
            command=exec_,
            listed=exec_json,
            key_file=key_file,
            cwd=cwd,
            concurrency=concurrency,
            time_limit=time_limit,
            silence=silence,
            wakes=wakes,
            insecure=insecure,
            git=(git, base, protect or [], author, submit),
        )
        if found is None:
            found = _kept(dir)
        process.serve(found, dir.absolute())
    except ConfigurationError as error:
        raise Failure(str(error), 2) from error
    except Fatal as error:
        raise Failure(str(error), 3) from error
    sys.exit(0)


def options(
    *,
    folder: Path,
    url: str,
    command: str,
    listed: str,
    cwd: str,
    concurrency: int,
    time_limit: int,
    insecure: bool,
    git: tuple[str, str, list[str], str, str],
    key_file: Path | None = None,
    silence: int = 0,
    wakes: int = 3,
) -> settings.Settings | None:
    """The settings that the options say; None when no command is named. Raises Failure."""
    try:
        chosen = workflow(*git)
        if not command and not listed:
            if chosen is not None:
                raise Failure("--git needs a command: give --exec", 2)
            return None
        if chosen is not None and cwd:
            raise Failure("--cwd and --git: the git workflow has a folder of its own for each task", 2)
        told = {
            "url": socket_address(url),
            "key_file": str((key_file or folder / "agent.key").absolute()),
            "argv": argv_of(command, listed),
            "directory": str(Path(cwd).absolute()) if cwd else "",
            "concurrency": concurrency,
            "time_ms": time_limit * 1000,
            "silence_ms": silence * 1000,
            "wakes": wakes,
            "insecure": insecure,
            "git": chosen,
        }
        return msgspec.convert(msgspec.to_builtins(told), settings.Settings)
    except msgspec.ValidationError as error:
        raise Failure(str(error), 2) from error
    except ConfigurationError as error:
        raise Failure(str(error), 2) from error


def _kept(folder: Path) -> settings.Settings:
    if not (folder / settings.NAME).exists():
        raise Failure(
            "which command? Give --exec 'COMMAND', or --dir with the folder that `watchfloor agent add` made.",
            2,
        )
    return settings.read(folder / settings.NAME)


def argv_of(command: str, listed: str) -> tuple[str, ...]:
    """The words of --exec or --exec-json. Raises Failure, ConfigurationError."""
    if command and listed:
        raise Failure("give --exec or --exec-json, not both", 2)
    if command:
        return _placed(settings.words(command))
    try:
        words = msgspec.json.decode(listed, type=tuple[str, ...])
    except msgspec.DecodeError as error:
        raise Failure(f"--exec-json is a JSON list of words: {error}", 2) from error
    if not words:
        raise Failure("--exec-json: the command is empty", 2)
    return _placed(words)


def _placed(words: tuple[str, ...]) -> tuple[str, ...]:
    """A program given by a path is meant from here, wherever it will run."""
    if os.sep in words[0] and Path(words[0]).exists():
        return (str(Path(words[0]).absolute()), *words[1:])
    return words


def workflow(remote: str, base: str, protect: list[str], author: str, submit: str) -> settings.Git | None:
    """The git workflow, None without --git. Raises Failure, ConfigurationError."""
    if not remote:
        if base or protect or author or submit:
            raise Failure("--base, --protect, --author and --submit belong to --git", 2)
        return None
    found = settings.Git(
        remote=str(Path(remote).absolute()) if Path(remote).exists() else remote,
        base=base,
        protected=tuple(protect),
        author=author,
        submit=settings.words(submit) if submit else (),
    )
    repository.check(found)
    change.check(found.submit)
    return found

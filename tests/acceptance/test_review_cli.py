"""What somebody new does wrong on the command line: one sentence and an exit code, never a traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from watchfloor.app import Backbone
from watchfloor.config import Config

CLI = str(Path(sys.executable).parent / "watchfloor")


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [CLI, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


NOBODY = {"WATCHFLOOR_URL": "http://127.0.0.1:1", "WATCHFLOOR_TOKEN": "wf_tok_none"}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nosuch"], 2),
        (["task", "submit", "x", "--check", "an unbalanced ' quote"], 2),
        (["agent", "list", "--limit", "0"], 2),
        (["decisions", "list", "--limit", "-1"], 2),
        (["serve", "--port", "99999", "--data", "data"], 2),
        (["agent", "list"], 4),
        (["ledger", "verify", "--data", "nowhere"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_words_and_by_its_exit_code(
    tmp_path: Path, arguments: list[str], status: int
) -> None:
    code, said = run(tmp_path, *arguments, **NOBODY)
    assert "Traceback" not in said
    assert code == status, said


def test_a_port_that_is_taken_is_named_with_the_reason(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = run(tmp_path, "serve", "--port", str(port), "--data", "data")
    assert code == 1
    assert f"watchfloor: cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert "Traceback" not in said


def test_a_second_person_is_added_from_the_command_line_and_told_how_to_sign_in(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    server = subprocess.Popen(
        [CLI, "serve", "--first-admin", "Acme", "--port", str(port)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        while "Sign in once" not in server.stderr.readline():
            assert server.poll() is None
        code, said = run(tmp_path, "people", "add", "bea", "--role", "director")
        assert code == 0, said
        assert f"http://127.0.0.1:{port}/sign-in/wf_lnk_" in said
        for _ in range(50):
            code, said = run(tmp_path, "people", "list")
            if "bea" in said:
                break
        assert "director" in said
        code, said = run(tmp_path, "people", "add", "bea", "--role", "director")
        assert code == 3
        assert "handle_taken" in said
    finally:
        server.terminate()
        server.communicate(timeout=20)
    assert server.returncode == 0


def test_a_store_without_its_signers_key_is_told_in_words(tmp_path: Path) -> None:
    backbone = Backbone(Config(disk_reserve_mib=1, data=str(tmp_path / "data")))
    backbone.directory.close()
    backbone.signer.close()
    backbone.ledger.close_now()
    (tmp_path / "data" / "signer" / "key").unlink()
    code, said = run(tmp_path, "ledger", "verify", "--data", "data")
    assert code == 1
    assert "the signer's key cannot be read" in said
    assert "Traceback" not in said
    assert "fault of ours" not in said

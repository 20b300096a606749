"""Conservative fixes for what bandit reports: one edit of the text for one finding, or none when the case is unclear.

A mender gets the node at the finding and answers with edits. Nothing is rewritten but the expression that is at fault;
what cannot be mended with certainty stays, and stays reported.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from examples.lint_fixer.analysis import Finding

# Fixes that ruff calls unsafe because they may change behaviour in odd cases; these are taken all the same.
UNSAFE_LINT = ("E711", "E712", "E731", "F841", "B006")
SHELL_CHARACTERS = frozenset("|&;<>()$`\\\"'*?[]#~=%!{}\n")


@dataclass(frozen=True)
class Edit:
    """Replace the bytes of a node by other text; `needs` are modules the new text uses."""

    begin: int
    end: int
    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A finding in its file: the source, its tree, the offset at which each line begins."""

    source: bytes
    tree: ast.Module
    starts: tuple[int, ...]
    finding: Finding

    def span(self, node: ast.expr | ast.stmt | ast.ExceptHandler) -> tuple[int, int]:
        """Where a node is, in bytes."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("a node without an end")
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[
            node.end_lineno - 1
        ] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        """A node as it is written."""
        begin, end = self.span(node)
        return self.source[begin:end].decode()

    def replace(self, node: ast.expr | ast.stmt | ast.ExceptHandler, text: str, *needs: str) -> list[Edit]:
        """The edit that puts other text in place of a node."""
        return [Edit(*self.span(node), text, needs)]

    def calls(self) -> Iterable[ast.Call]:
        """Calls that begin at the finding, the outermost first."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and (node.lineno, node.col_offset) == (
                self.finding.line,
                self.finding.column,
            ):
                yield node


def mend(source: bytes, findings: Iterable[Finding]) -> bytes:
    """The source with every finding mended for which there is a mender that is sure. Raises SyntaxError."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    edits: list[Edit] = []
    for finding in sorted(findings):
        mender = MENDERS.get(finding.rule)
        if mender is not None:
            for edit in mender(Place(source, tree, tuple(starts), finding)):
                if all(edit.end <= other.begin or other.end <= edit.begin for other in edits):
                    edits.append(edit)
    mended = source
    for edit in sorted(edits, key=lambda edit: edit.begin, reverse=True):
        mended = mended[: edit.begin] + edit.text.encode() + mended[edit.end :]
    mended = _import(mended, {module for edit in edits for module in edit.needs})
    ast.parse(mended)
    return mended


def _import(source: bytes, modules: set[str]) -> bytes:
    """Add the imports that are missing, each in its place among the plain imports at the top of the file."""
    for module in sorted(modules):
        source = _import_one(source, module)
    return source


def _import_one(source: bytes, module: str) -> bytes:
    body = ast.parse(source).body
    lines = source.splitlines(keepends=True)
    line = f"import {module}\n".encode()
    plain = [node for node in body if isinstance(node, ast.Import)]
    names = [alias.name for node in plain for alias in node.names if alias.asname is None]
    if module in names:
        return source
    if plain:
        after = next((node for node in plain if node.names[0].name > module), None)
        at = after.lineno - 1 if after is not None else (plain[-1].end_lineno or plain[-1].lineno)
        return b"".join([*lines[:at], line, *lines[at:]])
    above = (
        node
        for index, node in enumerate(body)
        if isinstance(node, ast.ImportFrom) or (index == 0 and isinstance(node, ast.Expr))
    )
    at = max((node.end_lineno or 0 for node in above), default=0)
    return b"".join([*lines[:at], b"\n" if at else b"", line, b"" if at else b"\n", *lines[at:]])


def _literal_eval(place: Place) -> list[Edit]:
    """B307: `eval(x)` of one argument reads literals only: `ast.literal_eval(x)`."""
    for call in place.calls():
        if (
            isinstance(call.func, ast.Name)
            and call.func.id == "eval"
            and len(call.args) == 1
            and not call.keywords
        ):
            return place.replace(call.func, "ast.literal_eval", "ast")
    return []


def _strong_hash(place: Place) -> list[Edit]:
    """B324: `hashlib.md5(…)` and `hashlib.sha1(…)` become `hashlib.sha256(…)`."""
    for call in place.calls():
        weak = isinstance(call.func, ast.Attribute) and call.func.attr in ("md5", "sha1")
        if weak and isinstance(call.func, ast.Attribute) and not call.keywords:
            return place.replace(call.func, f"{place.text(call.func.value)}.sha256")
    return []


def _safe_load(place: Place) -> list[Edit]:
    """B506: `yaml.load(x, …)` becomes `yaml.safe_load(x)`."""
    for call in place.calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "load" and call.args:
            yaml, argument = place.text(call.func.value), place.text(call.args[0])
            return place.replace(call, f"{yaml}.safe_load({argument})")
    return []


def _no_shell(place: Place) -> list[Edit]:
    """B602: a constant command without anything only a shell understands becomes a list, `shell=True` goes."""
    for call in place.calls():
        if not call.args or not any(keyword.arg == "shell" for keyword in call.keywords):
            continue
        command = call.args[0]
        if isinstance(command, ast.Constant) and isinstance(command.value, str):
            words = [] if SHELL_CHARACTERS & set(command.value) else shlex.split(command.value)
        elif isinstance(command, ast.List) and all(isinstance(item, ast.Constant) for item in command.elts):
            words = [str(item.value) for item in command.elts if isinstance(item, ast.Constant)]
        else:
            words = []
        if not words:
            return []
        listed = ", ".join(f'"{word}"' for word in words)
        others = [place.text(argument) for argument in call.args[1:]]
        others += [
            f"{keyword.arg}={place.text(keyword.value)}" if keyword.arg else f"**{place.text(keyword.value)}"
            for keyword in call.keywords
            if keyword.arg != "shell"
        ]
        return place.replace(call, f"{place.text(call.func)}({', '.join([f'[{listed}]', *others])})")
    return []


def _own_folder(place: Place) -> list[Edit]:
    """B108: a fixed name under /tmp, which anybody may have made before, becomes a folder of one's own."""
    for node in ast.walk(place.tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if (node.lineno, node.col_offset) != (place.finding.line, place.finding.column):
            continue
        path = PurePosixPath(node.value)
        if path.parent != PurePosixPath("/tmp") or not path.name.replace("-", "").replace(".", "").isalnum():  # noqa: S108
            return []
        folder = f'tempfile.mkdtemp(prefix="{path.stem}-")'
        if path.suffix:
            return place.replace(node, f'os.path.join({folder}, "{path.name}")', "os", "tempfile")
        return place.replace(node, folder, "tempfile")
    return []


def _raise(place: Place) -> list[Edit]:
    """B101: `assert` vanishes under -O; the check becomes `if not …: raise ValueError(…)`."""
    for node in ast.walk(place.tree):
        if isinstance(node, ast.Assert) and node.lineno == place.finding.line:
            message = place.text(node.msg) if node.msg is not None else repr(place.text(node.test))
            margin = " " * node.col_offset
            return place.replace(
                node, f"if not ({place.text(node.test)}):\n{margin}    raise ValueError({message})"
            )
    return []


def _log_it(place: Place) -> list[Edit]:
    """B110: an exception that nobody sees is logged; a bare `except` no longer catches the end of the program."""
    for node in ast.walk(place.tree):
        if not isinstance(node, ast.ExceptHandler) or node.lineno != place.finding.line:
            continue
        if [type(statement) for statement in node.body] != [ast.Pass] or node.name:
            return []
        kind = place.text(node.type) if node.type is not None else "Exception"
        margin = " " * node.col_offset
        said = "this was ignored"
        return place.replace(
            node, f'except {kind}:\n{margin}    logging.getLogger(__name__).exception("{said}")', "logging"
        )
    return []


MENDERS: dict[str, Callable[[Place], list[Edit]]] = {
    "B101": _raise,
    "B108": _own_folder,
    "B110": _log_it,
    "B307": _literal_eval,
    "B324": _strong_hash,
    "B506": _safe_load,
    "B602": _no_shell,
}

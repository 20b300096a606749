#!/usr/bin/env python3
"""House rules that a linter off the shelf does not know. `make check` runs them; each explains itself.

    python3 tools/tidy.py                    everything
    python3 tools/tidy.py --only dead-link   one rule
    python3 tools/tidy.py --ratchet          record files over the soft limit at their present size
    python3 tools/tidy.py --list             the rules and why they exist

A rule is a function from one source file to findings. Where a rule is wrong about one line, say so on that line
or the one above, with the reason: `# tidy: allow machine-path: hostile input of the test`. Standard library only,
so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RATCHET = "tools/tidy_ratchet.json"
FILE_LINES_SOFT = 400
FILE_LINES_HARD = 600
FUNCTION_LINES_MAX = 70
SIZED = {".py", ".ts", ".tsx", ".js"}
ONE_FILE_BY_DESIGN = "src/watchfloor_verify.py"  # an auditor runs it as one file (spec 04)
GENERATED = ".gen.ts"  # written by tools/floor.py from the API, read by the compiler alone
CODE = re.compile(r"(src|tests|tools|benchmarks|examples|sdk|dashboard|deploy|\.ci|protocol)/")
CODE_SUFFIXES = {".py", ".ts", ".tsx", ".js", ".css", ".html", ".sql", ".sh", ".yml", ".yaml", ".toml", ""}
PURE = re.compile(
    r"src/watchfloor/(kernel|fleet|work|actions|councils|trust|policy|people|workflows|compliance|situation"
    r"|conversations|registers|processes)/"
)
BANNED = re.compile(r"utils?|helpers?|common|misc|base|core|managers?|services?|handlers?|models")


@dataclass(frozen=True)
class Finding:
    """One thing to mend. `line` 0 means the file as a whole; a warning does not fail the check."""

    rule: str
    path: str
    line: int
    what: str
    warning: bool = False


@dataclass
class Source:
    """One file of the project, read and parsed at most once. `path` is relative to the root, with `/`."""

    root: Path
    path: str
    allowances: dict[str, int] = field(default_factory=dict)
    synonyms: list[Synonym] = field(default_factory=list)

    @cached_property
    def text(self) -> str:
        """The content; empty for what is not text."""
        try:
            return (self.root / self.path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            return ""

    @cached_property
    def lines(self) -> list[str]:
        """The content by line."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree of a Python file; None for others and for what does not parse (ruff says so better)."""
        if not self.path.endswith(".py"):
            return None
        try:
            return ast.parse(self.text)
        except SyntaxError:
            return None

    @property
    def is_code(self) -> bool:
        """True for the folders and file types that the product is made of."""
        named = CODE.match(self.path) is not None and Path(self.path).suffix in CODE_SUFFIXES
        return self.path == "Makefile" or named

    def allows(self, rule: str, line: int) -> bool:
        """True when the line, or the one above it, carries an allowance with a reason."""
        wanted = re.compile(rf"tidy: allow {re.escape(rule)}: \S")
        return any(wanted.search(self.lines[i]) for i in (line - 1, line - 2) if 0 <= i < len(self.lines))


@dataclass(frozen=True)
class Synonym:
    """A word we do not use, the one we do, and the compounds in which it means something else."""

    word: str
    instead: str
    exceptions: frozenset[str]


def file_size(source: Source) -> Iterator[Finding]:
    """A file that one can hold in one's head has one purpose. Split along the nouns, not down the middle."""
    if not source.is_code or Path(source.path).suffix not in SIZED:
        return
    if source.path == ONE_FILE_BY_DESIGN or source.path.endswith(GENERATED):
        return
    count = len(source.lines)
    allowed = source.allowances.get(source.path)
    if allowed is not None and count > allowed:
        yield Finding(
            "file-size", source.path, 0, f"{count} lines; it was recorded at {allowed} and may only shrink"
        )
    elif count > FILE_LINES_HARD and allowed is None:
        yield Finding("file-size", source.path, 0, f"{count} lines, the hard limit is {FILE_LINES_HARD}")
    elif count > FILE_LINES_SOFT and allowed is None:
        yield Finding("file-size", source.path, 0, f"{count} lines, aim at {FILE_LINES_SOFT}", warning=True)


def function_size(source: Source) -> Iterator[Finding]:
    """Over 70 lines (docstring aside) a function does several things. Name them, and let the function say them."""
    for node in ast.walk(source.tree) if source.tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            docstring = (
                (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
            )
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring
            if length > FUNCTION_LINES_MAX:
                what = f"{node.name} has {length} lines, the limit is {FUNCTION_LINES_MAX}"
                yield Finding("function-size", source.path, node.lineno, what)


def banned_name(source: Source) -> Iterator[Finding]:
    """Such a name says that nobody found the noun. Name what is inside: `pacing`, `deadlines`, `envelope`."""
    if not source.is_code:
        return
    for piece in Path(source.path).with_suffix("").parts:
        bad = [word for word in re.split(r"[-_.]", piece.lower()) if BANNED.fullmatch(word)]
        if bad:
            yield Finding("banned-name", source.path, 0, f"`{piece}` contains {', '.join(bad)}")


def words(name: str) -> list[str]:
    """The words of an identifier, snake or camel, in lower case."""
    return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def defined_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names this file gives to things, with their lines; names that others gave are not ours to change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def one_word(source: Source) -> Iterator[Finding]:
    """One word per concept, in code, API, pages and documents. The table is in GLOSSARY.md; argue there."""
    if source.tree is None or not source.path.startswith("src/"):
        return
    for name, line in defined_names(source.tree):
        spelled = f"_{'_'.join(words(name))}_"
        for synonym in source.synonyms:
            rest = spelled
            for exception in synonym.exceptions:
                rest = rest.replace(f"_{exception}_", "_")
            if f"_{synonym.word}_" in rest:
                what = f"`{name}`: we say {synonym.instead}, not {synonym.word.replace('_', ' ')}"
                yield Finding("one-word", source.path, line, what)


MARKER = re.compile(r"\b(PLACE" + r"HOLDER|FIX" + r"ME|XX" + r"X|TO" + r"DO)\b(\(#\d+\))?")


def unfinished(source: Source) -> Iterator[Finding]:
    """Incomplete work does not merge: finish it, or leave it out and open an issue (`TO-DO(#12)` may point at one)."""
    if not source.is_code:
        return
    for number, line in enumerate(source.lines, 1):
        found = MARKER.search(line)
        if found and not (found.group(1).startswith("TO") and found.group(2)):
            yield Finding("unfinished", source.path, number, f"{found.group(1)} marker: {line.strip()[:80]}")


def decorated(node: ast.FunctionDef | ast.AsyncFunctionDef, names: set[str]) -> bool:
    """True when one of the decorators is among `names`, qualified or not."""
    return any(ast.unparse(d).split("(")[0].split(".")[-1] in names for d in node.decorator_list)


def stub(source: Source) -> Iterator[Finding]:
    """A body of `...` promises what is not there, except in a protocol. A no-op says why it is one, in a docstring."""
    if source.tree is None or source.path.startswith("tests/"):
        return
    excused: set[ast.AST] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(b) for b in node.bases):
            excused.update(ast.walk(node))
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node in excused:
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        empty = len(body) == 1 and isinstance(body[0], ast.Expr) and ast.unparse(body[0]) == "..."
        refuses = (
            len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplemented" in ast.unparse(body[0])
        )
        if (empty or refuses) and not decorated(node, {"abstractmethod", "overload"}):
            yield Finding("stub", source.path, node.lineno, f"{node.name} has no body")


SPEC_REFERENCE = re.compile(r"\b(spec(ification)?\b[^\n]{0,12}?\d|DESIGN\b)", re.IGNORECASE)


def spec_reference(source: Source) -> Iterator[Finding]:
    """Rules are where the product is decided: their docstring says which part of the specification they carry out."""
    if re.fullmatch(r"src/watchfloor/[a-z_]+/rules(/[a-z_]+)?\.py", source.path) and source.tree is not None:
        docstring = ast.get_docstring(source.tree) or ""
        if not SPEC_REFERENCE.search(docstring):
            yield Finding(
                "spec-reference", source.path, 1, "the module docstring cites no section (`spec 03 §3.1`)"
            )


def machine_path(source: Source) -> Iterator[Finding]:
    """A path of somebody's machine works on that machine only. Derive it from the file, an argument or a fixture."""
    own = re.escape(str(source.root))
    pattern = re.compile(rf"(?<![\w./-])({own}(?![\w-])|/home/[a-z]\w*|/Users/\w+|[A-Z]:\\Users\\)")
    for number, line in enumerate(source.lines, 1):
        found = pattern.search(line)
        if found:
            yield Finding("machine-path", source.path, number, found.group(0))


CLOCK_CALL = re.compile(r"\b(datetime|date|dt)\.(now|utcnow|today)$")
IMPURE_BUILTINS = {"open", "print", "input", "hash", "id"}


def purity(source: Source) -> Iterator[Finding]:
    """Pure code gets time, ids and randomness as input, so that any ruling can be run again and agree (DESIGN §1)."""
    if source.tree is None or not PURE.match(source.path):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        callee = node.func
        if CLOCK_CALL.search(ast.unparse(callee)) or (
            isinstance(callee, ast.Name) and callee.id in IMPURE_BUILTINS
        ):
            yield Finding("purity", source.path, node.lineno, f"calls {ast.unparse(callee)}()")


def imported_roots(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Top-level packages a module imports, with lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or ".").split(".")[0] if node.level == 0 else ".", node.lineno


def lone_verifier(source: Source) -> Iterator[Finding]:
    """An auditor carries the verifier away as one file: it imports nothing but the standard library."""
    if source.path == "src/watchfloor_verify.py" and source.tree is not None:
        for name, line in imported_roots(source.tree):
            if name not in sys.stdlib_module_names:
                yield Finding("lone-verifier", source.path, line, f"imports {name}")


MARKDOWN_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s#]+)(#[^)\s]*)?\)")


def dead_link(source: Source) -> Iterator[Finding]:
    """A document that points at nothing costs every reader the same minute."""
    if not source.path.endswith(".md"):
        return
    fenced = False
    for number, line in enumerate(source.lines, 1):
        fenced ^= line.lstrip().startswith("```")
        for found in () if fenced else MARKDOWN_LINK.finditer(line):
            target = found.group(1)
            elsewhere = "://" in target or target.startswith(("mailto:", "/"))
            if not elsewhere and not (source.root / source.path).parent.joinpath(target).exists():
                yield Finding("dead-link", source.path, number, f"{target} does not exist")


RULES: dict[str, Callable[[Source], Iterable[Finding]]] = {
    "file-size": file_size,
    "function-size": function_size,
    "banned-name": banned_name,
    "one-word": one_word,
    "unfinished": unfinished,
    "stub": stub,
    "spec-reference": spec_reference,
    "machine-path": machine_path,
    "purity": purity,
    "lone-verifier": lone_verifier,
    "dead-link": dead_link,
}


def read_synonyms(root: Path) -> list[Synonym]:
    """The table "Words we do not use" of GLOSSARY.md: | not | but | except in |."""
    glossary = root / "GLOSSARY.md"
    text = glossary.read_text(encoding="utf-8") if glossary.is_file() else ""
    _, _, section = text.partition("## Words we do not use")
    rows = re.findall(r"^\| `([a-z_ ]+)` \|([^|]+)\|([^|]*)\|", section, re.MULTILINE)
    return [
        Synonym(word.replace(" ", "_"), instead.strip(), frozenset(re.findall(r"`([a-z_]+)`", exceptions)))
        for word, instead, exceptions in rows
    ]


def read_allowances(root: Path) -> dict[str, int]:
    """Recorded sizes of files over the soft limit."""
    path = root / RATCHET
    return dict(json.loads(path.read_text(encoding="utf-8"))["file_lines_max"]) if path.is_file() else {}


def project_files(root: Path) -> list[str]:
    """Files git knows or would take, relative to the root; every file where there is no git."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split("\0") if name and (root / name).is_file()]
    else:
        hidden = re.compile(r"(^|/)(\.venv|\.git|__pycache__)/")
        names = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
        names = [name for name in names if not hidden.search(name)]
    return sorted(set(names))


def examine(root: Path, chosen: Iterable[str] = RULES) -> list[Finding]:
    """Every finding of the chosen rules in the project at `root`, without the allowed ones."""
    allowances, synonyms = read_allowances(root), read_synonyms(root)
    findings = []
    for path in project_files(root):
        source = Source(root, path, allowances, synonyms)
        for name in chosen:
            findings += [f for f in RULES[name](source) if not (f.line and source.allows(name, f.line))]
    return findings


def write_ratchet(root: Path) -> dict[str, int]:
    """Record every file between the limits at its present size, lowering what shrank and never raising anything."""
    before, after = read_allowances(root), {}
    for path in project_files(root):
        source = Source(root, path)
        if any(True for _ in file_size(source)):
            after[path] = min(len(source.lines), before.get(path, FILE_LINES_HARD))
    (root / RATCHET).write_text(
        json.dumps({"file_lines_max": after}, indent=2, sort_keys=True) + "\n", "utf-8"
    )
    return after


def report(findings: list[Finding]) -> int:
    """Print findings by rule, each rule with its reason once. Returns the exit code."""
    for name in RULES:
        if mine := [f for f in findings if f.rule == name]:
            print(f"{name}: {(RULES[name].__doc__ or '').strip()}")
            for f in mine:
                place = f"{f.path}:{f.line}" if f.line else f.path
                print(f"  {'warning' if f.warning else 'error'}  {place}  {f.what}")
    return 1 if any(not f.warning for f in findings) else 0


def main(arguments: list[str]) -> int:
    """Entry point. Returns 0 when nothing but warnings was found."""
    parser = argparse.ArgumentParser(description="House rules.")
    parser.add_argument("--only", choices=sorted(RULES), action="append", help="run this rule (repeatable)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project to look at")
    parser.add_argument("--ratchet", action="store_true", help=f"rewrite {RATCHET}")
    parser.add_argument("--list", action="store_true", help="the rules and their reasons")
    options = parser.parse_args(arguments)
    if options.list:
        for name, rule in RULES.items():
            print(f"{name:15} {(rule.__doc__ or '').strip()}")
        return 0
    root = options.root.resolve()
    if options.ratchet:
        print(json.dumps(write_ratchet(root), indent=2))
    return 0 if options.ratchet else report(examine(root, options.only or RULES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Write the documents that the code itself is the source of, or say which of them are out of date.

    python tools/reference.py            write docs/events.md, refusals.md, limits.md, gate.md, metrics.md, routes.md,
                                         trust-events.md, alerts.md
    python tools/reference.py --check    exit 1 and name the stale ones, write nothing

Events, commands and metrics come from the imported declarations, refusal codes and limits from the syntax tree: a
code exists where it is raised, and a limit's reason is the comment behind it.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import pkgutil
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

import watchfloor
from watchfloor.actions import risk
from watchfloor.actions.catalogue import RULES
from watchfloor.actions.gate import RULES_VERSION
from watchfloor.http import operations
from watchfloor.hub.mailroom import RATES
from watchfloor.kernel.messages import Command, Facts
from watchfloor.kernel.terms import Policy
from watchfloor.processes import alerting, learning
from watchfloor.situation.kinds import ALERTS
from watchfloor.telemetry import catalogue

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "watchfloor"
GENERATED = "Generated from the code by `make docs`; do not edit.\n"


def first_sentence(thing: object) -> str:
    """The first sentence of a docstring that the thing itself has; empty where it only inherits one."""
    text = " ".join((vars(thing).get("__doc__") or "").split())
    return re.split(r"(?<=[.;]) ", text)[0].rstrip(";")


def cell(text: str) -> str:
    """Text that fits into a cell of a Markdown table."""
    return text.replace("|", "\\|").strip()


def type_name(annotation: object) -> str:
    """A type as one would write it, without the modules it comes from."""
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    return re.sub(r"[\w.]+\.(\w+)", r"\1", getattr(annotation, "__name__", "") if plain else str(annotation))


def fields_of(declared: type[msgspec.Struct], inherited: type[msgspec.Struct]) -> str:
    """Fields of a message that its base has not, with types."""
    base = {f.name for f in msgspec.structs.fields(inherited)}
    mine = [f for f in msgspec.structs.fields(declared) if f.name not in base]
    return ", ".join(f"`{f.name}` {cell(type_name(f.type))}" for f in mine) or "none"


def declared_in(part: str, kind: type) -> list[type]:
    """Subclasses of `kind` that modules of a part declare, in the order of their declaration."""
    package = importlib.import_module(f"watchfloor.{part}")
    found: list[type] = []
    for module_info in pkgutil.iter_modules(package.__path__, f"watchfloor.{part}."):
        module = importlib.import_module(module_info.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, kind) and value.__module__ == module.__name__:
                found += [value] if value is not kind else []
    return found


def events_page() -> str:
    """Commands and events by the part that owns them."""
    lines = ["# Commands and events", GENERATED]
    for part in (
        "fleet",
        "work",
        "actions",
        "councils",
        "trust",
        "policy",
        "people",
        "conversations",
        "situation",
        "kernel",
    ):
        commands, facts = declared_in(part, Command), declared_in(part, Facts)
        if not commands and not facts:
            continue
        lines.append(f"## {'The engine itself' if part == 'kernel' else part}\n")
        if commands:
            lines += ["| command | fields | |", "|---|---|---|"]
            lines += [
                f"| `{c.__name__}` | {fields_of(c, Command)} | {cell(first_sentence(c))} |" for c in commands
            ]
            lines.append("")
        if facts:
            lines += ["| event | facts | |", "|---|---|---|"]
            rows = [f for f in facts if issubclass(f, Facts)]
            lines += [f"| `{f.TYPE}` | {fields_of(f, Facts)} | {cell(first_sentence(f))} |" for f in rows]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def refusals_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(code, detail) of every refusal raised with a literal code; what is computed in a detail becomes `…`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] not in {
            "Refused",
            "Problem",
        }:
            continue
        args = node.args
        if args and isinstance(args[0], ast.Constant) and isinstance(args[0].value, int):
            args = args[1:]  # a Problem says its HTTP status first
        if not args or not isinstance(args[0], ast.Constant) or not isinstance(args[0].value, str):
            continue
        detail = args[1] if len(args) > 1 else None
        text = ""
        if isinstance(detail, ast.Constant):
            text = str(detail.value)
        elif isinstance(detail, ast.JoinedStr):
            text = "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in detail.values)
        yield args[0].value, text


def refusals_page() -> str:
    """Every refusal code, where it is raised and what it says."""
    codes: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"details": set(), "parts": set()})
    for path in sorted(SOURCE.rglob("*.py")):
        for code, detail in refusals_in(ast.parse(path.read_text(encoding="utf-8"))):
            if re.fullmatch(r"[a-z][a-z0-9_]*", code):
                codes[code]["parts"].add(path.relative_to(SOURCE).parts[0].removesuffix(".py"))
                codes[code]["details"] |= {detail} if detail else set()
    lines = ["# Refusal codes", GENERATED, "| code | raised in | says |", "|---|---|---|"]
    for code, seen in sorted(codes.items()):
        says = " · ".join(cell(d) for d in sorted(seen["details"]))
        lines.append(f"| `{code}` | {', '.join(sorted(seen['parts']))} | {says} |")
    return "\n".join(lines) + "\n"


LIMIT = re.compile(r"^([A-Z][A-Z0-9_]+)(?:: [^=]+)? = (.+?)(?:  # (.+))?$")
HEADING = re.compile(r"^# (.+?) -{5,}$")


def limits_page() -> str:
    """Every named bound with its value and reason."""
    lines = ["# Limits", GENERATED]
    for path in sorted(SOURCE.rglob("limits.py")):
        lines += [f"## {path.parent.name}", "", "| limit | value | why |", "|---|---|---|"]
        for line in path.read_text(encoding="utf-8").splitlines():
            if heading := HEADING.match(line):
                lines.append(f"| **{heading.group(1)}** | | |")
            elif limit := LIMIT.match(line):
                lines.append(f"| `{limit.group(1)}` | {limit.group(2)} | {cell(limit.group(3) or '')} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


VECTORS = ROOT / "tests" / "unit" / "actions" / "vectors.json"


def gate_page() -> str:
    """The gate's rules, classes, risk and buckets as they ship, and its published vectors in short."""
    terms = Policy()
    lines = [
        "# The gate: rules, risk, rate classes",
        GENERATED,
        f"Rules version {RULES_VERSION}. Every rule is asked, in this order; the strictest answer wins.\n",
        "| stage | rule | when it bites |",
        "|---|---|---|",
        *(f"| {rule.stage} | `{rule.name}` | {cell(rule.bites)} |" for rule in RULES),
        "\n## Risk",
        "The score is the base of the class, the parameter factors of the policy and the history factors, clamped to 0-100;",
        "low < 25 <= medium < 50 <= high < 75 <= critical.\n",
        "| what | points |",
        "|---|---|",
        *(f"| class `{name}` | {cls.base} |" for name, cls in terms.classes.items()),
        f"| first time for this agent and type | +{risk.FIRST_TIME} |",
        f"| each failure in 24 h, up to {risk.FAILURES_MAX} in all | +{risk.FAILURE} |",
        f"| trust at least {risk.TRUSTED_FROM} | {risk.TRUSTED} |",
        f"| trust below {risk.DISTRUSTED_BELOW} | +{risk.DISTRUSTED} |",
        "\n## Buckets",
        "Per agent and class, filled evenly; at 80 % a frame `rate:limited` with `warning` comes. One class never takes from",
        "another. REST routes have theirs in routes.md; approvals, stops and health are exempt. A policy may give a tier",
        "other numbers (`rates: {tiers: {ELITE: {heavy: 60}}}`); agents hear theirs in `welcome` and `config:updated`.\n",
        "| what | bucket | a minute |",
        "|---|---|---|",
        *(
            f"| action of class `{name}` | {cls.rate} | {getattr(terms.rates, cls.rate)} |"
            for name, cls in terms.classes.items()
        ),
        *(
            f"| frame `{payload.FRAME}` | {bucket} | {per_minute} |"
            for payload, (bucket, per_minute) in RATES.items()
        ),
        "\n## Test vectors",
        "Inputs and answers of every vector are in [gate-vectors.json](gate-vectors.json), for whoever builds a gate of the",
        "same rules or checks this one.\n",
        "| vector | risk | verdict | level |",
        "|---|---|---|---|",
    ]
    for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]:
        answer = vector["answer"]
        lines.append(
            f"| {cell(vector['name'])} | {answer['risk']} | {answer['verdict']} | {answer['level']} |"
        )
    return "\n".join(lines) + "\n"


def trust_page() -> str:
    """Which ledger event gives which trust event (processes/learning.py), with the points of the default policy."""
    kinds = Policy().trust.kinds
    lines = [
        "# Trust events",
        GENERATED,
        "Which event of the ledger gives which trust event, with points and decay of the default policy. Nothing else",
        "moves trust but a person's adjustment and time. A person's review never comes from the agent's owner. Successes",
        "(`task_succeeded`, `action_completed`) count `successes_per_day` a day together. There is no event yet for an",
        "attempt to leave a sandbox, nor for a secret in an output.",
        "",
        "| event | counts when | trust event | points | gone after |",
        "|---|---|---|---|---|",
    ]
    for rule in learning.TABLE:
        kind = kinds[rule.what]
        when = " ".join((rule.when.__doc__ or "").split())
        lines.append(
            f"| `{rule.by.TYPE}` | {cell(when)} | `{rule.what}` | {kind.points:+d} | {kind.decay_days} days |"
        )
    return "\n".join(lines) + "\n"


def alerts_page() -> str:
    """What raises and ends every kind of alert (processes/alerting.py)."""
    lines = [
        "# Alerts",
        GENERATED,
        "How they live and where they are seen: [situation.md](situation.md).",
        "",
        "| alert | says | raised by | over by |",
        "|---|---|---|---|",
    ]
    for what, kind in ALERTS.items():
        raised = [f"`{rule.by.TYPE}` ({rule.severity})" for rule in alerting.RAISES if rule.what == what]
        if what == "dead_letter":
            raised = ["`task.dead_lettered/1` (warning)"]
        over = [f"`{rule.by.TYPE}`" for rule in alerting.CLEARS if rule.what == what]
        over += ["its time"] * (what == "breaker_open") + ["a person, with a reason"] * kind.by_hand
        lines.append(f"| `{what}` | {cell(kind.meaning)} | {', '.join(raised)} | {', '.join(over)} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """File name below docs/ → its content."""
    return {
        "events.md": events_page(),
        "refusals.md": refusals_page(),
        "limits.md": limits_page(),
        "gate.md": gate_page(),
        "gate-vectors.json": VECTORS.read_text(encoding="utf-8"),
        "metrics.md": catalogue.document(),
        "routes.md": operations.document(),
        "trust-events.md": trust_page(),
        "alerts.md": alerts_page(),
    }


def main(arguments: list[str]) -> int:
    """Entry point. With `--check`, 1 when a document differs from what the code says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    stale = []
    (ROOT / "docs").mkdir(exist_ok=True)
    for name, text in pages().items():
        path = ROOT / "docs" / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{'stale' if check else 'written'} (watchfloor {watchfloor.__version__}): {', '.join(stale)}")
        print("run `make docs`" if check else "commit them with the change that caused it")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What holds for every test: a summary that hides nothing, and no dependence on the developer's environment."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import hypothesis
import pytest
from tests.effort import QUARTER, WHOLE

LEFT_OUT = pytest.StashKey[list[str]]()

# Wall time on a shared machine says nothing about a property; pytest-timeout bounds the test as a whole.
hypothesis.settings.register_profile("watchfloor", deadline=None, print_blob=True, max_examples=QUARTER)
hypothesis.settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=WHOLE)
hypothesis.settings.load_profile("watchfloor")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the whole suite; they must be here, where pytest looks before it collects."""
    parser.addoption(
        "--rewrite-transcripts",
        action="store_true",
        help="accept what happens now: write it into tests/transcripts/*.txt",
    )
    parser.addoption("--seed", default=None, help="replay one seed of tests/simulation")
    parser.addoption(
        "--rewrite-vectors",
        action="store_true",
        help="accept what the gate answers now (needs a higher RULES_VERSION): tests/unit/actions/vectors.json",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Settings of the shell that runs the tests must not reach the servers that the tests start."""
    for name in [n for n in os.environ if n.startswith("WATCHFLOOR_")]:
        del os.environ[name]
    os.environ["WATCHFLOOR_DISK_RESERVE_MIB"] = "1"  # hundreds of servers, each with its own data directory
    config.stash[LEFT_OUT] = []


def why_left_out(item: pytest.Item) -> str:
    """The reason for which the command line did not choose a test."""
    if item.get_closest_marker("long"):
        return "long (make test-long)"
    if item.get_closest_marker("serial"):
        return "serial (the second part of make test)"
    return "not chosen by -m or -k"


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember what was left out, so that the summary can say it."""
    for item in items:
        item.config.stash[LEFT_OUT].append(why_left_out(item))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A parallel worker hands its list to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker collects everything, so one worker's list is the whole list."""
    handed: list[str] = getattr(node, "workeroutput", {}).get("left_out", [])
    if len(handed) > len(node.config.stash[LEFT_OUT]):
        node.config.stash[LEFT_OUT] = handed


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One paragraph at the end: what did not run here, and why."""
    reasons = config.stash[LEFT_OUT]
    left_out = Counter(reasons)
    skipped: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped[reason.removeprefix("Skipped: ")] += 1
    if left_out or skipped:
        terminalreporter.section("not run here, and why")
        for why, count in sorted(left_out.items()):
            terminalreporter.line(f"{count:5}  left out: {why}")
        for why, count in sorted(skipped.items()):
            terminalreporter.line(f"{count:5}  skipped: {why}")

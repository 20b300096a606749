"""The criterion `tests`: what a test command wrote about itself, as JUnit XML (spec 2.4 *Verification*).

The command gets a file that did not exist before, outside the repository, so that no report of another run counts. It is
read as a stream of elements without a tree, and refuses document types: there are no entities to expand.
"""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

import msgspec

REPORT_BYTES_MAX = 32 * 1024 * 1024  # some 100,000 tests
_BAD = ("failure", "error")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Test cases by what became of them."""

    passed: int
    failed: int
    skipped: int


class NoReport(Exception):
    """There is none, or it is not JUnit XML; the text says which."""


class _Reading:
    """Counts test cases as their elements go by. Suites' own totals are not believed, except that they may not exceed."""

    def __init__(self) -> None:
        self.depth = 0
        self.root = ""
        self.case: str | None = None  # what is known of the open case
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.suite_failures = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        self.depth += 1
        if name == "testcase":
            self.case = "passed"
        elif name in _BAD:
            if self.case is None:
                self.counts["failed"] += 1  # a suite that broke outside any case
            self.case = "failed" if self.case else None
        elif name == "skipped" and self.case == "passed":
            self.case = "skipped"
        elif name == "testsuite":
            for attribute in ("failures", "errors"):
                said = attributes.get(attribute, "0").strip()
                self.suite_failures += int(said[:9]) if said.isdecimal() else 0

    def end(self, name: str) -> None:
        self.depth -= 1
        if name == "testcase" and self.case is not None:
            self.counts[self.case] += 1
            self.case = None


def read(path: Path) -> Counts:
    """The counts of a report. Raises NoReport."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.StartDoctypeDeclHandler = _refuse
    try:
        with path.open("rb") as stream:
            data = stream.read(REPORT_BYTES_MAX + 1)
        if len(data) > REPORT_BYTES_MAX:
            raise NoReport(f"the report exceeds {REPORT_BYTES_MAX} bytes")
        parser.Parse(data, True)
    except OSError as error:
        raise NoReport("the command wrote no report") from error
    except expat.ExpatError as error:
        raise NoReport("the report is no XML") from error
    if reading.root not in ("testsuite", "testsuites"):
        raise NoReport("the report is no JUnit XML")
    failed = max(reading.counts["failed"], reading.suite_failures)
    return Counts(passed=reading.counts["passed"], failed=failed, skipped=reading.counts["skipped"])


def _refuse(*_: object) -> None:
    raise NoReport("the report has a document type")

#!/usr/bin/env python3
"""Make the repository of the demo: a small shop in Python with genuine lint and security faults.

    python examples/demo_repository.py DIRECTORY

Author, dates and content are pinned, so that the commit is the same everywhere. Before the agent's patch `ruff check`
and `bandit -q -r .` fail; the tests pass before and after it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BRANCH = "main"
DATE = "2026-01-05T09:00:00+00:00"
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada Example"), ("EMAIL", "ada@shop.example"), ("DATE", DATE))
}

FILES = {
    "README.md": """\
# Shop

Orders, prices, reports and backups of a small shop. `python -m unittest` runs the tests.
""",
    ".gitignore": """\
__pycache__/
*.pyc
""",
    ".bandit": """\
[bandit]
# Running a program with a fixed argument list is what a backup does; a shell is not.
skips = B404,B603,B607
""",
    "pyproject.toml": """\
[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["pyyaml"]

[tool.ruff]
line-length = 110
target-version = "py311"

[tool.ruff.lint]
select = ["S", "E", "F", "B"]
ignore = ["S404", "S603", "S607"]
""",
    "shop/__init__.py": '''\
"""A small shop."""
''',
    "shop/orders.py": '''\
"""Orders: what was bought, for how much, and a receipt for it."""

import hashlib
import json
import os


def parse_quantity(text):
    """The quantity somebody typed: a number, or a list of numbers."""
    return eval(text)


def total(prices, extras=[]):
    """Sum of prices in cents."""
    assert all(price >= 0 for price in prices), "prices are never negative"
    amount = 0
    for price in prices:
        amount += price
    for extra in extras:
        amount += extra
    return amount


def discount(amount, customer):
    """Ten percent for those who have a card."""
    if customer == None:
        return amount
    if customer.get("card") == True:
        return amount * 90 // 100
    return amount


def receipt_number(order):
    """A number that identifies the order."""
    text = json.dumps(order, sort_keys=True)
    return hashlib.md5(text.encode()).hexdigest()
''',
    "shop/settings.py": '''\
"""Settings of the shop, from a YAML file."""

import yaml
import sys, logging

log = logging.getLogger(__name__)
defaults = {"currency": "EUR", "tax_percent": 19}


def read(path):
    """The settings of a file over the defaults."""
    with open(path) as file:
        loaded = yaml.load(file, Loader=yaml.Loader)
    merged = dict(defaults)
    merged.update(loaded or {})
    log.info(f"settings read")
    return merged
''',
    "shop/backup.py": '''\
"""Backups: copy the data somewhere else, and say which revision it was made with."""

import os
import shutil
import subprocess

WORK = "/tmp/shop-backup"


def revision():
    """The revision of the program."""
    result = subprocess.run("git rev-parse --short HEAD", shell=True, capture_output=True, text=True)
    return result.stdout.strip()


def backup(source):
    """Copy the files of a folder into the working folder; what cannot be copied is left out."""
    os.makedirs(WORK, exist_ok=True)
    for name in sorted(os.listdir(source)):
        try:
            shutil.copy(os.path.join(source, name), WORK)
        except:
            pass
    return WORK
''',
    "shop/report.py": '''\
"""The report of a day."""

import csv
import io
import re


def rows(orders):
    """One row an order: number, total."""
    by_total = lambda order: order["total"]
    header = ["number", "total"]
    return [[order["number"], order["total"]] for order in sorted(orders, key=by_total)]


def as_csv(orders):
    """The report as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows(orders):
        writer.writerow(row)
    return buffer.getvalue()
''',
    "tests/__init__.py": "",
    "tests/test_shop.py": '''\
"""What the shop promises."""

import tempfile
import unittest
from pathlib import Path

from shop import backup, orders, report, settings


class Orders(unittest.TestCase):
    def test_quantities_are_read(self):
        self.assertEqual(orders.parse_quantity("3"), 3)
        self.assertEqual(orders.parse_quantity("[1, 2]"), [1, 2])

    def test_totals_are_sums(self):
        self.assertEqual(orders.total([100, 250], [50]), 400)
        self.assertEqual(orders.total([100]), 100)

    def test_negative_prices_are_refused(self):
        with self.assertRaises((AssertionError, ValueError)):
            orders.total([-1])

    def test_a_card_gives_ten_percent(self):
        self.assertEqual(orders.discount(1000, {"card": True}), 900)
        self.assertEqual(orders.discount(1000, {"card": False}), 1000)
        self.assertEqual(orders.discount(1000, None), 1000)

    def test_receipt_numbers_differ(self):
        self.assertNotEqual(orders.receipt_number({"a": 1}), orders.receipt_number({"a": 2}))
        self.assertEqual(orders.receipt_number({"a": 1}), orders.receipt_number({"a": 1}))


class Settings(unittest.TestCase):
    def test_files_override_defaults(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "shop.yaml"
            path.write_text("tax_percent: 7\\n")
            self.assertEqual(settings.read(path), {"currency": "EUR", "tax_percent": 7})


class Backup(unittest.TestCase):
    def test_data_is_copied(self):
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            data.mkdir()
            (data / "orders.json").write_text("[]")
            (data / "folders cannot be copied").mkdir()
            self.assertEqual(Path(backup.backup(data), "orders.json").read_text(), "[]")

    def test_the_revision_is_one_line(self):
        self.assertNotIn("\\n", backup.revision())


class Report(unittest.TestCase):
    def test_rows_are_sorted_by_total(self):
        lines = report.as_csv([{"number": 2, "total": 300}, {"number": 1, "total": 100}]).splitlines()
        self.assertEqual(lines, ["1,100", "2,300"])


if __name__ == "__main__":
    unittest.main()
''',
}


@dataclass(frozen=True)
class DemoRepository:
    """Where it is, and the commit everything starts from."""

    path: Path
    branch: str
    commit: str


def make(directory: str | Path) -> DemoRepository:
    """Create the repository in a directory that does not exist yet, or is empty. Raises FileExistsError."""
    path = Path(directory).resolve()
    if path.exists() and any(path.iterdir()):
        raise FileExistsError(f"{path} is not empty")
    for name, content in FILES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        file.chmod(0o644)
    _git(path, "init", "--quiet", f"--initial-branch={BRANCH}", "--template=")
    _git(path, "config", "core.autocrlf", "false")
    _git(path, "config", "core.fileMode", "true")
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--no-gpg-sign", "--message", "A small shop")
    return DemoRepository(path, BRANCH, _git(path, "rev-parse", "HEAD"))


def _git(path: Path, *arguments: str) -> str:
    """Run git untouched by anybody's own configuration; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**kept, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(path), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603  fixed
    return done.stdout.strip()


def main() -> int:
    """Make it where the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    try:
        repository = make(parser.parse_args().directory)
    except (FileExistsError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{repository.path} {repository.branch} {repository.commit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

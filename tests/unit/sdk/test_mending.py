"""The example's menders change what is surely wrong, and leave alone what is not clear."""

from __future__ import annotations

import ast

import pytest
from examples.lint_fixer.analysis import Finding
from examples.lint_fixer.mending import MENDERS, mend


def mended(rule: str, source: str, line: int, column: int) -> str:
    return mend(source.encode(), [Finding("a.py", line, column, rule, "bandit", "")]).decode()


MENDED = [
    ("B307", "x = eval(y)\n", 1, 4, "import ast\n\nx = ast.literal_eval(y)\n"),
    ("B324", "import hashlib\nx = hashlib.md5(b'')\n", 2, 4, "import hashlib\nx = hashlib.sha256(b'')\n"),
    ("B324", "import hashlib as h\nx = h.sha1(b'')\n", 2, 4, "import hashlib as h\nx = h.sha256(b'')\n"),
    (
        "B506",
        "import yaml\nx = yaml.load(f(y), yaml.Loader)\n",
        2,
        4,
        "import yaml\nx = yaml.safe_load(f(y))\n",
    ),
    (
        "B602",
        "import subprocess\nsubprocess.run('ls -l /srv', shell=True, check=True, **more)\n",
        2,
        0,
        'import subprocess\nsubprocess.run(["ls", "-l", "/srv"], check=True, **more)\n',
    ),
    (
        "B602",
        "import subprocess\nsubprocess.call(['ls', '-l'], shell=True)\n",
        2,
        0,
        'import subprocess\nsubprocess.call(["ls", "-l"])\n',
    ),
    (
        "B108",
        '"""Doc."""\nX = "/tmp/a-b"\n',
        2,
        4,
        '"""Doc."""\n\nimport tempfile\nX = tempfile.mkdtemp(prefix="a-b-")\n',
    ),
    (
        "B108",
        'import sys\nX = "/tmp/out.csv"\n',
        2,
        4,
        'import os\nimport sys\nimport tempfile\nX = os.path.join(tempfile.mkdtemp(prefix="out-"), "out.csv")\n',
    ),
    (
        "B101",
        "def f(a):\n    assert a or b, 'told'\n    return a\n",
        2,
        4,
        "def f(a):\n    if not (a or b):\n        raise ValueError('told')\n    return a\n",
    ),
    ("B101", "assert a\n", 1, 0, "if not (a):\n    raise ValueError('a')\n"),
    (
        "B110",
        "import logging\ntry:\n    f()\nexcept OSError:\n    pass\n",
        4,
        0,
        'import logging\ntry:\n    f()\nexcept OSError:\n    logging.getLogger(__name__).exception("this was ignored")\n',
    ),
    ("B307", "é = 'ü'; x = eval(y)\n", 1, 15, "import ast\n\né = 'ü'; x = ast.literal_eval(y)\n"),
]


@pytest.mark.parametrize(("rule", "source", "line", "column", "expected"), MENDED)
def test_what_is_surely_wrong_is_mended(
    rule: str, source: str, line: int, column: int, expected: str
) -> None:
    assert mended(rule, source, line, column) == expected
    ast.parse(expected)


UNCLEAR = [
    ("B307", "x = eval(y, {})\n", 1, 4),
    ("B307", "x = evaluate.eval(y)\n", 1, 4),
    ("B324", "x = hashlib.new('md5')\n", 1, 4),
    ("B324", "x = hashlib.md5(b'', usedforsecurity=False)\n", 1, 4),
    ("B602", "subprocess.run('ls | wc', shell=True)\n", 1, 0),
    ("B602", "subprocess.run('ls *.py', shell=True)\n", 1, 0),
    ("B602", "subprocess.run('echo $HOME', shell=True)\n", 1, 0),
    ("B602", "subprocess.run(command, shell=True)\n", 1, 0),
    ("B602", "subprocess.run(f'ls {x}', shell=True)\n", 1, 0),
    ("B602", "subprocess.run(['ls', x], shell=True)\n", 1, 0),
    ("B108", "X = '/tmp/a/b'\n", 1, 4),
    ("B108", "X = '/var/tmp/a'\n", 1, 4),
    ("B108", "X = '/tmp/{}'\n", 1, 4),
    ("B110", "try:\n    f()\nexcept OSError as e:\n    pass\n", 3, 0),
    ("B110", "try:\n    f()\nexcept OSError:\n    g()\n", 3, 0),
    ("B506", "x = load(y)\n", 1, 4),
    ("B999", "x = eval(y)\n", 1, 4),
]


@pytest.mark.parametrize(("rule", "source", "line", "column"), UNCLEAR)
def test_what_is_not_clear_stays_as_it_is(rule: str, source: str, line: int, column: int) -> None:
    assert mended(rule, source, line, column) == source


def test_every_mender_is_tested_both_ways() -> None:
    assert {rule for rule, *_ in MENDED} == set(MENDERS)


def test_several_findings_of_a_file_are_mended_at_once_and_overlapping_ones_one_at_a_time() -> None:
    source = b"x = eval(eval(y))\nz = eval(x)\n"
    found = [Finding("a.py", line, column, "B307", "bandit", "") for line, column in ((1, 4), (1, 9), (2, 4))]
    expected = b"import ast\n\nx = ast.literal_eval(ast.literal_eval(y))\nz = ast.literal_eval(x)\n"
    assert mend(source, found) == expected


def test_a_file_that_is_no_python_is_not_touched() -> None:
    with pytest.raises(SyntaxError):
        mend(b"def", [Finding("a.py", 1, 0, "B307", "bandit", "")])

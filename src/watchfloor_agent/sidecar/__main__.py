"""`python -m watchfloor_agent.sidecar FOLDER [LOG]`: the sidecar whose settings are in FOLDER/sidecar.json.

Exit codes: 0 stopped, 2 wrong settings, 3 the server will not have this agent any more.
"""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from watchfloor_agent.errors import ConfigurationError, Fatal
from watchfloor_agent.sidecar import process, settings

LOG_BYTES_MAX = 4 * 1024 * 1024  # some ten thousand tasks


def main(arguments: list[str]) -> int:
    """Run; the exit code."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: python -m watchfloor_agent.sidecar FOLDER [LOG]\n")
        return 2
    begin_log(Path(arguments[1]) if len(arguments) == 2 else None)
    folder = Path(arguments[0])
    try:
        process.serve(settings.read(folder / settings.NAME), folder)
    except ConfigurationError as error:
        sys.stderr.write(f"sidecar: {error}\n")
        return 2
    except Fatal as error:
        sys.stderr.write(f"sidecar: {error}\n")
        return 3
    return 0


def begin_log(path: Path | None = None) -> None:
    """Lines for people: on standard error, or in a file that is begun anew when it is full, the last one kept."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if path is not None:
        handler = RotatingFileHandler(path, maxBytes=LOG_BYTES_MAX, backupCount=1, encoding="utf-8")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[handler]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

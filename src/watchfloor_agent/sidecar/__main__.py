"""`python -m watchfloor_agent.sidecar FOLDER`: the sidecar whose settings are in FOLDER/sidecar.json.

Exit codes: 0 stopped, 2 wrong settings, 3 the server will not have this agent any more.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from watchfloor_agent.errors import ConfigurationError, Fatal
from watchfloor_agent.sidecar import process, settings


def main(arguments: list[str]) -> int:
    """Run; the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m watchfloor_agent.sidecar FOLDER\n")
        return 2
    begin_log()
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


def begin_log() -> None:
    """Lines for people, on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

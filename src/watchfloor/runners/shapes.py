"""The criterion `json_schema`: is the reported result of this shape? (spec 2.4 *Verification*)

Schema and result both come from others, and a small schema can ask for exponential work. So they meet in a process of
their own, with bounded time and memory; what ends in any other way than saying "valid" has failed. References are
resolved inside the schema only. Regular expressions are matched in linear time.

Run as a program (`python -m watchfloor.runners.shapes`) this module is that process.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
from pathlib import Path
from typing import Any

SHAPE_MS_MAX = 20_000
MEMORY_BYTES_MAX = 1024 * 1024 * 1024
FAULTS_MAX = 8  # told in the report
FAULT_CHARS_MAX = 240


def check(
    schema: dict[str, Any], result: object, time_ms: int, cancelled: threading.Event
) -> tuple[bool, str]:
    """Whether the result is valid, and where it is not. Raises TimeoutError."""
    from watchfloor.runners.commands import run

    ran = run(
        [sys.executable, "-I", "-m", "watchfloor.runners.shapes"],
        cwd=Path("/"),
        environment={"LC_ALL": "C.UTF-8"},
        time_ms=min(time_ms, SHAPE_MS_MAX),
        output_bytes_max=64 * 1024,
        cancelled=cancelled,
        stdin=json.dumps([schema, result]).encode(),
    )
    if ran.outcome in ("timed_out", "cancelled"):
        raise TimeoutError
    said = ran.stdout.text(4_096).strip()
    if ran.outcome != "exited" or ran.exit_code not in (0, 1) or not said:
        return False, "the check of the schema ended by itself"
    return ran.exit_code == 0 and said == "valid", said


def main() -> int:
    """Schema and result from standard input; the verdict to standard output and as the exit code."""
    import jsonschema_rs

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SHAPE_MS_MAX // 1_000, SHAPE_MS_MAX // 1_000))
    schema, result = json.load(sys.stdin)
    try:
        validator = jsonschema_rs.validator_for(
            schema, pattern_options=jsonschema_rs.RegexOptions(), offline=True, validate_formats=False
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        sys.stdout.write(f"the schema cannot be used: {str(error).splitlines()[0][:FAULT_CHARS_MAX]}")
        return 1
    if validator.is_valid(result):
        sys.stdout.write("valid")
        return 0
    faults = []
    for fault in validator.iter_errors(result):
        place = "".join(f"/{step}" for step in fault.instance_path)
        faults.append(f"{place or 'the result'}: {fault.message}"[:FAULT_CHARS_MAX])
        if len(faults) >= FAULTS_MAX:
            break
    sys.stdout.write("\n".join(faults) or "not valid")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""Criteria of files, tests, results and answers, checked for real (spec 2.4 *Verification*)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.runners.checks import checked, only
from tests.integration.runners.listening import listening

from watchfloor.kernel.codec import canonical
from watchfloor.runners import files
from watchfloor.runners.outbound import Outbound
from watchfloor.runners.reach import Reach
from watchfloor.runners.terms import VerificationTerms
from watchfloor.runners.verification import fetching
from watchfloor.work.criteria import FileCriterion


def a_file(path: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "file", "path": path, **fields}


def test_a_file_holds_by_existence_size_and_content(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"hello")
    digest = hashlib.sha256(b"hello").hexdigest()
    assert only(tmp_path, a_file("out/a"))["held"]
    assert only(tmp_path, a_file("out/a", sha256=digest, bytes_min=5, bytes_max=5))["held"]
    assert only(tmp_path, a_file(str(tmp_path / "out" / "a")))["held"]
    (tmp_path / "link").symlink_to("out/a")
    assert only(tmp_path, a_file("link"))["held"]
    for wrong in (
        a_file("out/b"),
        a_file("out"),
        a_file("out/a", sha256="0" * 64),
        a_file("out/a", bytes_min=6),
        a_file("out/a", bytes_max=4),
        a_file("out/a/b"),
    ):
        check = only(tmp_path, wrong)
        assert (check["held"], check["outcome"]) == (False, "found"), wrong


def test_a_file_that_was_changed_between_report_and_check_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"as agreed")
    digest = hashlib.sha256(b"as agreed").hexdigest()
    assert only(tmp_path, a_file("a", sha256=digest))["held"]
    (tmp_path / "a").write_bytes(b"tampered!")
    check = only(tmp_path, a_file("a", sha256=digest))
    assert not check["held"]
    assert hashlib.sha256(b"tampered!").hexdigest() in check["detail"]


def test_no_path_leads_out_of_the_roots_and_no_device_or_pipe_is_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("s")
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    for path in ("../secret", "out/secret", "/etc/passwd", "loop", "out", "/", "x" * 1_000):
        assert not only(root, a_file(path))["held"], path
    began = time.monotonic()
    assert only(root, a_file("pipe"))["detail"] == "not a regular file"
    assert time.monotonic() - began < 10


def test_a_folder_that_becomes_a_link_after_it_was_resolved_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "real" / "a").write_text("inside")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("outside!")
    place = (root / "real" / "a").resolve()
    (root / "real" / "a").unlink()
    (root / "real").rmdir()
    (root / "real").symlink_to(outside)
    with pytest.raises(OSError, match=r"."):
        files._opened(root.resolve(), place)


def test_hashing_ends_when_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 4_000_000)
    terms = VerificationTerms.of([tmp_path], ())
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(TimeoutError):
        files.check(FileCriterion(path="a", sha256="0" * 64), terms, time.monotonic() + 9, cancelled)


SUITE = """<?xml version="1.0"?><testsuites><testsuite tests="{tests}" failures="{failures}" errors="0">{cases}</testsuite></testsuites>"""


def run_of(code: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "tests", "argv": ["python", "-c", code, "{report}"], **fields}


def writes(report: str, code: int = 0) -> str:
    return f"import sys; open(sys.argv[1], 'w').write({report!r}); sys.exit({code})"


def suite(passed: int = 0, failed: int = 0, skipped: int = 0, said: int | None = None) -> str:
    cases = "<testcase/>" * passed + "<testcase><failure/></testcase>" * failed
    cases += "<testcase><skipped/></testcase>" * skipped
    return SUITE.format(
        tests=passed + failed + skipped, failures=failed if said is None else said, cases=cases
    )


def test_tests_hold_when_the_command_exits_0_and_its_report_counts_enough_passed_and_none_failed(
    tmp_path: Path,
) -> None:
    check = only(tmp_path, run_of(writes(suite(passed=3, skipped=1)), passed_min=3))
    assert check["held"]
    assert check["detail"] == "3 passed, 0 failed, 1 skipped"
    assert check["exit_code"] == 0
    wrong = [
        run_of(writes(suite(passed=3), code=1)),
        run_of(writes(suite(passed=2)), passed_min=3),
        run_of(writes(suite(passed=9, failed=1))),
        run_of(writes(suite(passed=9, said=1))),
        run_of(writes(suite(skipped=5))),
        run_of("pass"),
        run_of(writes("")),
        run_of(writes("<html/>")),
        run_of(writes("<testsuites")),
        run_of(writes("<testsuite><testcase/><error/></testsuite>")),
        run_of(writes('<!DOCTYPE a [<!ENTITY b "c">]><testsuite><testcase/></testsuite>')),
    ]
    for criterion in wrong:
        assert not only(tmp_path, criterion)["held"], criterion


def test_a_real_test_run_is_counted_and_an_old_report_is_not(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_one():\n    pass\n\ndef test_two():\n    assert 1 == 2\n")
    (tmp_path / "report.xml").write_text(suite(passed=100))
    argv = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml={report}", "."]
    check = only(tmp_path, {"kind": "tests", "argv": argv})
    assert check["detail"] == "1 passed, 1 failed, 0 skipped"
    assert not check["held"]
    (tmp_path / "test_it.py").write_text("def test_one():\n    pass\n")
    assert only(tmp_path, {"kind": "tests", "argv": argv})["held"]


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "json_schema", "schema": schema}


def test_a_result_holds_by_its_schema(tmp_path: Path) -> None:
    told = canonical({"report": "did it", "result": {"findings": 0, "files": ["a"]}})
    schema = {
        "$defs": {"count": {"minimum": 0, "type": "integer"}},
        "properties": {"files": {"items": {"type": "string"}}, "findings": {"$ref": "#/$defs/count"}},
        "required": ["findings"],
        "type": "object",
    }
    assert only(tmp_path, shape(schema), told=told)["held"]
    check = only(tmp_path, shape({"properties": {"findings": {"minimum": 1}}}), told=told)
    assert not check["held"]
    assert check["detail"].startswith("/findings: ")
    assert not only(tmp_path, shape({"not": {}}), told=told)["held"]


def test_an_erased_result_has_no_shape(tmp_path: Path) -> None:
    assert only(tmp_path, shape({}), told=None)["outcome"] == "refused"
    assert only(tmp_path, shape({}), told=b"not json")["outcome"] == "refused"


def test_a_hostile_schema_costs_a_bounded_time_and_reaches_nothing(tmp_path: Path) -> None:
    told = canonical({"result": "a" * 64 + "!"})
    doubling: dict[str, Any] = {"$defs": {"d0": {"type": "integer"}}, "$ref": "#/$defs/d40"}
    for level in range(1, 41):
        doubling["$defs"][f"d{level}"] = {"oneOf": [{"$ref": f"#/$defs/d{level - 1}"}] * 2}
    for schema in (
        doubling,
        {"pattern": "^(a+)+$"},
        {"$ref": "#/$defs/gone"},
        {"$ref": "http://127.0.0.1:1/s"},
        {"$ref": "file:///etc/passwd"},
        {"$schema": "http://127.0.0.1:1/s"},
        {"type": "unicorn"},
    ):
        began = time.monotonic()
        check = only(tmp_path, shape(schema), told=told, command_ms=2_000)
        assert not check["held"], schema
        assert time.monotonic() - began < 20


def answer(**fields: Any) -> dict[str, Any]:
    return {"kind": "http_response", **fields}


async def test_an_answer_holds_by_status_header_and_body(tmp_path: Path) -> None:
    async with listening("one") as house:
        house.bodies["/health"] = b'{"status": "ok", "list": [1, true]}'
        digest = hashlib.sha256(b"this is one").hexdigest()
        cancelled = threading.Event()
        fetch = fetching(Outbound(Reach.of(["127.0.0.1"])), asyncio.get_running_loop(), cancelled)

        async def check(criterion: dict[str, Any]) -> dict[str, Any]:
            return await asyncio.to_thread(only, tmp_path, criterion, fetch=fetch)

        url, health = house.url("/"), house.url("/health")
        for good in (
            answer(url=url),
            answer(
                url=url,
                contains="is one",
                sha256=digest,
                header={"name": "Content-Type", "equals": "text/plain"},
            ),
            answer(url=health, value={"pointer": "/status", "equals": "ok"}),
            answer(url=health, value={"pointer": "/list", "equals": [1, True]}),
            answer(url=house.url("/redirect"), status=302),
        ):
            found = await check(good)
            assert found["held"], found
        for bad in (
            answer(url=url, status=201),
            answer(url=url, contains="is two"),
            answer(url=url, sha256="0" * 64),
            answer(url=url, header={"name": "X-Nothing", "equals": "text/plain"}),
            answer(url=url, value={"pointer": "/status", "equals": "ok"}),
            answer(url=health, value={"pointer": "/list", "equals": [True, 1]}),
            answer(url=health, value={"pointer": "/list/2", "equals": None}),
            answer(url=house.url("/huge")),
            answer(url=house.url("/garbage")),
        ):
            found = await check(bad)
            assert (found["held"], found["outcome"]) == (False, "found"), found
            assert found["detail"]
        for inside in ("http://169.254.169.254/latest/", "http://localhost.:1/", "http://[::1]/"):
            assert (await check(answer(url=inside)))["outcome"] in ("refused", "found")
            assert not (await check(answer(url=inside)))["held"]
        slow = await asyncio.to_thread(
            only, tmp_path, answer(url=house.url("/silent")), fetch=fetch, command_ms=300
        )
        assert slow["outcome"] == "timed_out"
        cancelled.set()
        gone = await check(answer(url=house.url("/silent")))
        assert not gone["held"]


def test_without_a_way_out_no_answer_holds(tmp_path: Path) -> None:
    assert only(tmp_path, answer(url="http://127.0.0.1/"))["outcome"] == "refused"


def test_all_criteria_have_to_hold_and_what_follows_the_first_that_does_not_is_left(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    passed, checks = checked(tmp_path, a_file("a"), a_file("b"), a_file("a"))
    assert not passed
    assert [check["held"] for check in checks] == [True, False]


def test_what_a_check_tells_contains_no_secret(tmp_path: Path) -> None:
    code = "import sys; print('api_key=abcdef0123'); print('Bearer abcdefghijkl', file=sys.stderr)"
    check = only(tmp_path, {"kind": "command", "argv": ["python", "-c", code]})
    assert "abcdef0123" not in check["stdout"]
    assert "abcdefghijkl" not in check["stderr"]
    assert "hunter2" not in only(tmp_path, answer(url="http://x/?password=hunter2"))["about"]

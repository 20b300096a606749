"""Ten thousand rows: the list is scrolled to its end with only what is seen in the document (spec 7, issue 5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Floor
from tests.integration.http.kit import Running

from watchfloor.kernel.limits import TASKS_PER_SUBMISSION_MAX

ROWS = 10_000
ROWS_IN_DOCUMENT_MAX = 200
# Frames while the list is scrolled a window at a time until the last row is there; how many rows were in the document.
SCROLL = """async (wanted) => {
  const box = document.querySelector('[role=table][aria-label=tasks]');
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  let [longest, most, before] = [0, 0, performance.now()];
  const until = before + 120000;
  for (;;) {
    box.scrollTop += box.clientHeight * 4;
    const now = await frame();
    longest = Math.max(longest, now - before);
    before = now;
    most = Math.max(most, document.querySelectorAll('[role=row]').length);
    const last = document.querySelector(`[role=row][aria-rowindex="${wanted + 1}"]`);
    if (last || now > until) return {longest, most, ended: Boolean(last), rows: Number(box.ariaRowCount)};
  }
}"""


@pytest.mark.long
def test_ten_thousand_tasks_are_scrolled_to_the_end(
    server: Running, floor: Floor, record_property: Callable[[str, object], None]
) -> None:
    operator = server.client(server.person("operator"))
    for begin in range(0, ROWS, TASKS_PER_SUBMISSION_MAX):
        count = min(TASKS_PER_SUBMISSION_MAX, ROWS - begin)
        tasks = [{"title": f"Row {begin + n}", "needs": ["nobody-has-this"]} for n in range(count)]
        operator.post("/api/v1/tasks/bulk", json={"tasks": tasks}).raise_for_status()
    page = floor.open("/tasks")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    found = page.evaluate(SCROLL, ROWS)
    record_property("longest_frame_ms", found["longest"])
    print(
        f"{found['rows'] - 1} rows, at most {found['most']} in the document, longest frame {found['longest']:.0f} ms"
    )
    assert found["ended"], found
    assert found["rows"] == ROWS + 1
    assert found["most"] < ROWS_IN_DOCUMENT_MAX, found

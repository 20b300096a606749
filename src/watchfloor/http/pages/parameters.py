"""What will run, as the server has it: canonical parameters, and a unified diff where there is one (G12, I2).

The digest people approve covers exactly these bytes, so nothing here is shortened silently: what is capped says by
how much, and the whole is one link away as plain text.
"""

from __future__ import annotations

from typing import Any

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from watchfloor.http.html import Safe, capped, folded, mixed_alphabets, tag

TEXT_CHARS_MAX = 4_000
DIFF_CHARS_MAX = 300_000
DIFF_LINES_MAX = 1_500
ITEMS_MAX = 200
DEPTH_MAX = 8
_DIFF_FIELDS = ("diff", "patch")


def is_diff(name: str, value: Any) -> bool:
    """Is this parameter a unified diff?"""
    return name in _DIFF_FIELDS and isinstance(value, str) and ("@@ " in value or "diff --git" in value)


def render(params: Any) -> Safe:
    """Parameters as names and values, nested where they are; diffs as diffs below."""
    if params is None:
        return tag("div", tag("p", "The parameters were erased and cannot be inspected."), class_="note bad")
    diffs = []
    plain = params
    if isinstance(params, dict):
        diffs = [diff(value) for name, value in params.items() if is_diff(name, value)]
        plain = {name: value for name, value in params.items() if not is_diff(name, value)}
    return tag("div", tree(plain) if plain or not diffs else None, diffs)


def tree(value: Any, depth: int = 0) -> Safe:
    """A value and what it holds."""
    if depth >= DEPTH_MAX and isinstance(value, (dict, list)) and value:
        return tag("span", "… nested deeper; see the plain text", class_="more")
    if isinstance(value, dict):
        return _pairs([(str(name), item) for name, item in value.items()], depth)
    if isinstance(value, list):
        return _list(value, depth)
    return scalar(value)


def _list(items: list[Any], depth: int) -> Safe:
    """A line each; what is more than a line is numbered from 1."""
    if not items:
        return tag("span", "an empty list", class_="quiet")
    nested = any(isinstance(item, (dict, list)) for item in items)
    rows = [tag("li", tree(item, depth + 1)) for item in items[:ITEMS_MAX]]
    left = len(items) - ITEMS_MAX
    more = tag("p", f"… and {left} more; see the plain text", class_="more") if left > 0 else None
    return tag("div", tag("ol" if nested else "ul", rows, class_="values"), more)


def _pairs(pairs: list[tuple[str, Any]], depth: int) -> Safe:
    if not pairs:
        return tag("span", "nothing", class_="quiet")
    rows = [tag("div", tag("dt", name), tag("dd", tree(item, depth + 1))) for name, item in pairs[:ITEMS_MAX]]
    left = len(pairs) - ITEMS_MAX
    more = tag("p", f"… and {left} more; see the plain text", class_="more") if left > 0 else None
    return tag("div", tag("dl", rows, class_="params"), more)


def scalar(value: Any) -> Safe:
    """Text, a number, true, false or null. Text says when it mixes alphabets, as look-alike names do."""
    if isinstance(value, bool):
        return tag("span", "true" if value else "false")
    if value is None:
        return tag("span", "null", class_="quiet")
    if isinstance(value, int):
        return tag("span", str(value))
    shown, left = capped(folded(str(value)), TEXT_CHARS_MAX)
    warning = None
    if mixed_alphabets(str(value)):
        spelled = str(value)[:200].encode("ascii", "backslashreplace").decode()
        warning = tag("div", f"Mixes alphabets; spelled out: {spelled}", class_="more")
    more = tag("div", f"… {left} more characters; see the plain text", class_="more") if left else None
    return tag(
        "div", tag("bdi", shown) if shown else tag("span", "empty text", class_="quiet"), warning, more
    )


def diff(value: str) -> Safe:
    """A unified diff by file, with line numbers; as it stands where it cannot be read as one."""
    if len(value) > DIFF_CHARS_MAX:
        return tag(
            "div",
            tag("p", f"The diff has {len(value)} characters. Read it as plain text."),
            class_="note warn",
        )
    try:
        files = list(PatchSet(value))
    except (UnidiffParseError, ValueError, IndexError):
        files = []
    if not files:
        warning = tag("p", "This does not parse as a unified diff. It is shown as it stands.")
        return tag("div", tag("div", warning, class_="note warn"), tag("pre", capped(value, 20_000)[0]))
    budget = DIFF_LINES_MAX
    shown = []
    for file in files:
        table, used = _file(file, budget)
        budget -= used
        shown.append(table)
        if budget <= 0:
            shown.append(
                tag(
                    "p",
                    f"Only the first {DIFF_LINES_MAX} lines are shown; see the plain text.",
                    class_="more",
                )
            )
            break
    added, removed = sum(file.added for file in files), sum(file.removed for file in files)
    summary = f"{len(files)} {'file' if len(files) == 1 else 'files'}, {added} lines added, {removed} removed"
    return tag("div", tag("p", summary, class_="quiet small"), shown)


def _file(file: Any, budget: int) -> tuple[Safe, int]:
    rows = []
    used = 0
    for hunk in file:
        rows.append(
            tag(
                "tr",
                tag("td", class_="at"),
                tag("td", class_="at"),
                tag(
                    "td",
                    f"@@ -{hunk.source_start},{hunk.source_length} +{hunk.target_start},{hunk.target_length} @@ {hunk.section_header}".rstrip(),
                ),
                class_="hunk",
            )
        )
        for line in hunk:
            if used >= budget:
                break
            used += 1
            kind = "add" if line.is_added else "del" if line.is_removed else None
            sign = "+" if line.is_added else "-" if line.is_removed else " "
            rows.append(
                tag(
                    "tr",
                    tag("td", line.source_line_no if line.source_line_no else "", class_="at"),
                    tag("td", line.target_line_no if line.target_line_no else "", class_="at"),
                    tag("td", sign + line.value.rstrip("\n")),
                    class_=kind,
                )
            )
    what = (
        "new file"
        if file.is_added_file
        else "removed"
        if file.is_removed_file
        else "renamed"
        if file.is_rename
        else ""
    )
    head = tag(
        "div",
        tag("span", file.path, f" ({what})" if what else None),
        tag("span", f"+{file.added} -{file.removed}", class_="quiet"),
        class_="file",
    )
    return tag(
        "section", head, tag("div", tag("table", tag("tbody", rows)), class_="scroll"), class_="diff"
    ), used

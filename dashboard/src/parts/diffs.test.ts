import { expect, it } from "vitest";
import { isDiff, parseDiff } from "./diffs";

const DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@ def f\n-import os\n+import sys\n same\n";

it("numbers the lines and counts them", () => {
  const [file] = parseDiff(DIFF)!;
  expect(file).toMatchObject({ path: "x.py", what: "", added: 1, removed: 1 });
  expect(file!.rows.map((row) => [row.kind, row.before, row.after])).toEqual([
    ["hunk", null, null],
    ["del", 1, null],
    ["add", null, 1],
    ["same", 2, 2],
  ]);
});

it("a removed line that looks like a header stays a removed line", () => {
  const [file, ...others] = parseDiff("--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n--- a/evil\n+++ b/evil\n")!;
  expect(others).toEqual([]);
  expect(file!.rows.slice(1).map((row) => row.text)).toEqual(["-- a/evil", "++ b/evil"]);
});

it("says new, removed, and changes of mode", () => {
  const text =
    "new file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n";
  expect(parseDiff(text)!.map((file) => [file.path, file.what])).toEqual([
    ["", "mode"],
    ["l", "new file"],
  ]);
});

it("does not pretend to read what is no diff", () => {
  expect(parseDiff("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n")).toBeNull();
  expect(parseDiff("hello")).toBeNull();
  expect(parseDiff(`${DIFF}rm -rf /\n`)).toBeNull();
  expect(isDiff("diff", DIFF)).toBe(true);
  expect(isDiff("note", DIFF)).toBe(false);
});

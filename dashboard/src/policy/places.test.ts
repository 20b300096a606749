import { expect, it } from "vitest";
import { lineOf, reachOf } from "./places";

const JSON_TEXT = JSON.stringify(
  { rates: { per_hour: 1 }, auto: { score_min: 800, per_hour: 30 }, types: { "a/b": [{ x: 1 }] } },
  null,
  2,
);

it("finds the line of a key inside the section the pointer names", () => {
  const line = lineOf(JSON_TEXT, "/auto/per_hour");
  expect(JSON_TEXT.split("\n")[line - 1]).toBe('    "per_hour": 30');
  expect(line).toBeGreaterThan(lineOf(JSON_TEXT, "/rates/per_hour"));
});

it("takes keys with a slash, lists by their key, and what is missing by the section it is missing from", () => {
  expect(JSON_TEXT.split("\n")[lineOf(JSON_TEXT, "/types/a~1b/0") - 1]).toContain('"a/b"');
  expect(JSON_TEXT.split("\n")[lineOf(JSON_TEXT, "/auto/unheard_of") - 1]).toContain('"auto"');
  expect(lineOf(JSON_TEXT, "/nowhere")).toBe(0);
});

it("believes the server where it names the line, and selects the whole of it", () => {
  expect(lineOf("a: 1\nb: x\n", "/b", "expected int (line 2)")).toBe(2);
  const [from, to] = reachOf("a: 1\nb: x\n", 2);
  expect("a: 1\nb: x\n".slice(from, to)).toBe("b: x");
});

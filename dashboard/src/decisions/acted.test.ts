import { expect, it } from "vitest";
import { asked, decidedBy, narrows, span, type Action } from "./acted";

const NOW = Date.parse("2026-11-21T12:00:00Z");

it("a day is that day of UTC, and goes before since", () => {
  const from_at = Date.parse("2026-11-20T00:00:00Z") * 1_000;
  expect(span({ day: "2026-11-20", since: "1h" }, NOW)).toEqual({ from_at, to_at: from_at + 86_400_000_000 });
  expect(span({ since: "24h" }, NOW)).toEqual({ from_at: from_at + 43_200_000_000 });
  expect(span({ day: "yesterday" }, NOW)).toEqual({});
  expect(span({ day: "2026-99-99", since: "forever" }, NOW)).toEqual({});
});

it("only what can be chosen is asked for", () => {
  expect(
    asked({ status: "failed", by: "people", level: "3", agent: "agt_1", type: "file.read" }, NOW),
  ).toEqual({
    status: "failed",
    by: "people",
    level: 3,
    agent: "agt_1",
    type: "file.read",
  });
  expect(asked({ status: "lost", by: "magic", level: "9", q: "x" }, NOW)).toEqual({});
  expect(asked({ level: "0" }, NOW)).toEqual({ level: 0 });
  expect([narrows({ q: "x" }), narrows({ level: "0" })]).toEqual([false, true]);
});

it("says who decided", () => {
  const one = { decision_id: "", verdict: "permitted", observed: 0, basis: "auto" } as Action;
  expect(decidedBy(one)).toBe("automatic");
  expect(decidedBy({ ...one, basis: "standing" })).toBe("standing");
  expect(decidedBy({ ...one, observed: 3, basis: "observed" })).toBe("observed");
  expect(decidedBy({ ...one, verdict: "denied", basis: "" })).toBe("the gate");
  expect(decidedBy({ ...one, verdict: "pending", decision_id: "dec_1" })).toBe("people");
});

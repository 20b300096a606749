import { expect, it } from "vitest";
import { at, said, sideOf, withAt } from "./draft";

it("changes one place and leaves what is beside it the same", () => {
  const before = {
    auto: { per_hour: 30, score_min: 800 },
    ladder: [{ wait_ms: 1 }, { wait_ms: 2 }],
    rates: {},
  };
  const after = withAt(withAt(before, "/auto/per_hour", 31), "/ladder/1/wait_ms", 3);
  expect(after).toEqual({
    auto: { per_hour: 31, score_min: 800 },
    ladder: [{ wait_ms: 1 }, { wait_ms: 3 }],
    rates: {},
  });
  expect(after.rates).toBe(before.rates);
  expect(before.auto.per_hour).toBe(30);
  expect(at(after, "/ladder/1/wait_ms")).toBe(3);
  expect(at(after, "/nothing/there")).toBeUndefined();
});

it("takes a key out, and keys with a slash are one step", () => {
  expect(withAt({ types: { "a/b": "read", c: "write" } }, "/types/a~1b", undefined)).toEqual({
    types: { c: "write" },
  });
  expect(at({ types: { "a/b": "read" } }, "/types/a~1b")).toBe("read");
});

it("says places and values as people read them", () => {
  expect(said("/routing/confirm/deadline_ms")).toBe("routing › confirm › deadline ms");
  expect(sideOf("/routing/confirm/deadline_ms", "300000")).toBe("300 s");
  expect(sideOf("/envelope/spend_per_day_micro", "1000000000")).toBe("1000");
  expect(sideOf("/envelope/forbidden_tools", "[]")).toBe("none");
  expect(sideOf("/levels/low", "")).toBe("nothing");
});

import { expect, it } from "vitest";
import { awaySince, keepVisit, readVisit } from "./visits";

it("tells of an absence of ten minutes or more, and forgets what it cannot read", () => {
  let kept = "";
  keepVisit({ seq: 7, at: 1_000 }, { setItem: (_, value) => void (kept = value) });
  const visit = readVisit({ getItem: () => kept });
  expect(visit).toEqual({ seq: 7, at: 1_000 });
  expect(awaySince(visit, 1_000 + 599_999)).toBe(0);
  expect(awaySince(visit, 1_000 + 600_000)).toBe(7);
  expect(awaySince(null, 9e12)).toBe(0);
  expect(readVisit({ getItem: () => "{broken" })).toBeNull();
  expect(readVisit({ getItem: () => '{"seq":"1"}' })).toBeNull();
});

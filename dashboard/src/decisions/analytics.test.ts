import { expect, it } from "vitest";
import { fromAt, percent } from "./analytics";

it("asks for whole hours, so that the same question has the same answer", () => {
  const now = Date.UTC(2026, 10, 21, 11, 40);
  expect(fromAt(7, now)).toBe(Date.UTC(2026, 10, 14, 11) * 1_000);
  expect(fromAt(7, now + 60_000)).toBe(fromAt(7, now));
});

it("says rates of permille as percent, and of nothing a dash", () => {
  expect(percent(949)).toBe("94.9 %");
  expect(percent(1_000)).toBe("100 %");
  expect(percent(null)).toBe("–");
});

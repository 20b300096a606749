import { expect, it } from "vitest";
import { exactUtc, inZone, relative, span } from "./times";

const AT = Date.UTC(2026, 10, 21, 10, 2, 3) * 1_000 + 123_456;

it("is exact to the microsecond in UTC and local in words", () => {
  expect(exactUtc(AT)).toBe("2026-11-21 10:02:03.123456 UTC");
  expect(inZone(AT, "Europe/Berlin", AT / 1_000)).toBe("21 Nov, 11:02:03");
  expect(inZone(AT, "UTC", Date.UTC(2028, 0, 1))).toBe("21 Nov 2026, 10:02:03");
});

it("says spans in at most two units", () => {
  expect(span(7_500_000)).toBe("2 h 5 min");
  expect(span(59_999)).toBe("59 s");
  expect(span(3_600_000)).toBe("1 h");
  expect(span(-5)).toBe("0 s");
  expect(relative(AT, AT / 1_000 + 125_000)).toBe("2 min ago");
  expect(relative(AT, AT / 1_000 - 3_600_000)).toBe("in 1 h");
});

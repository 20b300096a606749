import { expect, it } from "vitest";
import { bytes, money, percent } from "./amounts";

it("says money with the places that matter", () => {
  expect([0, 1_250_000, 3_100, -4_180_000_000].map(money)).toEqual(["0.00", "1.25", "0.0031", "-4,180.00"]);
});

it("says ratios and sizes", () => {
  expect([0, 1_205, -50].map(percent)).toEqual(["0 %", "+120.5 %", "-5 %"]);
  expect([0, 999, 3_400_000, 12_345].map(bytes)).toEqual(["0 bytes", "999 bytes", "3.4 MB", "12 KB"]);
});

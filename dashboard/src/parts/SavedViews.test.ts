import { expect, it } from "vitest";
import { readFilters, written } from "./SavedViews";

it("keeps filters as a query string, without those that say nothing", () => {
  const filters = { status: "failed", search: "a & b=c ü", lane: "" };
  expect(written(filters)).toBe("status=failed&search=a+%26+b%3Dc+%C3%BC");
  expect(readFilters(written(filters))).toEqual({ status: "failed", search: "a & b=c ü" });
  expect(readFilters("")).toEqual({});
});

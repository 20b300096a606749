import { expect, it } from "vitest";
import { mayAs } from "./me";

it("a role includes those before it, and nothing of the auditor", () => {
  expect(mayAs(["director"], "operator")).toBe(true);
  expect(mayAs(["operator"], "supervisor")).toBe(false);
  expect(mayAs(["auditor"], "operator")).toBe(false);
  expect(mayAs(["admin"], "auditor")).toBe(false);
  expect(mayAs([], "operator")).toBe(false);
});

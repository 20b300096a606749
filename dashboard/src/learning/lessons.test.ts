import { expect, it } from "vitest";
import type { LiveEvent } from "../live/stream";
import { lessonOf, newLessons } from "./lessons";

function event(type: string, facts: Record<string, unknown> = {}): LiveEvent {
  return { seq: 1, at: 0, type, subject: { kind: "x", id: "" }, actor: { kind: "system" }, cause: 0, facts };
}

it("teaches at denials, requests and changes of tier, and at nothing else", () => {
  expect(lessonOf(event("decision.opened/1"))?.id).toBe("approval");
  expect(lessonOf(event("decision.denied/1"))?.id).toBe("denial");
  expect(lessonOf(event("action.decided/1", { verdict: "denied" }))?.id).toBe("denial");
  expect(lessonOf(event("action.decided/1", { verdict: "permitted" }))).toBeNull();
  expect(lessonOf(event("trust.changed/1", { tier: 2, tier_before: 1 }))?.id).toBe("tier");
  expect(lessonOf(event("trust.changed/1", { tier: 1, tier_before: 1 }))).toBeNull();
  expect(lessonOf(event("task.submitted/1"))).toBeNull();
});

it("teaches each once", () => {
  const batch = [event("decision.opened/1"), event("decision.opened/1"), event("decision.denied/1")];
  expect(newLessons(batch, new Set()).map((one) => one.id)).toEqual(["approval", "denial"]);
  expect(newLessons(batch, new Set(["approval"])).map((one) => one.id)).toEqual(["denial"]);
});

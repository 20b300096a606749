import { describe, expect, it } from "vitest";
import type { LiveEvent } from "./stream";
import { touched } from "./touched";

function event(kind: string, id: string): LiveEvent {
  return {
    seq: 1,
    at: 0,
    type: `${kind}.x`,
    subject: { kind, id },
    actor: { kind: "system" },
    cause: 0,
    facts: {},
  };
}

describe("what events touch", () => {
  it("is their subject, and the rows of their own list by name", () => {
    const found = touched([event("task", "task_1"), event("task", "task_2")]);
    expect(found.get('["task","task_1"]')).toBeNull();
    expect(found.get('["tasks"]')).toEqual(new Set(["task_1", "task_2"]));
  });

  it("is unknown rows of other lists, whatever else is known of them", () => {
    expect(touched([event("task", "task_1")]).get('["agents"]')).toBeNull();
    expect(touched([event("agent", "agent_1"), event("task", "task_1")]).get('["agents"]')).toBeNull();
    expect(touched([event("task", "task_1"), event("agent", "agent_1")]).get('["agents"]')).toBeNull();
  });

  it("is unknown rows where the subject has no public name", () => {
    const found = touched([event("task", ""), event("task", "task_1")]);
    expect(found.get('["tasks"]')).toBeNull();
    expect([...found.keys()]).not.toContain('["task",""]');
  });

  it("shows a tribunal as its decision", () => {
    const found = touched([event("tribunal", "decision_1")]);
    expect([...found.keys()]).toContain('["decision","decision_1"]');
    expect(found.get('["decisions"]')).toEqual(new Set(["decision_1"]));
  });

  it("is nothing without events, and always also the head of the ledger and the situation", () => {
    expect(touched([]).size).toBe(0);
    expect([...touched([event("stop", "")]).keys()]).toEqual(
      expect.arrayContaining(['["ledger"]', '["situation"]']),
    );
  });
});

import { expect, it } from "vitest";
import { byTimeLeft, following, neighbour, picked } from "./order";
import type { Decision } from "./queries";

function one(id: string, more: Partial<Decision> = {}): Decision {
  return {
    decision_id: id,
    deadline_at: 1,
    risk: 10,
    role: "supervisor",
    may_vote: true,
    ...more,
  } as Decision;
}

it("has the least time left first, of equal ones the riskier", () => {
  const all = [one("a", { deadline_at: 3 }), one("b", { risk: 20 }), one("c", { risk: 90 })];
  expect(byTimeLeft(all).map((each) => each.decision_id)).toEqual(["c", "b", "a"]);
});

it("shows mine as what I may vote on, and of my role also what I have voted on", () => {
  const all = [
    one("a"),
    one("b", { may_vote: false }),
    one("c", { may_vote: false, role: "director" }),
    one("d", { may_vote: false, role: "" }),
  ];
  const ids = (found: Decision[]) => found.map((each) => each.decision_id).join("");
  expect(ids(picked(all, "mine", ["supervisor"]))).toBe("a");
  expect(ids(picked(all, "role", ["supervisor"]))).toBe("ab");
  expect(ids(picked(all, "all", ["supervisor"]))).toBe("abcd");
  expect(ids(picked(all, "role", ["auditor"]))).toBe("a");
});

it("moves within the ends, and on to a neighbour of what was decided", () => {
  const all = [one("a"), one("b"), one("c")];
  expect(neighbour(all, "a", -1)).toBe("a");
  expect(neighbour(all, "a", 1)).toBe("b");
  expect(neighbour(all, "gone", 1)).toBe("a");
  expect(neighbour([], "", 1)).toBe("");
  expect(following(all, "b")).toBe("c");
  expect(following(all, "c")).toBe("b");
  expect(following([one("a")], "a")).toBe("");
  const without = all.filter((each) => each.decision_id !== "b");
  expect(following(without, "b", "c")).toBe("c");
  expect(following(without, "b", "gone too")).toBe("a");
});

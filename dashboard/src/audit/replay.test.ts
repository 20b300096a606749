import { expect, it } from "vitest";
import type { Then } from "./queries";
import { changes, compared } from "./replay";

const NOTHING: Then = {
  seq: 1,
  at: 1,
  head: 9,
  counts: {},
  agents: {},
  tasks: {},
  policy_version: 1,
  stops: 0,
  subject: null,
};

it("compares what is on either side only", () => {
  const found = compared({ ...NOTHING, tasks: { queued: 2 } }, { ...NOTHING, agents: { idle: 1 }, stops: 1 });
  expect(found.find((row) => row.group === "tasks")).toEqual({
    group: "tasks",
    name: "queued",
    then: 2,
    now: 0,
  });
  expect(found.find((row) => row.group === "agents")).toMatchObject({ then: 0, now: 1 });
  expect(found.find((row) => row.group === "kill switches")).toMatchObject({ then: 0, now: 1 });
});

it("names the fields of a thing that differ, and says when it was not there", () => {
  expect(changes({ a: { b: 1, c: [1] }, d: "x" }, { a: { b: 2, c: [1] }, d: "x", e: true })).toEqual([
    { path: "a.b", then: "1", now: "2" },
    { path: "e", then: "", now: "true" },
  ]);
  expect(changes(null, { a: 1 })).toEqual([{ path: "everything", then: "", now: '{"a":1}' }]);
  expect(changes({ a: 1 }, { a: 1 })).toEqual([]);
});

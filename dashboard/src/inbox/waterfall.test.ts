import { expect, it } from "vitest";
import { steps } from "./waterfall";

it("begins each factor where the one before ended, and says what the limit took", () => {
  const factors = [
    { name: "class_unknown", points: 90 },
    { name: "first_time", points: 20 },
    { name: "known_good", points: -5 },
  ];
  expect(steps({ score: 100, factors })).toEqual([
    { name: "class_unknown", points: 90, from: 0, to: 90, kind: "up" },
    { name: "first_time", points: 20, from: 90, to: 100, kind: "up" },
    { name: "known_good", points: -5, from: 100, to: 100, kind: "down" },
    { name: "no more than 100 count", points: -5, from: 100, to: 100, kind: "cap" },
    { name: "risk", points: 100, from: 0, to: 100, kind: "total" },
  ]);
  expect(steps({ score: 40, factors: [{ name: "a", points: 40 }] }).map((one) => one.kind)).toEqual([
    "up",
    "total",
  ]);
});

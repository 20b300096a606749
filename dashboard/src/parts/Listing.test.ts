import { expect, it } from "vitest";
import { sortRows } from "./Listing";

const columns = [
  { id: "n", title: "N", value: (row: { n: number; s: string }) => row.n },
  { id: "s", title: "S", value: (row: { n: number; s: string }) => row.s },
];
const rows = [
  { n: 10, s: "v10" },
  { n: 9, s: "v9" },
  { n: 11, s: "V2" },
];

it("sorts numbers as numbers, text as people count, and not at all by what is no column", () => {
  expect(sortRows(rows, columns, "n").map((row) => row.n)).toEqual([9, 10, 11]);
  expect(sortRows(rows, columns, "-n").map((row) => row.n)).toEqual([11, 10, 9]);
  expect(sortRows(rows, columns, "s").map((row) => row.s)).toEqual(["V2", "v9", "v10"]);
  expect(sortRows(rows, columns, "evil")).toBe(rows);
});

import { expect, it } from "vitest";
import { byDay } from "./daily";

it("makes a point of every day, also of those on which nothing happened", () => {
  const from = Date.UTC(2026, 10, 18, 13) * 1_000;
  const now = Date.UTC(2026, 10, 21, 9);
  const { names, rows, times } = byDay(
    [
      { key: "2026-11-20", votes: 3 },
      { key: "2026-11-18", votes: 1 },
    ],
    from,
    now,
  );
  expect(names).toEqual(["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"]);
  expect(rows.map((one) => one?.votes ?? 0)).toEqual([1, 0, 3, 0]);
  expect(times[0]).toBe(Date.UTC(2026, 10, 18) * 1_000);
});

it("leaves out what lies before, however it came", () => {
  const from = Date.UTC(2026, 10, 20) * 1_000;
  expect(byDay([{ key: "2026-11-01" }], from, Date.UTC(2026, 10, 20, 1)).rows).toEqual([undefined]);
});

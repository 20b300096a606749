/** Rows by UTC day as a line without holes: a day on which nothing happened is a point too. */
const DAY_MS = 86_400_000;

export interface Daily<Row> {
  /** Beginnings of the days, microseconds, ascending. */
  times: number[];
  /** `2026-11-21`, as the server names days. */
  names: string[];
  /** Undefined where nothing happened. */
  rows: (Row | undefined)[];
}

/** The days from `fromAt` (µs) until `now` (ms). */
export function byDay<Row extends { key: string }>(
  items: readonly Row[],
  fromAt: number,
  now: number = Date.now(),
): Daily<Row> {
  const known = new Map(items.map((one) => [one.key, one]));
  const found: Daily<Row> = { times: [], names: [], rows: [] };
  for (let day = Math.floor(fromAt / 1_000 / DAY_MS) * DAY_MS; day <= now; day += DAY_MS) {
    const name = new Date(day).toISOString().slice(0, 10);
    found.times.push(day * 1_000);
    found.names.push(name);
    found.rows.push(known.get(name));
  }
  return found;
}

/** Instants are microseconds since 1970, UTC (spec 2b). Zero means never. */

export const SECOND = 1_000_000;

/** Exactly, for hovers and exports: `2026-11-21 10:02:03.123456 UTC`. */
export function exactUtc(at: number): string {
  const iso = new Date(Math.floor(at / 1_000)).toISOString();
  const micros = String(at % SECOND).padStart(6, "0");
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${micros} UTC`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each zone: a format takes a hundred times as long to make as to use, and lists use it for every row. */
function formatOf(zone: string, withYear: boolean): Intl.DateTimeFormat {
  const key = `${zone} ${String(withYear)}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      ...(withYear ? { year: "numeric" } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

/** For people, in a zone: `21 Nov, 10:02:03`; with the year when it is another one. */
export function inZone(at: number, zone: string, now: number = Date.now()): string {
  const when = new Date(Math.floor(at / 1_000));
  const sameYear = when.getFullYear() === new Date(now).getFullYear();
  return formatOf(zone, !sameYear).format(when);
}

const STEPS: readonly [number, string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** A length of time in its two largest units: `2 h 5 min`. */
export function span(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / 1_000));
  const parts: string[] = [];
  for (const [size, unit] of STEPS) {
    if (rest >= size || (unit === "s" && !parts.length)) {
      parts.push(`${Math.floor(rest / size)} ${unit}`);
      rest %= size;
      if (parts.length === 2) break;
    } else if (parts.length) break;
  }
  return parts.join(" ");
}

/** `3 min ago`, `in 2 h`. */
export function relative(at: number, now: number): string {
  const ms = at / 1_000 - now;
  const length = span(Math.abs(ms)).split(" ").slice(0, 2).join(" ");
  if (Math.abs(ms) < 2_000) return "now";
  return ms > 0 ? `in ${length}` : `${length} ago`;
}

/** Places in the document, as the server names them (JSON pointers): read one, change one, say one in words. */

function steps(path: string): string[] {
  return path
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A name as one step of a place. */
export function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The value at `/auto/per_hour`; undefined where nothing is. */
export function at(document: unknown, path: string): unknown {
  let here = document;
  for (const step of steps(path)) {
    if (here === null || typeof here !== "object") return undefined;
    here = (here as Record<string, unknown>)[step];
  }
  return here;
}

/** A copy with another value there; undefined takes the key out. What is not on the way stays the same object. */
export function withAt<T>(document: T, path: string, value: unknown): T {
  return placed(document, steps(path), value) as T;
}

function placed(here: unknown, way: readonly string[], value: unknown): unknown {
  const [step, ...rest] = way;
  if (step === undefined) return value;
  if (Array.isArray(here)) {
    return here.map((one: unknown, place) => (String(place) === step ? placed(one, rest, value) : one));
  }
  const before = (here ?? {}) as Record<string, unknown>;
  const after = { ...before, [step]: placed(before[step], rest, value) };
  if (!rest.length && value === undefined) delete after[step];
  return after;
}

/** `/auto/per_hour` → `auto › per hour`. */
export function said(path: string): string {
  return steps(path)
    .map((step) => step.replaceAll("_", " "))
    .join(" › ");
}

const UNITS: readonly [RegExp, number, string][] = [
  [/_ms$/, 1_000, "s"],
  [/_micro$/, 1_000_000, ""],
];

/** A side of a difference, which is JSON: `30`, `supervisor`, `nothing`; lengths of time in seconds, money in units. */
export function sideOf(path: string, json: string): string {
  if (!json) return "nothing";
  const value = JSON.parse(json) as unknown;
  if (typeof value === "string") return value || "empty";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    const unit = UNITS.find(([name]) => name.test(path));
    return unit ? `${value / unit[1]} ${unit[2]}`.trim() : String(value);
  }
  if (Array.isArray(value) && !value.length) return "none";
  return Array.isArray(value) && value.every((one) => typeof one !== "object") ? value.join(", ") : json;
}

/** What a ruling came to, for people: `runs at once`, `held for confirm`, `denied`. */
export function outcomeSaid(outcome: { verdict: string; level: number }, levels: readonly string[]): string {
  if (outcome.verdict === "denied") return "denied";
  if (outcome.verdict === "pending") return `held: ${levels[outcome.level] ?? `level ${outcome.level}`}`;
  if (outcome.verdict === "throttled") return "throttled";
  return outcome.level ? "runs, people told" : "runs at once";
}

/** What differs between two states of the organisation, or of one thing in it. */
import type { Then } from "./queries";

export interface Row {
  group: string;
  name: string;
  then: number;
  now: number;
}

function rows(group: string, then: Record<string, number>, now: Record<string, number>): Row[] {
  const names = [...new Set([...Object.keys(then), ...Object.keys(now)])].sort();
  return names.map((name) => ({
    group,
    name: name.replaceAll("_", " "),
    then: then[name] ?? 0,
    now: now[name] ?? 0,
  }));
}

/** Every figure of the two, what people ask for first at the top. */
export function compared(then: Then, now: Then): Row[] {
  return [
    { group: "policy", name: "version in force", then: then.policy_version, now: now.policy_version },
    { group: "kill switches", name: "in force", then: then.stops, now: now.stops },
    ...rows("agents", then.agents, now.agents),
    ...rows("tasks", then.tasks, now.tasks),
    ...rows("number of", then.counts, now.counts),
  ];
}

export interface Change {
  path: string;
  then: string;
  now: string;
}

/** The fields of one thing that differ, by their path; what is missing on a side is empty there. */
export function changes(then: unknown, now: unknown, path = ""): Change[] {
  if (isPlain(then) && isPlain(now)) {
    const names = [...new Set([...Object.keys(then), ...Object.keys(now)])].sort();
    return names.flatMap((name) => changes(then[name], now[name], path ? `${path}.${name}` : name));
  }
  const [before, after] = [said(then), said(now)];
  return before === after ? [] : [{ path: path || "everything", then: before, now: after }];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function said(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

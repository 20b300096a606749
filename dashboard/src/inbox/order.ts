/** Whose decisions, in which order, and where the next one is. Pure. */
import type { Decision } from "./queries";

export const WHOSE = ["mine", "role", "all"] as const;
export type Whose = (typeof WHOSE)[number];

const LADDER: readonly string[] = ["operator", "supervisor", "director", "admin"];

/** `mine`: I may vote now. `role`: my role or one below it is asked, also where I have voted. */
export function picked(all: readonly Decision[], whose: Whose, roles: readonly string[]): Decision[] {
  if (whose === "all") return [...all];
  if (whose === "mine") return all.filter((one) => one.may_vote);
  const highest = Math.max(...roles.map((role) => LADDER.indexOf(role)), -1);
  return all.filter((one) => one.may_vote || (one.role !== "" && LADDER.indexOf(one.role) <= highest));
}

/** The least time left first; of equal ones the riskier. */
export function byTimeLeft(all: readonly Decision[]): Decision[] {
  return [...all].sort((a, b) => a.deadline_at - b.deadline_at || b.risk - a.risk);
}

/** The neighbour `step` away; at an end stays there; from nothing to the first. */
export function neighbour(all: readonly Decision[], here: string, step: 1 | -1): string {
  const at = all.findIndex((one) => one.decision_id === here);
  if (at < 0) return all[0]?.decision_id ?? "";
  return all[Math.min(all.length - 1, Math.max(0, at + step))]?.decision_id ?? "";
}

/**
 * Who comes after the one that was just decided: the next below, else the one above, else nobody. The live list may lose
 * the decided one before its answer is here; then it is who came after it `before`.
 */
export function following(all: readonly Decision[], done: string, before = ""): string {
  const at = all.findIndex((one) => one.decision_id === done);
  if (at < 0 && all.some((one) => one.decision_id === before)) return before;
  return (all[at + 1] ?? all[at - 1])?.decision_id ?? "";
}

/** The bars of a risk's waterfall. Pure. */

export interface Step {
  name: string;
  points: number;
  /** Percent of the track. */
  from: number;
  to: number;
  kind: "up" | "down" | "cap" | "total";
}

const MAX = 100;

function within(value: number): number {
  return Math.min(MAX, Math.max(0, value));
}

/** Factors one after another, then what the limits of 0 and 100 took away, then the score itself. */
export function steps(risk: { score: number; factors: readonly { name: string; points: number }[] }): Step[] {
  const found: Step[] = [];
  let at = 0;
  for (const { name, points } of risk.factors) {
    const next = at + points;
    const [low, high] = [Math.min(at, next), Math.max(at, next)];
    found.push({ name, points, from: within(low), to: within(high), kind: points < 0 ? "down" : "up" });
    at = next;
  }
  if (at !== risk.score && risk.factors.length) {
    const name = at > risk.score ? "no more than 100 count" : "rounded up to what counts";
    found.push({
      name,
      points: risk.score - at,
      from: within(Math.min(at, risk.score)),
      to: within(Math.max(at, risk.score)),
      kind: "cap",
    });
  }
  found.push({ name: "risk", points: risk.score, from: 0, to: within(risk.score), kind: "total" });
  return found;
}

/** Where a person left off: the newest seq this browser has seen, kept when they leave. */

const KEY = "watchfloor-last-visit";
const AWAY_MS = 10 * 60_000;

export interface Visit {
  seq: number;
  /** Milliseconds since 1970. */
  at: number;
}

export function readVisit(store: Pick<Storage, "getItem"> = localStorage): Visit | null {
  try {
    const found = JSON.parse(store.getItem(KEY) ?? "null") as Visit | null;
    return found && Number.isInteger(found.seq) && Number.isInteger(found.at) ? found : null;
  } catch {
    return null;
  }
}

export function keepVisit(visit: Visit, store: Pick<Storage, "setItem"> = localStorage): void {
  store.setItem(KEY, JSON.stringify(visit));
}

/** The seq to tell about from, 0 when the person was not away for ten minutes. */
export function awaySince(visit: Visit | null, now: number): number {
  return visit && now - visit.at >= AWAY_MS ? visit.seq : 0;
}

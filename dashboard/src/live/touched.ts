/**
 * From events to what is read again. Query keys begin with the kind of thing: `["agents"]` lists of agents,
 * `["agent", id]` everything about one. An event of a subject touches both; some touch more.
 */
import type { QueryClient } from "@tanstack/react-query";
import type { LiveEvent } from "./stream";

/** What an event of a kind touches besides its own `[kind, id]`. */
const LISTS: Record<string, readonly string[]> = {
  agent: ["agents", "limits"],
  trust: ["agents", "agent", "limits"],
  task: ["tasks", "agents", "limits"],
  action: ["actions", "agents", "limits"],
  decision: ["decisions", "actions"],
  tribunal: ["tribunals", "decisions"],
  stop: ["stops", "agents", "limits"],
  standing: ["standing"],
  bypass: ["bypasses"],
  policy: ["policy", "decisions", "limits"],
  person: ["people", "me"],
  chat: ["chats"],
  channel: ["channels"],
  anomaly: ["anomalies"],
  alert: ["alerts"],
  budget: ["budgets", "limits"],
  schedule: ["schedules"],
  enrolment: ["enrolments"],
  supervision: ["supervisions"],
};

/** Kinds that are shown as part of another, under its id. */
const SAME: Record<string, string> = { tribunal: "decision" };

const SITUATION = JSON.stringify(["situation"]);

/** The query keys, as JSON, that a batch of events touches. */
export function touched(batch: readonly LiveEvent[]): Set<string> {
  const found = new Set<string>();
  for (const event of batch) {
    const { kind, id } = event.subject;
    if (id) found.add(JSON.stringify([SAME[kind] ?? kind, id]));
    for (const list of LISTS[kind] ?? [`${kind}s`]) found.add(JSON.stringify([list]));
  }
  if (found.size) {
    found.add(JSON.stringify(["ledger"]));
    found.add(SITUATION);
  }
  return found;
}

const SOON_MS = 40;
const APART_MS = 400;
/** The report is computed when it is asked for: it may be two seconds old. */
const APART_BY_KEY: Record<string, number> = { [SITUATION]: 2_000 };

/** Reads again what was touched: the first time almost at once, then at most every 400 ms per key. */
export class Refresher {
  private readonly due = new Set<string>();
  private readonly last = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly client: QueryClient,
    private readonly now: () => number = () => performance.now(),
  ) {}

  touch(keys: Iterable<string>): void {
    for (const key of keys) this.due.add(key);
    if (this.due.size && this.timer === null) this.timer = setTimeout(() => this.run(), SOON_MS);
  }

  private run(): void {
    this.timer = null;
    const now = this.now();
    let next = Number.POSITIVE_INFINITY;
    for (const key of this.due) {
      const wait = (this.last.get(key) ?? Number.NEGATIVE_INFINITY) + (APART_BY_KEY[key] ?? APART_MS) - now;
      if (wait > 0) {
        next = Math.min(next, wait);
        continue;
      }
      const queryKey = JSON.parse(key) as unknown[];
      // What is being read now may have begun before the event: read again when it is there, and never cut it short.
      if (this.client.isFetching({ queryKey }) > 0) {
        next = Math.min(next, SOON_MS);
        continue;
      }
      this.due.delete(key);
      this.last.set(key, now);
      void this.client.invalidateQueries(
        { queryKey: JSON.parse(key) as unknown[] },
        { cancelRefetch: false },
      );
    }
    if (this.last.size > 2_000) this.last.clear();
    if (this.due.size) this.timer = setTimeout(() => this.run(), next);
  }
}

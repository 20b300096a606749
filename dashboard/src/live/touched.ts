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

const SOON_MS = 20;
/** After a reading it rests this many times as long as the reading took: a server or machine that is slow is asked less. */
const REST = 2;
const APART_MS = { least: 80, most: 2_000 } as const;
/** For every query that keeps being read again: all of them together stay below a person's 1,000 requests a minute. */
const APART_EACH_MS = 64;
/** The report is computed when it is asked for. */
const LEAST_BY_KEY: Record<string, number> = { [SITUATION]: 500 };

/** How many requests reading again takes: the page's queries of the last second, long lists by their pages. */
function lively(client: QueryClient): number {
  const since = Date.now() - 1_000;
  const fresh = client
    .getQueryCache()
    .findAll({ type: "active", predicate: (one) => one.state.dataUpdatedAt > since });
  return fresh.reduce((sum, one) => sum + pagesOf(one.state.data), 0);
}

function pagesOf(data: unknown): number {
  const pages = typeof data === "object" && data !== null && "pages" in data ? data.pages : null;
  return Array.isArray(pages) ? pages.length : 1;
}

/** A window that nobody looks at keeps its counts, and asks seldom. */
function hidden(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "hidden";
}

/** Reads again what was touched: at once after a rest, and never before the last reading of the same is over. */
export class Refresher {
  private readonly due = new Set<string>();
  /** By key, when it may be read again; infinite while it is being read. */
  private readonly next = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly client: QueryClient,
    private readonly now: () => number = () => performance.now(),
  ) {}

  touch(keys: Iterable<string>): void {
    for (const key of keys) this.due.add(key);
    this.arm(SOON_MS);
  }

  private arm(ms: number): void {
    if (this.due.size && this.timer === null) this.timer = setTimeout(() => this.run(), ms);
  }

  private run(): void {
    this.timer = null;
    const now = this.now();
    let soonest: number = APART_MS.most;
    for (const key of this.due) {
      const queryKey = JSON.parse(key) as unknown[];
      // What is being read now may have begun before the event: read again when it is there, and never cut it short.
      const busy =
        this.next.get(key) === Number.POSITIVE_INFINITY || this.client.isFetching({ queryKey }) > 0;
      const wait = busy ? SOON_MS : (this.next.get(key) ?? 0) - now;
      if (wait > 0) {
        soonest = Math.min(soonest, wait);
        continue;
      }
      this.due.delete(key);
      this.next.set(key, Number.POSITIVE_INFINITY);
      const rest = (): void => {
        const most = hidden() ? APART_MS.most : REST * (this.now() - now);
        const least = Math.max(LEAST_BY_KEY[key] ?? APART_MS.least, APART_EACH_MS * lively(this.client));
        const wait = Math.max(least, Math.min(APART_MS.most, most));
        this.next.set(key, this.now() + wait);
      };
      this.client.invalidateQueries({ queryKey }, { cancelRefetch: false }).then(rest, rest);
    }
    // Every event names a thing of its own: what may be read again by now need not be remembered.
    if (this.next.size > 100) for (const [key, at] of this.next) if (at <= now) this.next.delete(key);
    this.arm(soonest);
  }
}

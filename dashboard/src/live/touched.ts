/**
 * From events to what they touch. Query keys begin with the kind of thing: `["agents"]` lists of agents,
 * `["agent", id]` everything about one. An event of a subject touches both; some touch more.
 */
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

/** Query keys as JSON, and of a list of the events' own kind the subjects' ids; null: which rows changed is not known. */
export type Touched = Map<string, Set<string> | null>;

/** What a batch of events touches. */
export function touched(batch: readonly LiveEvent[]): Touched {
  const found: Touched = new Map();
  for (const event of batch) {
    const { id } = event.subject;
    const kind = SAME[event.subject.kind] ?? event.subject.kind;
    if (id) found.set(JSON.stringify([kind, id]), null);
    for (const list of LISTS[event.subject.kind] ?? [`${kind}s`]) {
      const key = JSON.stringify([list]);
      const ids = found.get(key);
      if (!id || list !== `${kind}s`) found.set(key, null);
      else if (ids) ids.add(id);
      else if (ids === undefined) found.set(key, new Set([id]));
    }
  }
  if (found.size) for (const always of ["ledger", "situation"]) found.set(JSON.stringify([always]), null);
  return found;
}

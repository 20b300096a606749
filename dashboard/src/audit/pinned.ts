/**
 * What this browser remembers of the ledger: its key and the newest checkpoint that was good. A later checkpoint must be
 * signed by that key and continue that history (spec 04 *Witness*: dashboards remember and demand consistency).
 */
import { api, ask } from "../api/client";
import { fromHex, hex, utf8 } from "../verifier/bytes";
import { canonical, type Json } from "../verifier/canonical";
import { History } from "../verifier/history";
import { isContinued } from "../verifier/merkle";
import { type Checkpoint, LOG, Notary, parseKey } from "../verifier/notes";

export interface Pinned {
  key: string;
  note: string;
  size: number;
  /** When this browser first saw the key, and when it last found everything good; ms. */
  since: number;
  at: number;
}

export type Verdict =
  | { state: "good"; pinned: Pinned; before: Pinned | null; checkpoint: Checkpoint }
  | { state: "bad"; title: string; text: string; pinned: Pinned | null };

const place = (organisation: string): string => `watchfloor-ledger-${organisation}`;

export function remembered(organisation: string): Pinned | null {
  try {
    return JSON.parse(localStorage.getItem(place(organisation)) ?? "null") as Pinned | null;
  } catch {
    return null;
  }
}

export function forget(organisation: string): void {
  localStorage.removeItem(place(organisation));
}

/** Check the server's newest checkpoint against what this browser remembers, and remember it if it is good. */
export async function checkNewest(organisation: string): Promise<Verdict> {
  const before = remembered(organisation);
  const [{ key }, newest] = await Promise.all([
    ask(api.GET("/api/v1/ledger/key")),
    ask(api.GET("/api/v1/ledger/checkpoint")),
  ]);
  const bad = (title: string, text: string): Verdict => ({ state: "bad", title, text, pinned: before });
  if (before && before.key !== key) {
    return bad(
      "Another key",
      `This browser knows the ledger by ${before.key}; the server now says ${key}. Ask whoever runs it before you trust either.`,
    );
  }
  let checkpoint: Checkpoint;
  try {
    checkpoint = new Notary(parseKey(key, LOG)).open(utf8(newest.note), "the server");
  } catch (error) {
    return bad("The signature is wrong", said(error));
  }
  if (before) {
    const wrong = await broken(before, checkpoint);
    if (wrong) return bad(wrong[0], wrong[1]);
  }
  const now = Date.now();
  const pinned = { key, note: newest.note, size: checkpoint.size, since: before?.since ?? now, at: now };
  localStorage.setItem(place(organisation), JSON.stringify(pinned));
  return { state: "good", pinned, before, checkpoint };
}

async function broken(before: Pinned, newer: Checkpoint): Promise<[string, string] | null> {
  const older = new Notary(parseKey(before.key, LOG)).open(utf8(before.note), "this browser");
  if (newer.size < older.size) {
    return [
      "The ledger is shorter than it was",
      `This browser saw ${older.size} signed events; the newest checkpoint now covers ${newer.size}. An older copy may have been restored.`,
    ];
  }
  const proof = await consistency(older.size, newer.size);
  if (isContinued(older.size, older.root, newer.size, newer.root, proof)) return null;
  return [
    "The history was changed",
    `The first ${older.size} events are not those that this browser saw signed. Keep this browser's checkpoint as evidence.`,
  ];
}

async function consistency(old: number, size: number): Promise<Uint8Array[]> {
  if (old === 0 || old === size) return [];
  const answer = await ask(api.GET("/api/v1/ledger/consistency", { params: { query: { old, new: size } } }));
  return answer.proof.map(fromHex);
}

/** Read every event up to the checkpoint and compute chain and tree anew. Throws Error with what is wrong. */
export async function checkEverything(
  checkpoint: Checkpoint,
  progress: (events: number) => void,
  stop: () => boolean,
): Promise<{ size: number; root: string }> {
  const history = new History([checkpoint.size]);
  while (history.size < checkpoint.size && !stop()) {
    const limit = Math.min(500, checkpoint.size - history.size);
    const page = await ask(
      api.GET("/api/v1/ledger/events", { params: { query: { after: history.size, limit } } }),
    );
    for (const item of page.items) history.append(utf8(canonical(item.event as Json)), fromHex(item.hash));
    if (page.items.length === 0) throw new Error(`the ledger ends at event ${history.size}`);
    progress(history.size);
  }
  if (history.size === checkpoint.size && hex(history.root()) !== hex(checkpoint.root)) {
    throw new Error(`the ${checkpoint.size} events are not those that were signed`);
  }
  return { size: history.size, root: hex(history.root()) };
}

/** First and last bytes of a key, to compare aloud. */
export function fingerprint(key: string): string {
  const { id, public: bytes } = parseKey(key, LOG);
  return `${id} · ${hex(bytes.subarray(0, 4))}…${hex(bytes.subarray(-4))}`;
}

export const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// Checking a whole export (docs/ledger-format.md *Exports*) as `watchfloor-verify --no-rules` does: exit codes 0 to 5.
// The rules of exit 6 are judged by watchfloor_verify.py alone.
import { concat, equal, hex, sha256, text, unbase64, Unreadable } from "./bytes.ts";
import { parseCanonical } from "./canonical.ts";
import { BrokenChain, History } from "./history.ts";
import { type Checkpoint, LOG, Notary, parseKey, WITNESS } from "./notes.ts";

const LINE_BYTES_MAX = 1 << 20;

/** The files of an export, wherever they are. `read` streams; undefined when there is no such file. */
export interface Files {
  names(): Promise<string[]>;
  read(name: string): Promise<{ size: number; chunks: AsyncIterable<Uint8Array> } | undefined>;
}

export interface Options {
  key: string;
  pins?: { source: string; note: Uint8Array }[];
  cosigners?: string[];
  ageMaxS?: number;
  nowS?: number;
  progress?: (events: number) => void;
}

/** Something wrong: the exit code it asks for, the event in doubt (0: none) and a sentence. */
export interface Finding {
  code: number;
  seq: number;
  text: string;
}

export interface Report {
  exit: number;
  origin: string;
  size: number;
  head: string;
  root: string;
  checkpoints: number;
  signedSize: number;
  privates: number;
  findings: Finding[];
}

/** What was passed cannot be used: exit 1. */
export class Usage extends Error {}

class Wrong extends Error {
  readonly finding: Finding;
  constructor(code: number, seq: number, sentence: string) {
    super(sentence);
    this.finding = { code, seq, text: sentence };
  }
}

interface Manifest {
  origin: string;
  size: number;
  head: string;
}

/** All checks but the rules. Throws Usage. */
export async function verifyExport(files: Files, options: Options): Promise<Report> {
  const [notary, witnesses] = keysOf(options);
  const manifest = await readManifest(files);
  const pins = (options.pins ?? []).map((pin) => {
    try {
      return notary.open(pin.note, pin.source);
    } catch (error) {
      throw new Usage(`pinned checkpoint: ${String(error)}`);
    }
  });
  const findings: Finding[] = [];
  let history = new History();
  let notes: Checkpoint[] = [];
  let privates = 0;
  try {
    if (manifest.origin !== notary.log.name) {
      throw new Wrong(2, 0, `this is an export of ${manifest.origin}, the key is of ${notary.log.name}`);
    }
    notes = await readNotes(files, notary);
    history = new History([...notes, ...pins].map((item) => item.size));
    privates = await walk(files, history, findings, options.progress);
    const stored = (await files.read("hashes.bin"))?.size;
    if (
      manifest.size !== history.size ||
      manifest.head !== hex(history.head) ||
      stored !== 32 * history.size
    ) {
      const first = Math.min(manifest.size, history.size) + 1;
      throw new Wrong(2, first, "the manifest or the hashes are of another size");
    }
    findings.push(...judgeCheckpoints(history, notes, pins));
    const now = options.nowS ?? Math.floor(Date.now() / 1000);
    findings.push(...judgeWitnesses(history, [...notes, ...pins], witnesses, now, options.ageMaxS ?? 0));
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    findings.push(error.finding);
  }
  const codes = findings.map((finding) => finding.code).sort();
  return {
    exit: codes.find((code) => code > 1) ?? codes[0] ?? 0,
    origin: notary.log.name,
    size: history.size,
    head: hex(history.head),
    root: hex(history.root()),
    checkpoints: notes.length,
    signedSize: notes.at(-1)?.size ?? 0,
    privates,
    findings,
  };
}

function keysOf(options: Options): [Notary, string[]] {
  try {
    const witnesses = (options.cosigners ?? []).map((key) => parseKey(key, WITNESS));
    return [new Notary(parseKey(options.key, LOG), witnesses), witnesses.map((key) => key.name)];
  } catch (error) {
    throw new Usage(`key: ${String(error)}`);
  }
}

async function readManifest(files: Files): Promise<Manifest> {
  let manifest: Partial<Manifest> & { format?: string };
  try {
    manifest = JSON.parse(text(await whole(files, "manifest.json"))) as typeof manifest;
  } catch (error) {
    throw new Usage(`not an export: ${String(error)}`);
  }
  const { format, origin, size, head } = manifest;
  if (format !== "watchfloor-export/1" || typeof origin !== "string" || typeof size !== "number") {
    throw new Usage(`this export has format ${String(format)}; this program knows watchfloor-export/1`);
  }
  for (const name of ["events.jsonl", "hashes.bin"]) {
    if ((await files.read(name)) === undefined) throw new Usage(`the export has no ${name}`);
  }
  return { origin, size, head: String(head) };
}

async function whole(files: Files, name: string): Promise<Uint8Array> {
  const file = await files.read(name);
  if (file === undefined) throw new Usage(`the export has no ${name}`);
  const parts: Uint8Array[] = [];
  for await (const chunk of file.chunks) parts.push(chunk);
  return concat(...parts);
}

async function readNotes(files: Files, notary: Notary): Promise<Checkpoint[]> {
  const names = (await files.names()).filter((name) => /^checkpoints\/[^/]+\.note$/.test(name)).sort();
  const found: Checkpoint[] = [];
  for (const name of names) {
    try {
      found.push(notary.open(await whole(files, name), name.slice("checkpoints/".length)));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      throw new Wrong(2, 0, `checkpoint ${name}: ${error.message}`);
    }
  }
  return found.sort((a, b) => a.size - b.size);
}

/** The lines of a file. Throws Wrong on a line without end; `seq` is the first one's. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>, first: number): AsyncGenerator<Uint8Array> {
  let carry = new Uint8Array(0);
  let seq = first;
  for await (const chunk of chunks) {
    const data = carry.length > 0 ? concat(carry, chunk) : chunk;
    let from = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      yield data.subarray(from, end);
      from = end + 1;
      seq += 1;
    }
    carry = data.slice(from);
    if (carry.length > LINE_BYTES_MAX) throw new Wrong(2, seq, "a row is longer than any event");
  }
  if (carry.length > 0) throw new Wrong(2, seq, "the last row is cut off");
}

/** Hashes of 32 bytes, one after the other; short where the file ends. */
async function* hashesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let carry = new Uint8Array(0);
  for await (const chunk of chunks) {
    const data = carry.length > 0 ? concat(carry, chunk) : chunk;
    const whole32 = data.length - (data.length % 32);
    for (let at = 0; at < whole32; at += 32) yield data.subarray(at, at + 32);
    carry = data.slice(whole32);
  }
}

interface PrivatePart {
  seq: number;
  commitment: string;
}

async function* privatesOf(files: Files): AsyncGenerator<PrivatePart> {
  const file = await files.read("privates.jsonl");
  if (file === undefined) return;
  let before = 0;
  for await (const line of linesOf(file.chunks, 0)) {
    let seq = 0;
    let commitment = "";
    try {
      const part = JSON.parse(text(line)) as { seq: number; salt: string; body: string };
      seq = part.seq;
      commitment = hex(sha256(unbase64(part.salt), unbase64(part.body)));
    } catch {
      throw new Wrong(2, before, "a private part is not readable");
    }
    if (!(seq > before)) throw new Wrong(2, seq, "private parts are out of order");
    before = seq;
    yield { seq, commitment };
  }
}

/** Chain, tree, canonical bytes and private parts of all events, in order. Returns how many private parts fit. */
async function walk(
  files: Files,
  history: History,
  findings: Finding[],
  progress: ((events: number) => void) | undefined,
): Promise<number> {
  const events = await files.read("events.jsonl");
  const stored = await files.read("hashes.bin");
  if (events === undefined || stored === undefined) throw new Usage("the export changed while it was read");
  const hashes = hashesOf(stored.chunks);
  const privates = privatesOf(files);
  let next = await privates.next();
  let checked = 0;
  let canonicalSoFar = true;
  for await (const line of linesOf(events.chunks, 1)) {
    const claimed = await hashes.next();
    try {
      history.append(line, claimed.done === true ? new Uint8Array(0) : claimed.value);
    } catch (error) {
      if (error instanceof BrokenChain) throw new Wrong(2, error.seq, error.message);
      throw error;
    }
    if (canonicalSoFar) {
      try {
        const event = parseCanonical(line) as { private?: string } | null;
        if (next.done !== true && next.value.seq === history.size) {
          if (event?.private !== next.value.commitment) {
            throw new Unreadable("the private part is not the one the event commits to");
          }
          checked += 1;
          next = await privates.next();
        }
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        findings.push({ code: 2, seq: history.size, text: error.message });
        canonicalSoFar = false; // as the other verifier: what follows one that is wrong is not read
      }
    }
    if (history.size % 10_000 === 0) progress?.(history.size);
  }
  if (canonicalSoFar && next.done !== true) {
    findings.push({ code: 2, seq: next.value.seq, text: "a private part without an event" });
  }
  return checked;
}

/** The tree against what was signed, and against what the auditor saw before. */
function* judgeCheckpoints(history: History, notes: Checkpoint[], pins: Checkpoint[]): Generator<Finding> {
  let good = 0;
  let before: Checkpoint | undefined;
  for (const note of notes) {
    const root = history.roots.get(note.size);
    if (before !== undefined && before.size === note.size && !equal(before.root, note.root)) {
      yield {
        code: 4,
        seq: 0,
        text: `${before.source} and ${note.source} sign two histories of size ${note.size}`,
      };
    } else if (root === undefined) {
      yield {
        code: 3,
        seq: history.size + 1,
        text: `${note.size} events were signed, ${history.size} are here`,
      };
    } else if (!equal(root, note.root)) {
      const sentence = `the first ${note.size} events are not those that were signed (${note.source})`;
      yield { code: 2, seq: good + 1, text: sentence };
    } else {
      good = note.size;
    }
    before = note;
  }
  if (history.size > 0 && notes.length === 0) {
    yield { code: 2, seq: 1, text: "there is no signed checkpoint: nothing shows whose history this is" };
  }
  const newest = notes.at(-1)?.size;
  for (const pin of pins) {
    const root = history.roots.get(pin.size);
    if (root === undefined || (newest !== undefined && pin.size > newest)) {
      const here = `here are ${history.size}, signed ${newest ?? 0}`;
      yield { code: 3, seq: history.size + 1, text: `you saw ${pin.size} events (${pin.source}); ${here}` };
    } else if (!equal(root, pin.root)) {
      yield { code: 4, seq: 0, text: `not a continuation of the ${pin.size} events you saw (${pin.source})` };
    }
  }
}

/** Every witness named has cosigned a checkpoint of this history, lately. */
function* judgeWitnesses(
  history: History,
  notes: Checkpoint[],
  names: string[],
  nowS: number,
  ageMaxS: number,
): Generator<Finding> {
  const mine = notes.filter((note) => {
    const root = history.roots.get(note.size);
    return root !== undefined && equal(root, note.root);
  });
  for (const name of names) {
    const newest = Math.max(0, ...mine.map((note) => note.cosignedAt.get(name) ?? 0));
    if (newest === 0) {
      yield { code: 5, seq: 0, text: `${name} has cosigned nothing here` };
    } else if (newest > nowS + 300 || (ageMaxS > 0 && nowS - newest > ageMaxS)) {
      yield {
        code: 5,
        seq: 0,
        text: `${name} cosigned ${nowS - newest} s ago, at most ${ageMaxS} s are allowed`,
      };
    }
  }
}

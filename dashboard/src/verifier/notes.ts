// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature); docs/ledger-format.md.
import { ed25519 } from "@noble/curves/ed25519.js";
import { equal, hex, sha256, text, unbase64, Unreadable, utf8 } from "./bytes.ts";

export const LOG = 1;
export const WITNESS = 4;
const NOTE_BYTES_MAX = 64 * 1024;

/** A pinned verifier key: name, algorithm (1 log, 4 witness), public key. */
export interface Key {
  name: string;
  algorithm: number;
  public: Uint8Array;
  id: string; // hex of its 4 bytes
}

/** A note with a good signature: what it says, where it was found, and when (s) each witness cosigned it. */
export interface Checkpoint {
  source: string;
  size: number;
  root: Uint8Array;
  cosignedAt: Map<string, number>;
}

/** A vkey `<name>+<key id>+<base64>`. Throws Unreadable. */
export function parseKey(vkey: string, algorithm: number): Key {
  const [, name, id, encoded] = /^([^+]+)\+([^+]+)\+([^]*)$/.exec(vkey.trim()) ?? [];
  if (!name || !id || encoded === undefined) throw new Unreadable("not a vkey");
  const data = unbase64(encoded);
  const known = hex(sha256(utf8(`${name}\n`), data).subarray(0, 4));
  if (data.length !== 33 || data[0] !== algorithm || known !== id) {
    throw new Unreadable(`not a vkey of algorithm ${algorithm}`);
  }
  return { name, algorithm, public: data.subarray(1), id };
}

/** Opens notes with the keys that were pinned. */
export class Notary {
  private readonly keys: Map<string, Key>;
  readonly log: Key;

  constructor(log: Key, witnesses: Key[] = []) {
    this.log = log;
    this.keys = new Map([log, ...witnesses].map((key) => [`${key.name} ${key.id}`, key]));
  }

  /** A checkpoint of this log; lines of unknown keys are ignored. Throws Unreadable on any other note. */
  open(data: Uint8Array, source: string): Checkpoint {
    const note = text(data);
    const end = note.lastIndexOf("\n\n");
    if (
      data.length > NOTE_BYTES_MAX ||
      /[\x00-\x09\x0b-\x1f]/.test(note) ||
      end < 0 ||
      !note.endsWith("\n")
    ) {
      throw new Unreadable("not a note");
    }
    const body = note.slice(0, end);
    const lines = note.slice(end + 2);
    let signed = false;
    const cosignedAt = new Map<string, number>();
    for (const line of lines.slice(0, -1).split("\n")) {
      const [, name, encoded] = /^\u2014 ([^ ]*) ([^]*)$/.exec(line) ?? [];
      if (name === undefined || encoded === undefined) throw new Unreadable("not a signature line");
      const value = unbase64(encoded);
      if (value.length < 5) throw new Unreadable("not a signature line");
      const key = this.keys.get(`${name} ${hex(value.subarray(0, 4))}`);
      if (key === undefined) continue;
      if (key.algorithm === LOG) {
        verified(key, value.subarray(4), `${body}\n`);
        signed = true;
      } else {
        const at =
          value.length < 12 ? 0 : Number(new DataView(value.buffer, value.byteOffset + 4, 8).getBigUint64(0));
        verified(key, value.subarray(12), `cosignature/v1\ntime ${at}\n${body}\n`);
        cosignedAt.set(name, Math.max(at, cosignedAt.get(name) ?? 0));
      }
    }
    const [, origin, size, root] = /^([^\n]+)\n(0|[1-9][0-9]{0,14})\n([A-Za-z0-9+/]{43}=)$/.exec(body) ?? [];
    if (!signed || origin !== this.log.name || size === undefined || root === undefined) {
      throw new Unreadable(`not a checkpoint signed by ${this.log.name}`);
    }
    return { source, size: Number(size), root: unbase64(root), cosignedAt };
  }
}

function verified(key: Key, signature: Uint8Array, message: string): void {
  let good = false;
  try {
    good = signature.length === 64 && ed25519.verify(signature, utf8(message), key.public, { zip215: false });
  } catch {
    good = false;
  }
  if (!good) throw new Unreadable(`the signature of ${key.name} is wrong`);
}

/** Do both say the same of the same size? */
export function agree(a: Checkpoint, b: Checkpoint): boolean {
  return a.size === b.size && equal(a.root, b.root);
}

// An organisation's events in order: their chain, and the tree at the sizes that somebody signed.
import { equal, sha256 } from "./bytes.ts";
import { EMPTY_ROOT, Frontier, leafHash } from "./merkle.ts";

/** The chain is broken at `seq`. */
export class BrokenChain extends Error {
  readonly seq: number;
  constructor(seq: number) {
    super(`the chain is broken at event ${seq}: the event and its hash do not fit`);
    this.seq = seq;
  }
}

export class History {
  head: Uint8Array = new Uint8Array(32);
  readonly roots = new Map<number, Uint8Array>([[0, EMPTY_ROOT]]);
  private readonly tree = new Frontier();
  private readonly wanted: Set<number>;

  /** `marks`: the sizes at which the root is asked for. */
  constructor(marks: Iterable<number> = []) {
    this.wanted = new Set(marks);
  }

  get size(): number {
    return this.tree.size;
  }

  root(): Uint8Array {
    return this.tree.root();
  }

  /** Append the next event's bytes; `stored` is the hash that is claimed for it. Throws BrokenChain. */
  append(event: Uint8Array, stored: Uint8Array): void {
    this.head = sha256(this.head, event);
    if (!equal(this.head, stored)) throw new BrokenChain(this.size + 1);
    this.tree.push(leafHash(event));
    if (this.wanted.has(this.size)) this.roots.set(this.size, this.root());
  }
}

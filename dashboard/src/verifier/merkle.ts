// The RFC 6962 Merkle tree: growing it, and proofs of inclusion and consistency.
import { equal, sha256 } from "./bytes.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The root of the tree without leaves. */
export const EMPTY_ROOT = sha256();

export const leafHash = (data: Uint8Array): Uint8Array => sha256(LEAF, data);
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(NODE, left, right);

/** A tree that grows by appending: the roots of its perfect subtrees, largest first. */
export class Frontier {
  size = 0;
  private readonly stack: Uint8Array[] = [];

  push(leaf: Uint8Array): void {
    let node = leaf;
    for (let index = this.size; index % 2 === 1; index = Math.floor(index / 2)) {
      node = nodeHash(this.stack.pop() ?? EMPTY_ROOT, node);
    }
    this.stack.push(node);
    this.size += 1;
  }

  root(): Uint8Array {
    return this.stack.length === 0
      ? EMPTY_ROOT
      : this.stack.reduceRight((right, left) => nodeHash(left, right));
  }
}

const whole = (...hashes: Uint8Array[]): boolean => hashes.every((hash) => hash.length === 32);
const half = (number: number): number => Math.floor(number / 2);

/** Is the leaf at this index of the tree with this size and root? RFC 9162 §2.1.3.2. */
export function isIncluded(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size || !whole(leaf, root, ...proof))
    return false;
  let place = index;
  let last = size - 1;
  let node = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      node = nodeHash(sibling, node);
      while (place % 2 === 0 && place !== 0) {
        place = half(place);
        last = half(last);
      }
    } else {
      node = nodeHash(node, sibling);
    }
    place = half(place);
    last = half(last);
  }
  return last === 0 && equal(node, root);
}

/** Does the tree (size, root) continue the one (oldSize, oldRoot)? RFC 9162 §2.1.4.2. */
export function isContinued(
  oldSize: number,
  oldRoot: Uint8Array,
  size: number,
  root: Uint8Array,
  proof: Uint8Array[],
): boolean {
  if (!(oldSize > 0 && oldSize <= size && whole(oldRoot, root, ...proof))) return false; // an empty tree proves nothing
  if (oldSize === size) return proof.length === 0 && equal(oldRoot, root);
  const path = Number.isInteger(Math.log2(oldSize)) ? [oldRoot, ...proof] : proof;
  let [place, last] = [oldSize - 1, size - 1];
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let [older, newer] = [first, first];
  for (const node of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      older = nodeHash(node, older);
      newer = nodeHash(node, newer);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      newer = nodeHash(newer, node);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && equal(older, oldRoot) && equal(newer, root);
}

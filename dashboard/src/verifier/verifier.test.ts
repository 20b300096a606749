import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromHex, unbase64, utf8 } from "./bytes.ts";
import { canonical, parseCanonical } from "./canonical.ts";
import { isContinued, isIncluded } from "./merkle.ts";
import { LOG, Notary, parseKey } from "./notes.ts";
import { checkReceipt } from "./receipts.ts";

interface Golden {
  key: string;
  inclusion: { leaf: string; index: number; size: number; proof: string[]; root: string; good: boolean }[];
  consistency: {
    old: number;
    new: number;
    old_root: string;
    new_root: string;
    proof: string[];
    good: boolean;
  }[];
  receipts: { event: string; receipt: string; good: boolean }[];
}
// The Python verifier is held to the same file: tests/unit/verify/test_proof_vectors.py.
const golden = JSON.parse(
  readFileSync(new URL("../../../protocol/golden/proofs.json", import.meta.url), "utf8"),
) as Golden;

test("inclusion proofs are believed exactly when they hold", () => {
  for (const one of golden.inclusion) {
    const proof = one.proof.map(fromHex);
    expect(
      isIncluded(fromHex(one.leaf), one.index, one.size, proof, fromHex(one.root)),
      JSON.stringify(one),
    ).toBe(one.good);
  }
});

test("consistency proofs are believed exactly when they hold", () => {
  for (const one of golden.consistency) {
    const [older, newer] = [fromHex(one.old_root), fromHex(one.new_root)];
    const holds = isContinued(one.old, older, one.new, newer, one.proof.map(fromHex));
    expect(holds, JSON.stringify(one)).toBe(one.good);
  }
});

test("a receipt proves its own event and no other", () => {
  const notary = new Notary(parseKey(golden.key, LOG));
  for (const one of golden.receipts) {
    const check = () => checkReceipt(utf8(one.receipt), utf8(one.event), notary);
    if (one.good) expect(check().size).toBe(300);
    else expect(check, one.receipt).toThrow();
  }
});

test("bytes have one spelling", () => {
  for (const spelled of [
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"a":1.0}',
    '{"a": 1}',
    "9007199254740993",
    "-0",
    '"\\u0061"',
  ]) {
    expect(() => parseCanonical(utf8(spelled)), spelled).toThrow();
  }
  expect(parseCanonical(utf8('{"a":[1,null,"é\\n"],"b":-7}'))).toEqual({ a: [1, null, "é\n"], b: -7 });
  expect(canonical({ b: [], a: { z: true, y: "" } })).toBe('{"a":{"y":"","z":true},"b":[]}');
  expect(() => unbase64("QQ")).toThrow();
  expect(() => unbase64("QR==")).toThrow();
});

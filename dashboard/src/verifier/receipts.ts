// Receipts (C2SP tlog-proof): this event is in a tree that the log signed.
import { text, unbase64, Unreadable, utf8 } from "./bytes.ts";
import { isIncluded, leafHash } from "./merkle.ts";
import { type Checkpoint, Notary } from "./notes.ts";

/** The checkpoint that covers the event with these bytes. Throws Unreadable when the receipt does not prove it. */
export function checkReceipt(receipt: Uint8Array, event: Uint8Array, notary: Notary): Checkpoint {
  const whole = text(receipt);
  const cut = whole.indexOf("\n\n");
  const [format, place, ...path] = whole.slice(0, Math.max(0, cut)).split("\n");
  const [, index] = /^index (0|[1-9][0-9]{0,14})$/.exec(place ?? "") ?? [];
  if (format !== "c2sp.org/tlog-proof@v1" || index === undefined) throw new Unreadable("not a receipt");
  const checkpoint = notary.open(utf8(whole.slice(cut + 2)), "the receipt");
  if (!isIncluded(leafHash(event), Number(index), checkpoint.size, path.map(unbase64), checkpoint.root)) {
    throw new Unreadable("the event is not in the tree that was signed");
  }
  return checkpoint;
}

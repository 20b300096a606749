// Canonical bytes: RFC 8785 on the subset that events use (integers within ±2⁵³, ASCII keys); docs/ledger-format.md.
import { equal, text, Unreadable, utf8 } from "./bytes.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Canonical text of plain data. Throws Unreadable on numbers that are no integers. */
export function canonical(value: Json): string {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Unreadable(`${value} is not an integer of the subset`);
    return JSON.stringify(value);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
}

/** The document of canonical bytes. Throws Unreadable when they are spelled in any other way (a key twice, spaces, 1.0). */
export function parseCanonical(data: Uint8Array): Json {
  let value: Json;
  try {
    value = JSON.parse(text(data)) as Json;
  } catch {
    throw new Unreadable("not JSON");
  }
  if (!equal(utf8(canonical(value)), data)) throw new Unreadable("the bytes are not canonical");
  return value;
}

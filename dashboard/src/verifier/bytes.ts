// Bytes as text and back. Strict: base64 has one spelling, UTF-8 is never repaired.
import { sha256 as hash } from "@noble/hashes/sha2.js";

/** SHA-256 over the parts, one after the other; 32 bytes. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  const state = hash.create();
  for (const part of parts) state.update(part);
  return state.digest();
}

export function hex(data: Uint8Array): string {
  let text = "";
  for (const byte of data) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Throws Unreadable unless the text is lower-case hex of whole bytes. */
export function fromHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Unreadable("not hex");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

const ENCODER = new TextEncoder();
export const utf8 = (text: string): Uint8Array => ENCODER.encode(text);

/** Throws Unreadable on bytes that are not UTF-8. A byte-order mark is a character like any other. */
export function text(data: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new Unreadable("not UTF-8");
  }
}

export function base64(data: Uint8Array): string {
  let binary = "";
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Throws Unreadable unless this is the one spelling of some bytes. */
export function unbase64(spelled: string): Uint8Array {
  let binary = "";
  try {
    binary = atob(spelled);
  } catch {
    throw new Unreadable("not base64");
  }
  if (btoa(binary) !== spelled) throw new Unreadable("base64 in an unusual spelling");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Input that is not what it should be. */
export class Unreadable extends Error {}

/** A chat's own stream: every message once and in order, and the parts of an answer as they come (docs/chat.md). */
import { useEffect, useState } from "react";
import type { Message } from "./queries";

export interface Told {
  messages: readonly Message[];
  /** Answers that are still being written: stream → text so far. */
  parts: ReadonlyMap<string, string>;
  state: "connecting" | "live" | "lost" | "closed" | "over";
}

interface Part {
  stream: string;
  text: string;
  lost: boolean;
}

const NOTHING: Told = { messages: [], parts: new Map(), state: "connecting" };

/** Messages are kept by number: one that comes again after a reconnect replaces itself. */
export function withMessage(told: Told, message: Message): Told {
  const others = told.messages.filter((one) => one.number !== message.number);
  const messages = [...others, message].sort((a, b) => a.number - b.number);
  const parts = new Map(told.parts);
  if (message.stream) parts.delete(message.stream);
  return { ...told, messages, parts };
}

export function withPart(told: Told, part: Part): Told {
  const parts = new Map(told.parts);
  parts.set(part.stream, part.lost ? "…" : (parts.get(part.stream) ?? "") + part.text);
  return { ...told, parts };
}

export function useFollowing(chat: string): Told {
  const [told, setTold] = useState(NOTHING);
  useEffect(() => {
    setTold(NOTHING);
    // The browser reconnects by itself and names the last message it has (Last-Event-ID).
    const source = new EventSource(`/api/v1/chat/sessions/${encodeURIComponent(chat)}/stream?after=0`);
    const state = (wanted: Told["state"]) => setTold((before) => ({ ...before, state: wanted }));
    const on = (name: string, take: (data: string) => void) =>
      source.addEventListener(name, (event) => take((event as MessageEvent<string>).data));
    source.onopen = () => state("live");
    source.onerror = () => state("lost");
    on("message", (data) => setTold((before) => withMessage(before, JSON.parse(data) as Message)));
    on("part", (data) => setTold((before) => withPart(before, JSON.parse(data) as Part)));
    for (const [name, wanted] of [
      ["closed", "closed"],
      ["end", "over"],
    ] as const) {
      on(name, () => {
        source.close();
        state(wanted);
      });
    }
    return () => source.close();
  }, [chat]);
  return told;
}

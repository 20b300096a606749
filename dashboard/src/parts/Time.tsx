/** Instants and countdowns: in the person's zone, exact UTC on hover. One clock for all of them. */
import { Tooltip } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { useZone } from "../app/zone";
import { exactUtc, inZone, relative, span } from "./times";

const listeners = new Set<() => void>();
let now = Math.floor(Date.now() / 1_000) * 1_000;
let timer: ReturnType<typeof setInterval> | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (!timer) now = Math.floor(Date.now() / 1_000) * 1_000; // nobody looked for a while
  timer ??= setInterval(() => {
    now = Math.floor(Date.now() / 1_000) * 1_000;
    for (const each of listeners) each();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (!listeners.size && timer) {
      clearInterval(timer);
      timer = null;
    }
  };
}

/** Milliseconds since 1970, a new value every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function Time({ at, ago = false }: { at: number; ago?: boolean }) {
  const { zone } = useZone();
  if (!at) return <span>never</span>;
  const local = inZone(at, zone);
  return (
    <Tooltip label={ago ? `${local} · ${exactUtc(at)}` : exactUtc(at)}>
      <time className="number" dateTime={new Date(Math.floor(at / 1_000)).toISOString()}>
        {ago ? <Ago at={at} /> : local}
      </time>
    </Tooltip>
  );
}

function Ago({ at }: { at: number }) {
  return relative(at, useNow());
}

/** Time left until an instant; `over` when it has passed. */
export function Countdown({ at, over = "time is up" }: { at: number; over?: string }) {
  const left = at / 1_000 - useNow();
  return (
    <Tooltip label={exactUtc(at)}>
      <span className="number">{left > 0 ? span(left) : over}</span>
    </Tooltip>
  );
}

/**
 * The event stream (docs/http.md, *Stream*): read with fetch, resumed by seq, watched for silence.
 *
 * A server that dies ends the read at once. A network that dies says nothing, so after 3 s of silence a sign of life is
 * asked for (`/live`, at most 1.5 s): a lost connection is shown within 5 s. What was missed comes again after
 * reconnecting, because every attempt says the last seq that was seen.
 */

export type Connection = "connecting" | "live" | "lost" | "over";

export interface LiveEvent {
  seq: number;
  at: number;
  type: string;
  subject: { kind: string; id: string };
  actor: { kind: string; id?: string };
  cause: number;
  facts: Record<string, unknown>;
}

export interface Listener {
  events(batch: LiveEvent[]): void;
  /** Too far behind: everything on the page has to be read again. */
  resync(seq: number): void;
  connection(state: Connection): void;
}

const SILENCE_MS = 3_000;
const SIGN_MS = 1_500;
const DELAYS_MS = [250, 500, 1_000, 2_000] as const;

interface Block {
  id: string;
  event: string;
  data: string;
}

/** Takes text as it comes, gives complete blocks of the event-stream format. */
export class BlockReader {
  private rest = "";

  push(text: string): Block[] {
    this.rest += text;
    const blocks: Block[] = [];
    for (;;) {
      const end = this.rest.indexOf("\n\n");
      if (end < 0) return blocks;
      const block: Block = { id: "", event: "message", data: "" };
      for (const line of this.rest.slice(0, end).split("\n")) {
        const colon = line.indexOf(":");
        if (colon <= 0) continue; // a comment
        const value = line.slice(colon + 1).replace(/^ /, "");
        const name = line.slice(0, colon);
        if (name === "id") block.id = value;
        else if (name === "event") block.event = value;
        else if (name === "data") block.data += block.data ? `\n${value}` : value;
      }
      this.rest = this.rest.slice(end + 2);
      blocks.push(block);
    }
  }
}

export class Stream {
  private seq: number | null = null;
  private stopped = false;
  private tries = 0;
  private heardAt = 0;
  private told: Connection | null = null;
  private abort = new AbortController();
  private wake: (() => void) | null = null;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(private readonly listener: Listener) {
    this.timer = setInterval(() => void this.watch(), 500);
    window.addEventListener("online", this.again);
    document.addEventListener("visibilitychange", this.again);
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    window.removeEventListener("online", this.again);
    document.removeEventListener("visibilitychange", this.again);
    this.abort.abort();
    this.wake?.();
  }

  private readonly again = (): void => {
    if (document.visibilityState === "visible") this.wake?.();
  };

  private async run(): Promise<void> {
    this.tell("connecting");
    while (!this.stopped) {
      try {
        if ((await this.read()) === "over") return;
      } catch {
        // told below: whatever the reason, the connection is gone
      }
      if (this.stopped) return;
      this.tell("lost");
      const delay = DELAYS_MS[Math.min(this.tries++, DELAYS_MS.length - 1)] ?? 2_000;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, delay);
      });
      this.wake = null;
    }
  }

  private async read(): Promise<"over" | "ended"> {
    this.abort = new AbortController();
    const after = this.seq === null ? "" : `?after=${this.seq}`;
    this.heardAt = performance.now();
    const answer = await fetch(`/api/v1/stream${after}`, {
      headers: { accept: "text/event-stream" },
      credentials: "same-origin",
      signal: this.abort.signal,
      cache: "no-store",
    });
    if (answer.status === 401) return this.over();
    if (!answer.ok || !answer.body) throw new Error(String(answer.status));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const blocks = new BlockReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      this.tries = 0;
      this.tell("live");
      this.heardAt = performance.now();
      if (this.take(blocks.push(value)) === "over") return this.over();
    }
  }

  /** Only changes: React keeps every setting of a state to what it is until the component is next drawn, which may be never. */
  private tell(state: Connection): void {
    if (state === this.told) return;
    this.told = state;
    this.listener.connection(state);
  }

  private over(): "over" {
    this.stop();
    this.tell("over");
    return "over";
  }

  private take(blocks: Block[]): "over" | "more" {
    const batch: LiveEvent[] = [];
    let resync: number | null = null;
    for (const block of blocks) {
      if (block.id) this.seq = Number(block.id);
      if (block.event === "end") return "over";
      if (block.event === "resync") resync = Number(block.id);
      else if (block.data) batch.push(JSON.parse(block.data) as LiveEvent);
    }
    if (resync !== null) this.listener.resync(resync);
    if (batch.length) this.listener.events(batch);
    return "more";
  }

  /** Ask for a sign of life after silence. */
  private async watch(): Promise<void> {
    const silent = performance.now() - this.heardAt;
    if (this.stopped || !this.heardAt || silent < SILENCE_MS || document.visibilityState === "hidden") return;
    this.heardAt = performance.now();
    const { signal } = this.abort;
    try {
      const answer = await fetch("/live", { signal: AbortSignal.timeout(SIGN_MS), cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      if (!signal.aborted) this.abort.abort();
    }
  }
}

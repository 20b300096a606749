import { afterEach, describe, expect, it, vi } from "vitest";
import { BlockReader, type LiveEvent, Stream } from "./stream";

describe("the reader of event-stream blocks", () => {
  it("joins what arrives in pieces, and keeps ids of comments", () => {
    const reader = new BlockReader();
    expect(reader.push("id: 4\nda")).toEqual([]);
    expect(reader.push('ta: {"a":1}\n\n: seq 7\nid: 7\n\nid: 8\nevent: resync\ndata: {}\n\nid')).toEqual([
      { id: "4", event: "message", data: '{"a":1}' },
      { id: "7", event: "message", data: "" },
      { id: "8", event: "resync", data: "{}" },
    ]);
  });
});

describe("the stream", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("tells a state once, however much comes, and again when it is another", async () => {
    const nothing = { addEventListener: () => undefined, removeEventListener: () => undefined };
    vi.stubGlobal("window", nothing);
    vi.stubGlobal("document", { ...nothing, visibilityState: "visible" });
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (feed = controller) });
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(body)));
    const [states, batches]: [string[], LiveEvent[][]] = [[], []];
    const stream = new Stream({
      events: (batch) => void batches.push(batch),
      resync: () => undefined,
      connection: (state) => void states.push(state),
    });
    for (const seq of [1, 2, 3]) {
      feed?.enqueue(new TextEncoder().encode(`id: ${seq}\ndata: {"seq":${seq}}\n\n`));
      await vi.waitFor(() => expect(batches).toHaveLength(seq));
    }
    expect(states).toEqual(["connecting", "live"]);
    feed?.close();
    await vi.waitFor(() => expect(states).toEqual(["connecting", "live", "lost"]));
    stream.stop();
  });
});

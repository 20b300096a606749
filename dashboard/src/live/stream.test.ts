import { QueryClient } from "@tanstack/react-query";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BlockReader, type LiveEvent } from "./stream";
import { Refresher, touched } from "./touched";

function event(seq: number, kind: string, id: string): LiveEvent {
  return {
    seq,
    at: 0,
    type: `${kind}.x/1`,
    subject: { kind, id },
    actor: { kind: "system" },
    cause: 0,
    facts: {},
  };
}

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

describe("what events touch", () => {
  afterEach(() => void vi.useRealTimers());

  it("is the thing itself and the lists it stands in", () => {
    const keys = touched([event(1, "decision", "dec_1"), event(2, "task", "")]);
    expect(keys).toContain('["decision","dec_1"]');
    expect(keys).toContain('["decisions"]');
    expect(keys).toContain('["tasks"]');
    expect(keys).not.toContain('["task",""]');
    expect(touched([event(3, "tribunal", "dec_1")])).toContain('["decision","dec_1"]');
  });

  it("is read again at once, then at most every 400 ms however many events come", () => {
    vi.useFakeTimers();
    const client = new QueryClient();
    const read = vi.spyOn(client, "invalidateQueries").mockResolvedValue();
    const refresher = new Refresher(client, () => Date.now());
    for (let passed = 0; passed < 2_000; passed += 5) {
      refresher.touch(['["tasks"]']);
      vi.advanceTimersByTime(5);
    }
    vi.advanceTimersByTime(1_000);
    expect(read.mock.calls.length).toBeGreaterThanOrEqual(5);
    expect(read.mock.calls.length).toBeLessThanOrEqual(7);
  });

  it("is read again after a reading that began before the event, which is not cut short", () => {
    vi.useFakeTimers();
    const client = new QueryClient();
    const read = vi.spyOn(client, "invalidateQueries").mockResolvedValue();
    const busy = vi.spyOn(client, "isFetching").mockReturnValue(1);
    const refresher = new Refresher(client, () => Date.now());
    refresher.touch(['["tasks"]']);
    vi.advanceTimersByTime(300);
    expect(read).not.toHaveBeenCalled();
    busy.mockReturnValue(0);
    vi.advanceTimersByTime(50);
    expect(read).toHaveBeenCalledTimes(1);
  });
});

import { describe, expect, it } from "vitest";
import { BlockReader, type LiveEvent } from "./stream";
import { touched } from "./touched";

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
  it("is the thing itself and the lists it stands in", () => {
    const keys = touched([event(1, "decision", "dec_1"), event(2, "task", "")]);
    expect(keys).toContain('["decision","dec_1"]');
    expect(keys).toContain('["decisions"]');
    expect(keys).toContain('["tasks"]');
    expect(keys).not.toContain('["task",""]');
    expect(touched([event(3, "tribunal", "dec_1")])).toContain('["decision","dec_1"]');
  });
});

import { describe, expect, it } from "vitest";
import { BlockReader } from "./stream";

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

import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refresher } from "./refresher";
import type { Touched } from "./touched";

interface Reading {
  client: QueryClient;
  times: number[];
  stop: () => void;
}

/** A page with one query that takes `ms` to be read; `times` are the instants at which it was read again. */
function reading(key: string[], ms: number, meta: object = {}, client = new QueryClient()): Reading {
  const times: number[] = [];
  const observer = new QueryObserver(client, {
    queryKey: key,
    meta,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    initialData: 0,
    queryFn: async () => {
      times.push(Date.now());
      await new Promise((done) => setTimeout(done, ms));
      return times.length;
    },
  });
  return { client, times, stop: observer.subscribe(() => undefined) };
}

const TASKS: Touched = new Map([['["tasks"]', null]]);

function gaps(times: number[]): number[] {
  return times.slice(1).map((at, place) => at - (times[place] ?? 0));
}

/** Events every 5 ms. */
async function steady(client: QueryClient, ms: number, touched = TASKS): Promise<void> {
  const refresher = new Refresher(client, () => Date.now());
  for (let at = 0; at < ms; at += 5) {
    refresher.touch(touched);
    await vi.advanceTimersByTimeAsync(5);
  }
}

describe("what is read again", () => {
  beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => vi.useRealTimers());

  it("is read at once after a rest, and news during a reading leads to another, never to two at a time", async () => {
    const { client, times } = reading(["tasks", "list"], 50);
    const refresher = new Refresher(client, () => Date.now());
    refresher.touch(TASKS);
    await vi.advanceTimersByTimeAsync(30);
    expect(times).toHaveLength(1);
    refresher.touch(TASKS);
    await vi.advanceTimersByTimeAsync(40);
    expect(times).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(times).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(times).toHaveLength(2);
  });

  it("is read many times a second where reading is fast, and less where it is slow", async () => {
    const fast = reading(["tasks", "list"], 20);
    await steady(fast.client, 2_000);
    expect(Math.max(...gaps(fast.times))).toBeLessThanOrEqual(120);
    const slow = reading(["tasks", "list"], 200);
    await steady(slow.client, 6_000);
    expect(Math.min(...gaps(slow.times))).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...gaps(slow.times))).toBeLessThanOrEqual(1_050);
  });

  it("has each query its own pace: what is summed up does not hold back the list beside it", async () => {
    const client = new QueryClient();
    const list = reading(["tasks", "list"], 20, {}, client);
    const counts = reading(["tasks", "queue"], 300, { apartMs: 1_000 }, client);
    await steady(client, 4_000);
    expect(Math.max(...gaps(list.times))).toBeLessThanOrEqual(120);
    expect(Math.min(...gaps(counts.times))).toBeGreaterThanOrEqual(1_000);
  });

  it("stays below 1,000 requests a minute, whatever is on the page", async () => {
    const client = new QueryClient();
    const all = Array.from({ length: 6 }, (_, n) => reading(["tasks", String(n)], 5, {}, client));
    await steady(client, 60_000);
    const count = all.reduce((sum, one) => sum + one.times.length, 0);
    expect(count).toBeGreaterThan(600);
    expect(count).toBeLessThan(900);
    expect(Math.min(...all.map((one) => one.times.length))).toBeGreaterThan(90);
  });

  it("is left alone for a while by a server that refuses", async () => {
    const client = new QueryClient();
    const times: number[] = [];
    const queryFn = () => {
      times.push(Date.now());
      return Promise.reject(new Error("429"));
    };
    new QueryObserver(client, {
      queryKey: ["tasks"],
      queryFn,
      initialData: 0,
      staleTime: 1e9,
      retry: false,
    }).subscribe(() => undefined);
    await steady(client, 5_000);
    expect(times.length).toBeGreaterThanOrEqual(2);
    expect(Math.min(...gaps(times))).toBeGreaterThanOrEqual(2_000);
  });

  it("waits until it is shown when nobody looks at it", async () => {
    const { client, times, stop } = reading(["tasks", "list"], 20);
    stop();
    await steady(client, 200);
    expect(times).toHaveLength(0);
    expect(client.getQueryState(["tasks", "list"])?.isInvalidated).toBe(true);
  });
});

/** A server's list of rows `from`, `from` - 1, …, 1, in pages; `read` are the cursors that were asked for. */
function longList(from: number) {
  const state = { newest: from, read: [] as unknown[], wide: new Map<number, string>() };
  const queryFn = ({ pageParam }: { pageParam?: unknown }) => {
    state.read.push(pageParam);
    const first = pageParam ? Number(pageParam) - 1 : state.newest;
    const last = Math.max(1, first - 199);
    const items = Array.from({ length: first - last + 1 }, (_, n) => ({
      id: String(first - n),
      is: state.wide.get(first - n) ?? "queued",
    }));
    return Promise.resolve({ items, next: last > 1 ? String(last) : null });
  };
  return { state, queryFn };
}

describe("a long list", () => {
  beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => vi.useRealTimers());

  async function shown() {
    const client = new QueryClient();
    const { state, queryFn } = longList(2_000);
    const pages = [];
    const pageParams: unknown[] = [];
    for (let cursor = ""; cursor !== null; cursor = pages.at(-1)?.next as string) {
      pageParams.push(cursor);
      pages.push(await queryFn({ pageParam: cursor }));
    }
    state.read = [];
    new QueryObserver(client, {
      queryKey: ["tasks", "list"],
      queryFn: queryFn as never,
      meta: { rowId: "id" },
      staleTime: 1e9,
      initialData: { pages, pageParams } as never,
    }).subscribe(() => undefined);
    const rows = () =>
      (
        client.getQueryData(["tasks", "list"]) as { pages: { items: { id: string; is: string }[] }[] }
      ).pages.flatMap((one) => one.items);
    return { client, state, rows, refresher: new Refresher(client, () => Date.now()) };
  }

  it("is read at its head and where rows have changed, and then is as the server has it", async () => {
    const { state, rows, refresher } = await shown();
    state.newest = 2_002;
    state.wide.set(1_000, "running");
    refresher.touch(new Map([['["tasks"]', new Set(["2002", "2001", "1000"])]]));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(state.read.length).toBeLessThanOrEqual(3);
    expect(rows().map((row) => Number(row.id))).toEqual(Array.from({ length: 2_002 }, (_, n) => 2_002 - n));
    expect(rows().find((row) => row.id === "1000")?.is).toBe("running");
  });

  it("is read a few pages at a time where nobody knows which rows have changed, until it is fresh", async () => {
    const { state, rows, refresher } = await shown();
    for (let id = 1; id <= 2_000; id++) state.wide.set(id, "running");
    refresher.touch(new Map([['["tasks"]', null]]));
    await vi.advanceTimersByTimeAsync(50);
    expect(state.read.length).toBeLessThanOrEqual(4);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(rows().every((row) => row.is === "running")).toBe(true);
    const after = state.read.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(state.read.length).toBe(after);
  });

  it("follows a row that the head has no room for", async () => {
    const { state, rows, refresher } = await shown();
    state.newest = 2_050;
    state.wide.set(1_810, "running"); // on the first page before, behind it now
    refresher.touch(new Map([['["tasks"]', new Set(["1810"])]]));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(rows().map((row) => Number(row.id))).toEqual(Array.from({ length: 2_050 }, (_, n) => 2_050 - n));
    expect(rows().find((row) => row.id === "1810")?.is).toBe("running");
  });

  it("keeps what is due when a reading fails, or somebody scrolls meanwhile", async () => {
    const { client, state, rows, refresher } = await shown();
    state.wide.set(1_000, "running");
    refresher.touch(new Map([['["tasks"]', new Set(["1000"])]]));
    vi.advanceTimersByTime(25);
    client.setQueryData(["tasks", "list"], (old: object | undefined) => ({ ...old }));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(rows().find((row) => row.id === "1000")?.is).toBe("running");
  });
});

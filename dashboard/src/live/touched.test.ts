import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refresher } from "./touched";

/** A client that counts what is read again, each reading taking `ms`. */
function reading(ms: number): { client: QueryClient; times: number[] } {
  const client = new QueryClient();
  const times: number[] = [];
  client.invalidateQueries = () => {
    times.push(Date.now());
    return new Promise((done) => setTimeout(done, ms));
  };
  return { client, times };
}

describe("what is read again", () => {
  beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => vi.useRealTimers());

  async function steady(client: QueryClient, ms: number): Promise<void> {
    const refresher = new Refresher(client, () => Date.now());
    for (let at = 0; at < ms; at += 5) {
      refresher.touch(['["tasks"]']);
      await vi.advanceTimersByTimeAsync(5);
    }
  }

  it("is read at once after a rest, and news during a reading leads to another", async () => {
    const { client, times } = reading(50);
    const refresher = new Refresher(client, () => Date.now());
    refresher.touch(['["tasks"]']);
    await vi.advanceTimersByTimeAsync(30);
    expect(times).toHaveLength(1);
    refresher.touch(['["tasks"]']);
    await vi.advanceTimersByTimeAsync(500);
    expect(times).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(times).toHaveLength(2);
  });

  it("is read several times a second where reading is fast", async () => {
    const { client, times } = reading(20);
    await steady(client, 2_000);
    expect(times.length).toBeGreaterThanOrEqual(12);
    expect(times.length).toBeLessThanOrEqual(22);
  });

  it("is read less where reading is slow, never two at a time", async () => {
    const { client, times } = reading(400);
    await steady(client, 6_000);
    const gaps = times.slice(1).map((at, place) => at - (times[place] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_200);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_300);
  });

  it("is read as seldom as its pages demand: all requests stay below 1,000 a minute", async () => {
    const { client, times } = reading(100);
    client.setQueryData(["tasks"], {
      pages: Array.from({ length: 50 }, () => ({ items: [] })),
      pageParams: [],
    });
    client
      .getQueryCache()
      .find({ queryKey: ["tasks"] })
      ?.addObserver(new QueryObserver(client, { queryKey: ["tasks"], enabled: false }));
    vi.spyOn(client.getQueryCache(), "findAll").mockImplementation(() => client.getQueryCache().getAll());
    await steady(client, 7_000);
    const gaps = times.slice(1).map((at, place) => at - (times[place] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3_200);
  });

  it("is read again after a reading that began before the event, which is not cut short", () => {
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

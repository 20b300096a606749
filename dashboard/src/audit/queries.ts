/** What the audit pages read. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Recorded = Wire["EventItem"];

/** The envelope of an event as the ledger's format describes it (docs/ledger-format.md). */
export interface Envelope {
  seq: number;
  at: number;
  type: string;
  subject: { id: number; kind: string };
  actor: { kind: string; id: string; credential: string };
  of?: string;
  cause: number;
  correlation: string;
  private?: string;
  facts: Record<string, unknown>;
}

export const envelope = (item: Recorded): Envelope => item.event as Envelope;

const PAGE = 200;

/** Newest first: pages are read from the end of the ledger backwards. */
export function eventsQuery(head: number) {
  return infiniteQueryOptions({
    queryKey: ["events", "list", head],
    initialPageParam: head,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ pageParam }) => {
      const after = Math.max(0, pageParam - PAGE);
      const limit = pageParam - after;
      if (limit === 0) return { items: [], after };
      const page = await ask(api.GET("/api/v1/ledger/events", { params: { query: { after, limit } } }));
      return { items: [...page.items].reverse(), after };
    },
    getNextPageParam: (page) => (page.after > 0 ? page.after : undefined),
  });
}

export const headQuery = queryOptions({
  queryKey: ["ledger", "head"],
  meta: { apartMs: 250 },
  queryFn: () => ask(api.GET("/api/v1/ledger/head")),
});

export const verificationQuery = queryOptions({
  queryKey: ["verification"],
  queryFn: () => ask(api.GET("/api/v1/ledger/verification")),
});

export const exportsQuery = queryOptions({
  queryKey: ["exports"],
  queryFn: () => ask(api.GET("/api/v1/ledger/exports")),
  refetchInterval: (query) =>
    query.state.data?.items.some((one) => one.state === "running") ? 1_000 : false,
});

export type Then = Wire["Replayed"];

/** State as it was; `seq` 0 and no `at`: as it is now. What was does not change: it is read once. */
export function replayQuery(seq: number, at: number, of: string) {
  return queryOptions({
    queryKey: ["replay", seq, at, of],
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
    queryFn: () =>
      ask(
        api.GET("/api/v1/ledger/state", {
          params: { query: { ...(at ? { at } : { seq }), ...(of ? { of } : {}) } },
        }),
      ),
  });
}

export function eventQuery(seq: string) {
  return queryOptions({
    queryKey: ["event", seq],
    queryFn: () => ask(api.GET("/api/v1/ledger/events/{seq}", { params: { path: { seq: Number(seq) } } })),
  });
}

/** What the list of actions reads, and what its filters in the URL mean. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";
import type { Filters } from "../parts/filters";

export type Action = Wire["ActionItem"];
export type Since = (typeof SINCE)[number]["value"];

export const STATUSES = [
  "pending",
  "granted",
  "executing",
  "completed",
  "failed",
  "unknown",
  "denied",
  "expired",
  "cancelled",
] as const;
export const SINCE = [
  { value: "1h", label: "last hour" },
  { value: "24h", label: "last 24 hours" },
  { value: "7d", label: "last 7 days" },
  { value: "30d", label: "last 30 days" },
] as const;
export const BY = [
  { value: "automatic", label: "automatic" },
  { value: "people", label: "by people" },
] as const;

const HOUR_US = 3_600_000_000;
const HOURS: Record<Since, number> = { "1h": 1, "24h": 24, "7d": 168, "30d": 720 };

/** From when until when, in microseconds: a day of the analytics (UTC), or since so long ago. */
export function span(filters: Filters, nowMs: number): { from_at?: number; to_at?: number } {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(filters.day ?? "") ? Date.parse(`${filters.day}T00:00:00Z`) : NaN;
  if (!Number.isNaN(day)) return { from_at: day * 1_000, to_at: day * 1_000 + 24 * HOUR_US };
  const hours = HOURS[filters.since as Since];
  return hours ? { from_at: Math.max(0, Math.floor(nowMs) * 1_000 - hours * HOUR_US) } : {};
}

/** The filters as the server takes them. What nobody could have chosen is left out. */
export function asked(filters: Filters, nowMs: number): NonNullable<ActionsQuery> {
  const { agent, type } = filters;
  const status = STATUSES.find((one) => one === filters.status);
  const by = BY.find((one) => one.value === filters.by)?.value;
  const level = /^[0-4]$/.test(filters.level ?? "") ? Number(filters.level) : undefined;
  return {
    ...(status ? { status } : {}),
    ...(by ? { by } : {}),
    ...(level === undefined ? {} : { level }),
    ...(agent ? { agent } : {}),
    ...(type ? { type } : {}),
    ...span(filters, nowMs),
  };
}

type ActionsQuery =
  NonNullable<Parameters<typeof api.GET<"/api/v1/actions", object>>[1]> extends {
    params?: { query?: infer Query };
  }
    ? Query
    : never;

const NARROWING = ["status", "by", "level", "agent", "type", "since", "day"] as const;

export function narrows(filters: Filters): boolean {
  return NARROWING.some((name) => filters[name]);
}

export function actionsQuery(filters: Filters) {
  return infiniteQueryOptions({
    queryKey: ["actions", "history", ...NARROWING.map((name) => filters[name] ?? "")],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/actions", {
          params: {
            query: { limit: 200, ...asked(filters, Date.now()), ...(pageParam ? { cursor: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
    meta: { rowId: "action_id" },
  });
}

export function actionQuery(action: string) {
  return queryOptions({
    queryKey: ["action", action],
    queryFn: () => ask(api.GET("/api/v1/actions/{action}", { params: { path: { action } } })),
  });
}

/** Who let it run, or did not. */
export function decidedBy(one: Action): string {
  if (one.decision_id) return "people";
  if (one.verdict === "denied") return "the gate";
  return one.observed ? "observed" : one.basis === "standing" ? "standing" : "automatic";
}

/** What the analytics read. These reports are heavy for the server: nothing reads them again by itself. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { share } from "../parts/amounts";

const CALM = { staleTime: 5 * 60_000, refetchOnWindowFocus: false } as const;

export const DAYS = [7, 30, 90] as const;

/** Microseconds of the instant so many days ago, rounded to the hour so that the same report is asked for again. */
export function fromAt(days: number, now: number = Date.now()): number {
  const hour = 3_600_000;
  return (Math.floor(now / hour) * hour - days * 24 * hour) * 1_000;
}

export function trendsQuery(days: number) {
  return queryOptions({
    ...CALM,
    queryKey: ["analytics", "trends", days],
    queryFn: () => ask(api.GET("/api/v1/analytics/trends", { params: { query: { days } } })),
  });
}

export function suggestionsQuery(days: number) {
  return queryOptions({
    ...CALM,
    queryKey: ["analytics", "suggestions", days],
    queryFn: () => ask(api.GET("/api/v1/analytics/suggestions", { params: { query: { days } } })),
  });
}

export function automationQuery(days: number, by: "type" | "day") {
  return queryOptions({
    ...CALM,
    queryKey: ["analytics", "automation", days, by],
    queryFn: () =>
      ask(api.GET("/api/v1/analytics/automation", { params: { query: { from_at: fromAt(days), by } } })),
  });
}

export function decidingQuery(days: number, by: "risk" | "approver" | "day") {
  return queryOptions({
    ...CALM,
    queryKey: ["analytics", "deciding", days, by],
    queryFn: () =>
      ask(api.GET("/api/v1/analytics/decisions", { params: { query: { from_at: fromAt(days), by } } })),
  });
}

export function overridesQuery(days: number, by: "type" | "day") {
  return queryOptions({
    ...CALM,
    queryKey: ["analytics", "overrides", days, by],
    queryFn: () =>
      ask(api.GET("/api/v1/analytics/overrides", { params: { query: { from_at: fromAt(days), by } } })),
  });
}

export function reviewersQuery(days: number, by: "person" | "day") {
  return queryOptions({
    ...CALM,
    queryKey: ["analytics", "reviewers", days, by],
    queryFn: () =>
      ask(api.GET("/api/v1/analytics/reviewers", { params: { query: { from_at: fromAt(days), by } } })),
  });
}

/** What a number of one day counts, page by page. */
export function behindQuery(
  report: "automation" | "decisions" | "overrides" | "reviewers",
  figure: string,
  day: string,
  days: number,
) {
  return infiniteQueryOptions({
    ...CALM,
    queryKey: ["analytics", "behind", report, figure, day, days],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/analytics/behind", {
          params: {
            query: {
              report,
              figure,
              by: "day",
              of: day,
              from_at: fromAt(days),
              limit: 100,
              ...(pageParam ? { cursor: pageParam } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

/** A rate of permille in words: `94.9 %`, and of nothing a dash. */
export function percent(permille: number | null): string {
  return permille === null ? "–" : share(permille);
}

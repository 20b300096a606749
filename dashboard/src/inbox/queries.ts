/** What the inbox reads. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Decision = Wire["DecisionItem"];
export type DecisionDetail = Wire["DecisionDetail"];

/** Pending decisions, the least time left first. */
export const waitingQuery = infiniteQueryOptions({
  queryKey: ["decisions", "inbox"],
  initialPageParam: "",
  queryFn: ({ pageParam }) =>
    ask(
      api.GET("/api/v1/decisions", {
        params: { query: { status: "pending", limit: 200, ...(pageParam ? { cursor: pageParam } : {}) } },
      }),
    ),
  getNextPageParam: (page) => page.next,
});

export function decisionQuery(decision: string) {
  return queryOptions({
    queryKey: ["decision", decision],
    queryFn: () => ask(api.GET("/api/v1/decisions/{decision}", { params: { path: { decision } } })),
  });
}

/** What people said before to requests like this one. */
export function similarQuery(decision: string) {
  return queryOptions({
    queryKey: ["decision", decision, "similar"],
    queryFn: () => ask(api.GET("/api/v1/decisions/{decision}/similar", { params: { path: { decision } } })),
    staleTime: 60_000,
  });
}

/** The points that trust moves by, as the policy in force has them. */
export const policyQuery = queryOptions({
  queryKey: ["policy", "in force"],
  queryFn: () => ask(api.GET("/api/v1/policy")),
  staleTime: 5 * 60_000,
});

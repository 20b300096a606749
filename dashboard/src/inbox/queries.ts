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

/** What approving or denying it, and what comes of that, would do to the agent's trust. */
export function impactQuery({ agent_id, decision_id: decision }: Decision) {
  return queryOptions({
    queryKey: ["agent", agent_id, "impact", decision], // of the agent: events of trust touch it
    queryFn: () => ask(api.GET("/api/v1/decisions/{decision}/impact", { params: { path: { decision } } })),
    staleTime: 60_000,
  });
}

/** What the pages of kill switches, standing approvals and bypasses read. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Stop = Wire["StopItem"];

export function stopsQuery(state: "in_force" | "lifted") {
  return queryOptions({
    queryKey: ["stops", state],
    queryFn: () => ask(api.GET("/api/v1/stops", { params: { query: { state, limit: 100 } } })),
  });
}

export const standingQuery = queryOptions({
  queryKey: ["standing", "list"],
  queryFn: () => ask(api.GET("/api/v1/standing-approvals", { params: { query: { limit: 200 } } })),
});

export const bypassesQuery = queryOptions({
  queryKey: ["bypasses", "list"],
  queryFn: () => ask(api.GET("/api/v1/bypasses", { params: { query: { limit: 200 } } })),
});

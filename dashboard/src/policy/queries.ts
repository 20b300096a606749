/** What the pages of the policy and of kill switches read. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Policy = Wire["Policy"];
export type Stop = Wire["StopItem"];

export const policyNowQuery = queryOptions({
  queryKey: ["policy", "now"],
  queryFn: () => ask(api.GET("/api/v1/policy")),
});

export const versionsQuery = queryOptions({
  queryKey: ["policy", "versions"],
  queryFn: () => ask(api.GET("/api/v1/policy/versions", { params: { query: { limit: 100 } } })),
});

export function differenceQuery(older: number, newer: number) {
  return queryOptions({
    queryKey: ["policy", "diff", older, newer],
    queryFn: () => ask(api.GET("/api/v1/policy/diff", { params: { query: { older, newer } } })),
  });
}

export function stopsQuery(state: "in_force" | "lifted") {
  return queryOptions({
    queryKey: ["stops", state],
    queryFn: () => ask(api.GET("/api/v1/stops", { params: { query: { state, limit: 100 } } })),
  });
}

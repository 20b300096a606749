/** What the access pages read. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Person = Wire["PersonItem"];
export type Credential = Wire["CredentialItem"];

export const ROLES = ["auditor", "operator", "supervisor", "director", "admin"] as const;
export type RoleName = (typeof ROLES)[number];

export const ROLE_MEANS: Record<RoleName, string> = {
  auditor: "reads everything, decides nothing",
  operator: "runs agents and tasks, confirms at level 2",
  supervisor: "approves at level 3, lifts stops, releases agents",
  director: "decides the critical, sets budgets, may break glass",
  admin: "people, access, the server",
};

export const peopleQuery = infiniteQueryOptions({
  queryKey: ["people", "list"],
  initialPageParam: "",
  queryFn: ({ pageParam }) =>
    ask(
      api.GET("/api/v1/people", { params: { query: { limit: 200, ...(pageParam ? { cursor: pageParam } : {}) } } }),
    ),
  getNextPageParam: (page) => page.next,
});

export function credentialsQuery(person: string) {
  return queryOptions({
    queryKey: ["person", person, "credentials"],
    queryFn: () => ask(api.GET("/api/v1/people/{person}/credentials", { params: { path: { person } } })),
  });
}

export const sessionsQuery = queryOptions({
  queryKey: ["me", "sessions"],
  queryFn: () => ask(api.GET("/api/v1/sessions")),
});

export const meansQuery = queryOptions({
  queryKey: ["me", "means"],
  queryFn: () => ask(api.GET("/api/v1/me/means")),
});

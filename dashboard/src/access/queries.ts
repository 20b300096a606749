/** What the access pages read. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Person = Wire["PersonItem"];
/** `used_at` null: not told. */
export type Credential = Omit<Wire["CredentialItem"], "used_at"> & { used_at: number | null };

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
      api.GET("/api/v1/people", {
        params: { query: { limit: 200, ...(pageParam ? { cursor: pageParam } : {}) } },
      }),
    ),
  getNextPageParam: (page) => page.next,
});

export function credentialsQuery(person: string) {
  return queryOptions({
    queryKey: ["person", person, "credentials"],
    queryFn: () => ask(api.GET("/api/v1/people/{person}/credentials", { params: { path: { person } } })),
  });
}

/** One's own sessions, and tokens that are in force. */
export const mineQuery = queryOptions({
  queryKey: ["me", "sessions"],
  queryFn: async (): Promise<Credential[]> => {
    const [sessions, tokens] = await Promise.all([
      ask(api.GET("/api/v1/sessions")),
      ask(api.GET("/api/v1/tokens", { params: { query: { limit: 200 } } })),
    ]);
    const now = Date.now() * 1_000;
    const inForce = tokens.items.filter(
      (one) => one.purpose === "token" && !one.revoked_at && one.expires_at > now,
    );
    const shown = inForce.map((one) => ({
      credential_id: one.token_id,
      purpose: one.purpose,
      label: one.label,
      issued_at: one.issued_at,
      expires_at: one.expires_at,
      used_at: null,
      current: false,
      handle: "",
    }));
    return [...sessions.items, ...shown];
  },
});

export const meansQuery = queryOptions({
  queryKey: ["me", "means"],
  queryFn: () => ask(api.GET("/api/v1/me/means")),
});

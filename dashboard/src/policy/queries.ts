/** What the pages of the policy read. Keys begin with `policy`: its events read them again. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Policy = Wire["Policy"];
export type Check = Wire["PolicyCheck"];

export type Notation = "yaml" | "json";

/** What stands in the editor and is not applied: changed by the forms, or typed as text. */
export type Draft = { by: "form"; document: Policy } | { by: "text"; as: Notation; text: string };

export const policyQuery = queryOptions({
  queryKey: ["policy", "now"],
  queryFn: () => ask(api.GET("/api/v1/policy")),
});

export function yamlQuery(version: number) {
  return queryOptions({
    queryKey: ["policy", "yaml", version],
    queryFn: () =>
      ask(
        api.GET("/api/v1/policy/versions/{version}", {
          params: { path: { version } },
          headers: { Accept: "application/yaml" },
          parseAs: "text",
        }) as unknown as Promise<{ data?: string; error?: unknown; response: Response }>,
      ),
  });
}

/** The server reads the draft: both forms of it, its faults, and what it changes. */
export function checkQuery(draft: Draft | null) {
  return queryOptions({
    queryKey: ["policy", "check", draft],
    enabled: draft !== null,
    placeholderData: keepPreviousData,
    queryFn: () =>
      draft?.by === "text"
        ? ask(
            api.POST("/api/v1/policy/check", {
              body: draft.text as unknown as Policy,
              bodySerializer: (text) => text as unknown as string,
              headers: { "Content-Type": `application/${draft.as}` },
            }),
          )
        : ask(api.POST("/api/v1/policy/check", { body: (draft as { document: Policy }).document })),
  });
}

export const backtestingQuery = queryOptions({
  queryKey: ["backtest"],
  queryFn: () => ask(api.GET("/api/v1/policy/backtest")),
  refetchInterval: 500,
  gcTime: 0,
});

export const versionsQuery = infiniteQueryOptions({
  queryKey: ["policy", "all versions"],
  initialPageParam: "",
  queryFn: ({ pageParam }) =>
    ask(
      api.GET("/api/v1/policy/versions", {
        params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } },
      }),
    ),
  getNextPageParam: (page) => page.next,
});

export const proposalsQuery = queryOptions({
  queryKey: ["policy", "proposals"],
  queryFn: () => ask(api.GET("/api/v1/policy/proposals", { params: { query: { limit: 50 } } })),
});

/** `older` 0: the one before `newer`. */
export function diffQuery(newer: number, older = 0) {
  return queryOptions({
    queryKey: ["policy", "difference", newer, older],
    queryFn: () => ask(api.GET("/api/v1/policy/diff", { params: { query: { newer, older } } })),
  });
}

export const shadowsQuery = queryOptions({
  queryKey: ["policy", "shadows"],
  queryFn: () => ask(api.GET("/api/v1/policy/shadows", { params: { query: { limit: 50 } } })),
});

export function shadowQuery(shadow: string) {
  return queryOptions({
    queryKey: ["shadow", shadow],
    queryFn: () => ask(api.GET("/api/v1/policy/shadows/{shadow}", { params: { path: { shadow } } })),
  });
}

export function shadowDifferencesQuery(shadow: string) {
  return queryOptions({
    queryKey: ["shadow", shadow, "differences"],
    queryFn: () =>
      ask(
        api.GET("/api/v1/policy/shadows/{shadow}/differences", {
          params: { path: { shadow }, query: { limit: 200 } },
        }),
      ),
  });
}

export function observedQuery(days: number) {
  return queryOptions({
    queryKey: ["observed", days],
    queryFn: () => ask(api.GET("/api/v1/policy/observed", { params: { query: { days } } })),
  });
}

export const packsQuery = queryOptions({
  queryKey: ["packs"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: () => ask(api.GET("/api/v1/policy/packs")),
});

export function packQuery(pack: string) {
  return queryOptions({
    queryKey: ["packs", pack],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => ask(api.GET("/api/v1/policy/packs/{pack}", { params: { path: { pack } } })),
  });
}

/** What the pages of alerts and anomalies read. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Alert = Wire["AlertItem"];
export type Anomaly = Wire["AnomalyItem"];

const STATUSES = ["open", "acknowledged", "resolved"] as const;
export const statuses: readonly string[] = STATUSES;

function oneOf<T extends string>(all: readonly T[], wanted: string | undefined): T | undefined {
  return all.find((one) => one === wanted);
}

export function alertsQuery(wanted: string | undefined) {
  const status = oneOf(STATUSES, wanted);
  return infiniteQueryOptions({
    queryKey: ["alerts", "list", status ?? ""],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/alerts", {
          params: {
            query: { limit: 200, ...(pageParam ? { cursor: pageParam } : {}), ...(status ? { status } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

export function alertQuery(alert: string) {
  return queryOptions({
    queryKey: ["alert", alert],
    queryFn: () => ask(api.GET("/api/v1/alerts/{alert}", { params: { path: { alert } } })),
  });
}

export function anomaliesQuery(wanted: string | undefined) {
  const status = oneOf(STATUSES, wanted);
  return infiniteQueryOptions({
    queryKey: ["anomalies", "list", status ?? ""],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/anomalies", {
          params: {
            query: { limit: 200, ...(pageParam ? { cursor: pageParam } : {}), ...(status ? { status } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

export function anomalyQuery(anomaly: string) {
  return queryOptions({
    queryKey: ["anomaly", anomaly],
    queryFn: () => ask(api.GET("/api/v1/anomalies/{anomaly}", { params: { path: { anomaly } } })),
  });
}

/** What the pages of tasks read. Keys begin with `tasks` (lists) or `task` and the id (one). */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Task = Wire["TaskItem"];

export const STATUSES = [
  "queued",
  "assigned",
  "running",
  "blocked",
  "paused",
  "orphaned",
  "succeeded",
  "failed",
  "dead_letter",
  "cancelled",
] as const;
export const LANES = ["urgent", "high", "normal", "low"] as const;
const OVER: readonly string[] = ["succeeded", "dead_letter", "cancelled"];

/** Has it ended, one way or the other? */
export function isOver(task: Task): boolean {
  return OVER.includes(task.status);
}

/** The filters of the URL as the server takes them; what it would not know is left out. */
export function filterOf(filters: Record<string, string>) {
  const status = STATUSES.find((one) => one === filters.status);
  const lane = LANES.find((one) => one === filters.lane);
  return {
    ...(status ? { status } : {}),
    ...(lane ? { lane } : {}),
    ...(filters.agent ? { agent: filters.agent } : {}),
    ...(filters.needs ? { needs: filters.needs } : {}),
    ...(filters.workflow ? { workflow: filters.workflow } : {}),
  };
}

export function tasksQuery(filters: Record<string, string>) {
  const wanted = filterOf(filters);
  return infiniteQueryOptions({
    queryKey: ["tasks", "list", wanted],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/tasks", {
          params: { query: { limit: 200, ...(pageParam ? { cursor: pageParam } : {}), ...wanted } },
        }),
      ),
    getNextPageParam: (page) => page.next,
    meta: { rowId: "task_id" },
  });
}

export function taskQuery(task: string) {
  return queryOptions({
    queryKey: ["task", task],
    queryFn: () => ask(api.GET("/api/v1/tasks/{task}", { params: { path: { task } } })),
  });
}

export const queueQuery = queryOptions({
  queryKey: ["tasks", "queue"],
  queryFn: () => ask(api.GET("/api/v1/metrics")),
  meta: { apartMs: 1_000 }, // counted over every open task
});

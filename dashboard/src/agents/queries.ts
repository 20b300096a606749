/** What the pages of agents read. Keys begin with `agents` (lists) or `agent` and the id (one). */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Agent = Wire["AgentItem"];
export type AgentState = Agent["state"];

export interface AgentFilters {
  state?: string;
  type?: string;
  name?: string;
}

const STATES = [
  "offline",
  "idle",
  "assigned",
  "working",
  "blocked",
  "degraded",
  "quarantined",
  "retired",
] as const;
export const states: readonly string[] = STATES;

export function agentsQuery(filters: AgentFilters) {
  const state = STATES.find((one) => one === filters.state);
  return infiniteQueryOptions({
    queryKey: ["agents", "list", filters],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/agents", {
          params: {
            query: {
              limit: 200,
              ...(pageParam ? { cursor: pageParam } : {}),
              ...(state ? { state } : {}),
              ...(filters.type ? { type: filters.type } : {}),
              ...(filters.name ? { name: filters.name } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
    meta: { rowId: "agent_id" },
  });
}

export function agentQuery(agent: string) {
  return queryOptions({
    queryKey: ["agent", agent],
    queryFn: () => ask(api.GET("/api/v1/agents/{agent}", { params: { path: { agent } } })),
  });
}

export function trustQuery(agent: string) {
  return queryOptions({
    queryKey: ["agent", agent, "trust"],
    queryFn: () => ask(api.GET("/api/v1/agents/{agent}/trust", { params: { path: { agent } } })),
  });
}

export function trustHistoryQuery(agent: string) {
  return queryOptions({
    queryKey: ["agent", agent, "trust history"],
    queryFn: () =>
      ask(
        api.GET("/api/v1/agents/{agent}/trust/history", {
          params: { path: { agent }, query: { limit: 200 } },
        }),
      ),
  });
}

export function agentTasksQuery(agent: string) {
  return queryOptions({
    queryKey: ["agent", agent, "tasks"],
    queryFn: () => ask(api.GET("/api/v1/tasks", { params: { query: { agent, limit: 20 } } })),
  });
}

export function agentDecisionsQuery(agent: string) {
  return queryOptions({
    queryKey: ["agent", agent, "decisions"],
    queryFn: () => ask(api.GET("/api/v1/decisions", { params: { query: { agent, limit: 20 } } })),
  });
}

const REFILLS_MS = 15_000;

export function limitsQuery(agent: string) {
  return queryOptions({
    queryKey: ["limits", agent],
    meta: { apartMs: 500 },
    // What time alone gives back has no event.
    refetchInterval: REFILLS_MS,
    queryFn: () => ask(api.GET("/api/v1/agents/{agent}/limits", { params: { path: { agent } } })),
  });
}

export function versionsQuery(agent: string) {
  return infiniteQueryOptions({
    queryKey: ["agent", agent, "versions"],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/agents/{agent}/versions", {
          params: { path: { agent }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } },
        }),
      ),
    getNextPageParam: (page) => page.next,
  });
}

export function versionQuery(agent: string, number: number) {
  return queryOptions({
    queryKey: ["agent", agent, "version", number],
    queryFn: () =>
      ask(
        api.GET("/api/v1/agents/{agent}/versions/{number}", {
          params: { path: { agent, number } },
        }),
      ),
  });
}

export function versionDiffQuery(agent: string, older: number, newer: number) {
  return queryOptions({
    queryKey: ["agent", agent, "version diff", older, newer],
    queryFn: () =>
      ask(
        api.GET("/api/v1/agents/{agent}/versions/diff", {
          params: { path: { agent }, query: { older, newer } },
        }),
      ),
  });
}

/** Decisions about this agent that wait for people, such as putting a version in force. */
export function waitingQuery(agent: string) {
  return queryOptions({
    queryKey: ["decisions", "waiting for", agent],
    queryFn: () =>
      ask(api.GET("/api/v1/decisions", { params: { query: { agent, status: "pending", limit: 50 } } })),
  });
}

/** The newest chat with the agent that is not closed, if there is one. */
export function openChatQuery(agent: string) {
  return queryOptions({
    queryKey: ["chats", "open with", agent],
    queryFn: () =>
      ask(api.GET("/api/v1/chat/sessions", { params: { query: { agent, open: true, limit: 1 } } })),
  });
}

/** What the chat pages read. The messages of an open chat come by its own stream (following.ts). */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Chat = Wire["ChatItem"];
export type Message = Wire["MessageItem"];

export const chatsQuery = infiniteQueryOptions({
  queryKey: ["chats", "list"],
  initialPageParam: "",
  queryFn: ({ pageParam }) =>
    ask(
      api.GET("/api/v1/chat/sessions", {
        params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } },
      }),
    ),
  getNextPageParam: (page) => page.next,
});

export function chatQuery(chat: string) {
  return queryOptions({
    queryKey: ["chat", chat],
    queryFn: () => ask(api.GET("/api/v1/chat/sessions/{chat}", { params: { path: { chat } } })),
  });
}

export function foundQuery(words: string) {
  return queryOptions({
    queryKey: ["chats", "found", words],
    enabled: words.length >= 2,
    queryFn: () => ask(api.GET("/api/v1/chat/search", { params: { query: { q: words, limit: 30 } } })),
  });
}

export const agentsToTalkTo = queryOptions({
  queryKey: ["agents", "to talk to"],
  queryFn: () => ask(api.GET("/api/v1/agents", { params: { query: { limit: 200 } } })),
});

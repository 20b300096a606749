/** What was read from the server stays good until an event touches it (src/live/touched.ts). */
import { QueryClient } from "@tanstack/react-query";
import { asProblem } from "../api/problem";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: true,
      networkMode: "always",
      retry: (count, error) => {
        const problem = asProblem(error);
        return count < 3 && problem.retryable && problem.status !== 429;
      },
      retryDelay: (count, error) => asProblem(error).retryAfterMs ?? 300 * 2 ** count,
    },
    mutations: { networkMode: "always" },
  },
});

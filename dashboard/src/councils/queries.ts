/** What the pages of on-call schedules read. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "../api/client";

export const schedulesQuery = queryOptions({
  queryKey: ["schedules", "list"],
  queryFn: () => ask(api.GET("/api/v1/schedules", { params: { query: { limit: 200 } } })),
});

/** Names of people and agents, to show instead of ids and to choose from. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";

export const peopleQuery = queryOptions({
  queryKey: ["people", "names"],
  queryFn: () => ask(api.GET("/api/v1/people", { params: { query: { limit: 200 } } })),
});

export const agentNamesQuery = queryOptions({
  queryKey: ["agents", "names"],
  queryFn: () => ask(api.GET("/api/v1/agents", { params: { query: { limit: 200 } } })),
});

/** Names of people and agents by id; an id that is not among the first 200 stands for itself. */
export function useNames(): (id: string) => string {
  const people = useQuery(peopleQuery);
  const agents = useQuery(agentNamesQuery);
  return (id) =>
    people.data?.items.find((one) => one.person_id === id)?.name ??
    agents.data?.items.find((one) => one.agent_id === id)?.name ??
    id;
}

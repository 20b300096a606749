/** What the data page reads and keeps. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";

export type Table = Wire["QueryTable"];
export type Result = Wire["QueryAnswer"];
export type Saved = Wire["SavedQuery"];

export const schemaQuery = queryOptions({
  queryKey: ["sql schema"],
  queryFn: () => ask(api.GET("/api/v1/sql/schema")),
  staleTime: Number.POSITIVE_INFINITY,
});

export const savedQuery = queryOptions({
  queryKey: ["saved queries"],
  queryFn: () => ask(api.GET("/api/v1/queries")),
});

/** Queries that answer what people ask first. */
export const EXAMPLES: readonly { name: string; sql: string }[] = [
  {
    name: "Tasks by status",
    sql: "SELECT status, count(*) AS tasks\nFROM tasks\nGROUP BY status\nORDER BY tasks DESC",
  },
  {
    name: "Who asks for what, and how it ends",
    sql: "SELECT type, verdict, count(*) AS actions\nFROM actions\nGROUP BY type, verdict\nORDER BY actions DESC\nLIMIT 50",
  },
  {
    name: "Slowest decisions",
    sql: "SELECT id, status, (decided_at - opened_at) / 1000000 AS seconds\nFROM decisions\nWHERE decided_at > 0\nORDER BY seconds DESC\nLIMIT 20",
  },
];

/** Does a column hold instants? By the schema's word for any table that has one of that name. */
export function instants(tables: readonly Table[]): ReadonlySet<string> {
  const found = tables.flatMap((table) =>
    table.columns.filter((one) => one.type === "instant").map((one) => one.name),
  );
  return new Set(found);
}

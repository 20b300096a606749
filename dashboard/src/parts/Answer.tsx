/** A query's answer, or the state that stands in its place. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { asProblem } from "../api/problem";
import { Loading, Refused } from "./states";

export function Answer<T>({
  of,
  what,
  children,
}: {
  of: UseQueryResult<T>;
  what: string;
  children: (data: T) => ReactNode;
}) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Refused problem={asProblem(of.error)} again={() => void of.refetch()} />;
  return <Loading what={what} />;
}

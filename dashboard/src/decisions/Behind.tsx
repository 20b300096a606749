/** A number that leads to the newest thing it counts. */
import type { ReactNode } from "react";
import { Go, pageOf } from "../parts/Go";

export function Behind({ count, ids }: { count: ReactNode; ids: readonly string[] }) {
  const first = ids[0];
  if (!first || !pageOf(first)) return <>{count}</>;
  return (
    <Go to={pageOf(first)} title={`the newest: ${first}`}>
      {count}
    </Go>
  );
}

/** How much waits and runs in each lane; a click narrows the list. */
import { UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useFilters } from "../parts/filters";
import { LANES, queueQuery } from "./queries";
import styles from "./tasks.module.css";

const UNDER_WAY = ["assigned", "running", "blocked", "orphaned"];

export function Lanes() {
  const { data } = useQuery(queueQuery);
  const [filters, change] = useFilters();
  return (
    <div className={styles.lanes} role="group" aria-label="Lanes">
      {LANES.map((lane) => {
        const counts = data?.tasks[lane] ?? {};
        const running = UNDER_WAY.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
        const chosen = filters.lane === lane;
        return (
          <UnstyledButton
            key={lane}
            className={styles.lane}
            aria-pressed={chosen}
            onClick={() => change({ lane: chosen ? "" : lane })}
          >
            <span className={styles.laneName}>{lane}</span>
            <span className={styles.laneCount}>
              <b className="number">{data ? (counts.queued ?? 0) : "–"}</b> waiting
            </span>
            <span className={styles.laneCount}>
              <b className="number">{data ? running : "–"}</b> under way
            </span>
          </UnstyledButton>
        );
      })}
    </div>
  );
}

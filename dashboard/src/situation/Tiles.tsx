/** Six numbers that move by themselves; each leads to what it counts. */
import type { Wire } from "../api/client";
import { share } from "../parts/amounts";
import { Go } from "../parts/Go";
import { Icon, type IconName } from "../parts/Icon";
import { span } from "../parts/times";
import styles from "./situation.module.css";

function sum(of: Record<string, number>, names: readonly string[]): number {
  return names.reduce((total, name) => total + (of[name] ?? 0), 0);
}

export function Tiles({ of }: { of: Wire["Situation"] }) {
  const busy = sum(of.fleet, ["working", "assigned"]);
  const online = busy + sum(of.fleet, ["idle", "blocked", "degraded"]);
  const open = Object.values(of.tasks).reduce((total, count) => total + count, 0);
  const { decisions, alerts, lately } = of;
  const { decision_ms_mean: mean, success_permille: success } = lately;
  return (
    <div className={styles.tiles}>
      <Tile
        to="/inbox"
        icon="inbox"
        label="Decisions waiting"
        value={decisions.pending}
        more={
          decisions.under_5_min
            ? `${decisions.under_5_min} within 5 minutes`
            : `${decisions.under_1_h} within the hour`
        }
        tone={decisions.under_5_min ? "bad" : undefined}
      />
      <Tile
        to="/alerts"
        icon="alerts"
        label="Open alerts"
        value={alerts.critical + alerts.warning + alerts.info}
        more={
          alerts.critical
            ? `${alerts.critical} critical`
            : alerts.unseen
              ? `${alerts.unseen} not looked at`
              : "all seen"
        }
        tone={alerts.critical ? "bad" : alerts.warning ? "warn" : undefined}
      />
      <Tile to="/agents" icon="agents" label="Agents at work" value={busy} more={`${online} online`} />
      <Tile
        to="/tasks"
        icon="tasks"
        label="Open tasks"
        value={open}
        more={`${sum(of.tasks, ["running", "assigned", "blocked"])} under way, ${sum(of.tasks, ["queued"])} queued`}
      />
      <Tile
        to="/decisions/analytics"
        search={{ tab: "deciding", days: "7" }}
        icon="clock"
        label="Time to an answer"
        value={mean === null ? "–" : mean < 1_000 ? "< 1 s" : span(mean)}
        more={mean === null ? "nobody answered in 24 hours" : `mean of ${lately.decided} in 24 hours`}
      />
      <Tile
        to="/tasks"
        search={{ status: "dead_letter" }}
        icon="check"
        label="Tasks that succeed"
        value={success === null ? "–" : share(success)}
        more={success === null ? "none ended in 24 hours" : `of ${lately.ended} in 24 hours`}
      />
    </div>
  );
}

interface TileProps {
  to: string;
  search?: Record<string, string>;
  icon: IconName;
  label: string;
  value: number | string;
  more: string;
  tone?: "bad" | "warn" | undefined;
}

function Tile({ to, search, icon, label, value, more, tone }: TileProps) {
  return (
    <div className={styles.tile} data-tone={tone}>
      <Go to={to} {...(search ? { search } : {})}>
        <span className={styles.tileLabel}>
          <Icon name={icon} size={16} /> {label}
        </span>
        <b className={styles.tileValue}>
          {typeof value === "number" ? value.toLocaleString("en-GB") : value}
        </b>
        <span className={styles.tileMore}>{more}</span>
      </Go>
    </div>
  );
}

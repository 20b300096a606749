/** How the risk came to be: each factor from where the one before ended, against the four bands. */
import type { Wire } from "../api/client";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";
import { steps } from "./waterfall";

export function Waterfall({ of }: { of: Wire["Risk"] }) {
  const bars = steps(of);
  return (
    <div className={styles.waterfall} role="list" aria-label={`Risk ${of.score} of 100, ${of.band}`}>
      {bars.map((bar, place) => (
        <div key={`${place} ${bar.name}`} role="listitem" className={styles.step}>
          <span className={styles.stepName}>
            <Name text={bar.name.replaceAll("_", " ")} />
          </span>
          <span className={styles.track}>
            <span
              className={styles.bar}
              data-kind={bar.kind}
              style={{ left: `${bar.from}%`, width: `${Math.max(1, bar.to - bar.from)}%` }}
            />
          </span>
          <span className={styles.points}>
            {bar.kind === "total" ? bar.points : bar.points < 0 ? `−${-bar.points}` : `+${bar.points}`}
          </span>
        </div>
      ))}
    </div>
  );
}

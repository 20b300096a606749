/** The trust score as a place on the scale, its course, and what moved it. */
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { Series } from "../parts/Series";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./agents.module.css";
import { trustHistoryQuery, trustQuery } from "./queries";

const SCORE_MAX = 1_000;

export function Trust({ agent }: { agent: string }) {
  const now = useQuery(trustQuery(agent));
  const history = useQuery(trustHistoryQuery(agent));
  return (
    <Answer of={now} what="trust">
      {(trust) => (
        <>
          <div className={styles.score}>
            <b className="number">{trust.score}</b>
            <span>
              {trust.next_tier
                ? `${trust.missing} points below ${trust.next_tier.toLowerCase()}`
                : "in the highest tier"}
            </span>
          </div>
          <div className={styles.band} aria-hidden="true">
            <span className={styles.pin} style={{ left: `${(trust.score / SCORE_MAX) * 100}%` }} />
          </div>
          <div className={styles.scale} aria-hidden="true">
            <span>0</span>
            <span>200</span>
            <span>400</span>
            <span>600</span>
            <span>800</span>
            <span>1000</span>
          </div>
          <Answer of={history} what="changes of trust">
            {({ items }) => <Course items={items} />}
          </Answer>
        </>
      )}
    </Answer>
  );
}

function Course({ items }: { items: Wire["TrustHistory"]["items"] }) {
  if (!items.length) return <p>Nothing has moved it yet.</p>;
  const upward = [...items].reverse();
  return (
    <>
      {upward.length > 1 && (
        <Series
          label="Trust over time"
          times={upward.map((one) => one.at)}
          lines={[{ name: "trust", values: upward.map((one) => one.score) }]}
          min={0}
          max={SCORE_MAX}
        />
      )}
      <div className={styles.changes}>
        {items.slice(0, 8).map((one) => (
          <div key={one.seq} className={styles.change}>
            <span className={one.score >= one.score_before ? styles.up : styles.down}>
              {one.score >= one.score_before ? "+" : "−"}
              {Math.abs(one.score - one.score_before)}
            </span>
            <span>
              {one.what.replaceAll("_", " ")}
              {one.reason && (
                <>
                  {" "}
                  · <Name text={one.reason} />
                </>
              )}
            </span>
            <Time at={one.at} ago />
          </div>
        ))}
      </div>
    </>
  );
}

/** While you were away: what happened, counted by kind, with ways to the things themselves. */
import { Button } from "@mantine/core";
import type { Wire } from "../api/client";
import { Go, pageOf } from "../parts/Go";
import { Card } from "../parts/Page";
import { Time } from "../parts/Time";
import styles from "./situation.module.css";

const LINKS_MAX = 3;

export function Away({ of, onTold }: { of: Wire["Away"]; onTold: () => void }) {
  if (!of.items.length) return null;
  return (
    <Card
      title="While you were away"
      aside={
        <Button size="xs" variant="default" onClick={onTold}>
          Got it
        </Button>
      }
    >
      <ul className={styles.away}>
        {of.items.map((one) => (
          <li key={one.what}>
            <b className="number">{one.count}</b>
            <span>{one.what.replaceAll("_", " ")}</span>
            <span className={styles.ids}>
              {one.ids.slice(0, LINKS_MAX).map((id) =>
                pageOf(id) ? (
                  <Go key={id} to={pageOf(id)}>
                    {id}
                  </Go>
                ) : (
                  <code key={id}>{id}</code>
                ),
              )}
            </span>
          </li>
        ))}
      </ul>
      <p className={styles.quiet}>
        {of.events.toLocaleString("en-GB")} events since <Time at={of.since_at} ago />
        {of.shortened && "; what lies further back is in the audit"}.
      </p>
    </Card>
  );
}

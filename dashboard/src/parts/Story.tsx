/** The story of one thing: its events in order, each a sentence, with who did it and when. */
import type { Wire } from "../api/client";
import { Go, pageOf } from "./Go";
import { Time } from "./Time";
import { Name } from "./Words";
import styles from "./Story.module.css";

export function Story({
  items,
  of = "",
  truncated = false,
}: {
  items: readonly Wire["TimelineItem"][];
  /** The id of what the page is about: no links to itself. */
  of?: string;
  truncated?: boolean;
}) {
  return (
    <ol className={styles.story}>
      {items.map((one) => (
        <li key={one.seq} className={styles.event} data-kind={one.subject_kind}>
          <span className={styles.dot} aria-hidden="true" />
          <div className={styles.said}>
            <div>
              <Name text={one.sentence} charsMax={400} />
            </div>
            <div className={styles.by}>
              <Name text={one.actor_name || one.actor_kind} />
              {" · "}
              <Time at={one.at} />
              {" · "}
              <Go to={`/audit/events/${one.seq}`}>event {one.seq}</Go>
              {one.subject_id !== of && pageOf(one.subject_id) && (
                <>
                  {" · "}
                  <Go to={pageOf(one.subject_id)}>{one.subject_kind}</Go>
                </>
              )}
            </div>
          </div>
        </li>
      ))}
      {truncated && <li className={styles.by}>The story goes on; the ledger has all of it.</li>}
    </ol>
  );
}

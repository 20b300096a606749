/** What people said before to requests like this one, and how those that ran ended. */
import { useQuery } from "@tanstack/react-query";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Time } from "../parts/Time";
import styles from "./decision.module.css";
import { type Decision, similarQuery } from "./queries";

const SHOWN_MAX = 5;

export function Similar({ decision }: { decision: Decision }) {
  const query = useQuery(similarQuery(decision.decision_id));
  return (
    <Answer of={query} what="earlier decisions">
      {({ items }) => {
        if (!items.length)
          return <p className={styles.quiet}>None: nobody has decided on anything like it yet.</p>;
        const approved = items.filter((one) => one.status === "approved").length;
        return (
          <>
            <p className={styles.said}>
              <b className="number">
                {approved} of {items.length}
              </b>{" "}
              approved
            </p>
            <ul className={styles.lines}>
              {items.slice(0, SHOWN_MAX).map((one) => (
                <li key={one.decision_id} className={styles.lineItem}>
                  <span>
                    <Go to={`/inbox/${one.decision_id}`}>
                      <Time at={one.decided_at} ago />
                    </Go>
                    <span className={styles.quiet}>
                      {" "}
                      same {one.same.replaceAll("_", " ")}
                      {one.outcome && `, ${one.outcome}`}
                    </span>
                  </span>
                  <span className="number">risk {one.risk}</span>
                  <State of={one.status} />
                </li>
              ))}
            </ul>
          </>
        );
      }}
    </Answer>
  );
}

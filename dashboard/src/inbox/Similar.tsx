/** What people said before to the same kind of request of the same agent. */
import { useQuery } from "@tanstack/react-query";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Time } from "../parts/Time";
import styles from "./decision.module.css";
import { type Decision, earlierQuery } from "./queries";

const SHOWN_MAX = 4;

export function Similar({ decision }: { decision: Decision }) {
  const query = useQuery(earlierQuery(decision.agent_id));
  return (
    <Answer of={query} what="earlier decisions">
      {({ items }) => {
        const over = items.filter(
          (one) =>
            one.type === decision.type &&
            one.decision_id !== decision.decision_id &&
            one.status !== "pending",
        );
        if (!over.length)
          return (
            <p className={styles.quiet}>None: people see this kind of request of it for the first time.</p>
          );
        const approved = over.filter((one) => one.status === "approved").length;
        return (
          <>
            <p className={styles.said}>
              <b className="number">
                {approved} of {over.length}
              </b>{" "}
              approved
            </p>
            <ul className={styles.lines}>
              {over.slice(0, SHOWN_MAX).map((one) => (
                <li key={one.decision_id} className={styles.lineItem}>
                  <Go to={`/inbox/${one.decision_id}`}>
                    <Time at={one.decided_at} ago />
                  </Go>
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

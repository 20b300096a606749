/** How far the agent is trusted, and what each course of things would do to that: the server's own figures. */
import { useQuery } from "@tanstack/react-query";
import { agentQuery } from "../agents/queries";
import { Answer } from "../parts/Answer";
import { Tier } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";
import { type Decision, impactQuery } from "./queries";

const COURSES: Record<string, string> = { completed: "succeeds", failed: "fails", unknown: "stays silent" };

function signed(change: number): string {
  return change > 0 ? `+${change}` : change < 0 ? `−${-change}` : "±0";
}

export function TrustImpact({ decision }: { decision: Decision }) {
  const impact = useQuery(impactQuery(decision));
  const about = useQuery(agentQuery(decision.agent_id));
  return (
    <Answer of={impact} what="trust">
      {(now) => (
        <>
          <p className={styles.trust}>
            <b className="number">{now.score}</b> <Tier of={now.tier} />
          </p>
          <ul className={styles.impact} aria-label="What it would do to trust">
            {now.items.map((one) => (
              <li key={`${one.vote} ${one.outcome}`}>
                <span>{one.vote === "deny" ? "denied" : (COURSES[one.outcome] ?? one.outcome)}</span>{" "}
                <b data-kind={one.change > 0 ? "up" : one.change < 0 ? "down" : undefined}>
                  {signed(one.change)}
                </b>{" "}
                <span className="number">
                  to {one.score}
                  {one.tier !== now.tier && (
                    <>
                      {" "}
                      <Tier of={one.tier} />
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
          {now.capped && (
            <p className={styles.quiet}>It has succeeded so often today that one more adds nothing.</p>
          )}
          {about.data && about.data.agent.capabilities.length > 0 && (
            <p className={styles.quiet}>
              <Go to={`/agents/${decision.agent_id}`}>
                <Name text={decision.agent_name} />
              </Go>{" "}
              is registered for <Name text={about.data.agent.capabilities.join(", ")} />.
            </p>
          )}
        </>
      )}
    </Answer>
  );
}

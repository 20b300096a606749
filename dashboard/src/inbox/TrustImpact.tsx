/** How far the agent is trusted, and what this action's outcome would do to that. */
import { useQuery } from "@tanstack/react-query";
import { agentQuery, trustQuery } from "../agents/queries";
import { Answer } from "../parts/Answer";
import { Tier } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";
import { policyQuery } from "./queries";

export function TrustImpact({ agent, name }: { agent: string; name: string }) {
  const trust = useQuery(trustQuery(agent));
  const about = useQuery(agentQuery(agent));
  return (
    <Answer of={trust} what="trust">
      {(now) => (
        <>
          <p className={styles.trust}>
            <b className="number">{now.score}</b> <Tier of={now.tier} />
          </p>
          <Impact score={now.score} />
          {about.data && about.data.agent.capabilities.length > 0 && (
            <p className={styles.quiet}>
              <Go to={`/agents/${agent}`}>
                <Name text={name} />
              </Go>{" "}
              is registered for <Name text={about.data.agent.capabilities.join(", ")} />.
            </p>
          )}
        </>
      )}
    </Answer>
  );
}

function Impact({ score }: { score: number }) {
  const policy = useQuery(policyQuery);
  const kinds = policy.data?.document.trust?.kinds;
  const good = kinds?.action_completed?.points;
  const bad = kinds?.failed?.points;
  if (good === undefined || bad === undefined) return null;
  const at = (points: number) => Math.min(1_000, Math.max(0, score + points));
  return (
    <ul className={styles.impact}>
      <li>
        <span>succeeds</span> <b data-kind="up">+{good}</b> <span className="number">to {at(good)}</span>
      </li>
      <li>
        <span>fails</span> <b data-kind="down">−{Math.abs(bad)}</b>{" "}
        <span className="number">to {at(bad)}</span>
      </li>
      <li>
        <span>denied</span> <b>0</b> <span>a denial costs no trust</span>
      </li>
    </ul>
  );
}

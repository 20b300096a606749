/** What validator agents advise: a recommendation beside the people who decide, never in their place above level 2. */
import { Badge } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Words } from "../parts/Words";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";

const CONSENSUS: Record<string, string> = {
  unanimous: "all who spoke agree",
  majority: "most agree",
  split: "they disagree",
  no_quorum: "too few spoke",
};

export function Tribunal({ detail }: { detail: DecisionDetail }) {
  const { decision, judgements } = detail;
  const spoken = judgements.filter((one) => one.vote !== "").length;
  return (
    <section className={styles.tribunal} aria-label="Tribunal">
      <h3>Tribunal of validator agents</h3>
      <p className={styles.quiet}>
        {decision.consensus ? (
          <>
            Recommends <b>{decision.recommendation || "nothing"}</b>:{" "}
            {CONSENSUS[decision.consensus] ?? decision.consensus.replaceAll("_", " ")}.
          </>
        ) : (
          `${spoken} of ${judgements.length} have spoken.`
        )}{" "}
        It advises; people decide.
      </p>
      <ul className={styles.lines}>
        {judgements.map((one) => (
          <li key={one.agent_id} className={styles.judgement}>
            <div className={styles.vote}>
              <Go to={`/agents/${one.agent_id}`}>{one.agent_id}</Go>
              <Badge tone={one.vote === "approve" ? "good" : one.vote === "deny" ? "bad" : "plain"}>
                {one.vote || "silent"}
              </Badge>
              {one.late && <Badge tone="warn">too late</Badge>}
              {one.vote && (
                <span className={styles.voteAt}>
                  trust {one.score}, {Math.round(one.confidence_milli / 10)} % sure
                </span>
              )}
            </div>
            {one.reasoning && <Words text={one.reasoning} by="a validator" charsMax={600} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

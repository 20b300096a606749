/** Who has to agree, who has, who was asked besides, and what the tribunal advises. */
import type { Wire } from "../api/client";
import { Badge } from "../parts/Badges";
import { Time } from "../parts/Time";
import { Name, Words } from "../parts/Words";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";
import { Tribunal } from "./Tribunal";

function people(count: number, role: string): string {
  return count === 1 ? `one ${role}` : `${count} ${role}s`;
}

export function Ballots({ detail }: { detail: DecisionDetail }) {
  const { decision } = detail;
  const needed = Math.max(1, decision.needed);
  return (
    <div>
      <p className={styles.said}>
        {decision.committee ? (
          <>
            {needed} of the committee <b>{decision.committee}</b>
          </>
        ) : (
          <>
            <b>{people(needed, decision.role)}</b> or above
          </>
        )}
      </p>
      <div
        className={styles.seats}
        role="img"
        aria-label={`${decision.approvals} of ${needed} approvals, ${decision.denials} denials`}
      >
        {Array.from({ length: Math.min(12, needed) }, (_, place) => (
          <span key={place} data-on={place < decision.approvals || undefined} />
        ))}
        <span className={styles.seatText}>
          {decision.approvals} of {needed}
        </span>
      </div>
      {decision.status === "pending" && decision.rungs > 0 && (
        <p className={styles.quiet}>
          {decision.rung
            ? `Nobody has answered: step ${decision.rung} of ${decision.rungs} of its escalation.`
            : `Without an answer it escalates, in ${decision.rungs} ${decision.rungs === 1 ? "step" : "steps"}.`}
        </p>
      )}
      {detail.also.map((one) => (
        <p key={`${one.policy_version} ${one.role} ${one.committee}`} className={styles.quiet}>
          Policy version {one.policy_version} asks besides for{" "}
          {one.committee ? `${one.needed} of the committee ${one.committee}` : people(one.needed, one.role)}.
        </p>
      ))}
      {detail.judgements.length > 0 && <Tribunal detail={detail} />}
      {detail.votes.length > 0 && (
        <ul className={styles.votes}>
          {detail.votes.map((vote) => (
            <Vote key={`${vote.person} ${vote.at}`} of={vote} />
          ))}
        </ul>
      )}
    </div>
  );
}

const SAID: Record<string, string> = { approve: "approved", deny: "denied", abstain: "abstained" };

function Vote({ of }: { of: Wire["VoteItem"] }) {
  const tone = of.refused ? "plain" : of.vote === "approve" ? "good" : of.vote === "deny" ? "bad" : "plain";
  return (
    <li>
      <div className={styles.vote}>
        <b>
          <Name text={of.name || of.person} />
        </b>
        <Badge tone={tone}>{SAID[of.vote] ?? of.vote}</Badge>
        {of.late && <Badge tone="warn">too late</Badge>}
        {of.refused && <Badge>not counted: {of.refused.replaceAll("_", " ")}</Badge>}
        <span className={styles.voteAt}>
          <Time at={of.at} ago />
        </span>
      </div>
      {of.comment && <Words text={of.comment} by={of.name || "a person"} />}
    </li>
  );
}

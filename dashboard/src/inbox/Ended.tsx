/** The decision is over: how, by whom, and that nothing can be done here any more. */
import { Icon } from "../parts/Icon";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";

const ENDINGS: Record<string, readonly [tone: string, title: string, text: string]> = {
  approved: ["good", "Approved", "The agent has its single-use grant."],
  denied: ["bad", "Denied", "The agent was told, nothing runs."],
  expired: ["warn", "Expired", "Nobody decided in time, so nothing runs."],
  cancelled: ["warn", "Cancelled", "It was withdrawn before anybody decided."],
};

export function Ended({ detail }: { detail: DecisionDetail }) {
  const { decision } = detail;
  const [tone, title, text] = ENDINGS[decision.status] ?? ["warn", decision.status, ""];
  const by = [...detail.votes].reverse().find((vote) => !vote.late && !vote.refused);
  const forced = decision.forced_by.length > 0;
  return (
    <div className={styles.ended} data-tone={forced ? "odd" : tone} role="status">
      <Icon name={tone === "good" ? "check" : tone === "bad" ? "cross" : "clock"} size={20} />
      <div>
        <b>
          {forced ? "Forced past the people" : title}
          {by && !forced && (
            <>
              {" "}
              by <Name text={by.name} />
            </>
          )}
          , <Time at={decision.decided_at} ago />.
        </b>{" "}
        {text}
        {decision.reason &&
          !["voted", "forced", ""].includes(decision.reason) &&
          ` (${decision.reason.replaceAll("_", " ")})`}
      </div>
    </div>
  );
}

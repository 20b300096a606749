/** What the platform checked itself, and what it found. */
import type { Wire } from "../api/client";
import { Badge } from "../parts/Badges";
import { Name, Words } from "../parts/Words";
import styles from "./tasks.module.css";

interface Found {
  kind?: string;
  held?: boolean;
  detail?: string;
}

export function Checks({ detail }: { detail: Wire["TaskDetail"] }) {
  const found = Array.isArray(detail.checks) ? (detail.checks as Found[]) : [];
  const criteria = detail.criteria as { kind?: string }[];
  return (
    <div className={styles.checks}>
      {criteria.map((criterion, place) => {
        const one = found[place];
        return (
          <div key={place} className={styles.check}>
            <Badge tone={one === undefined ? "plain" : one.held ? "good" : "bad"}>
              {one === undefined ? "not checked yet" : one.held ? "holds" : "does not hold"}
            </Badge>
            <span>
              <b>{(criterion.kind ?? "criterion").replaceAll("_", " ")}</b>{" "}
              <Name text={gist(criterion)} charsMax={300} />
            </span>
            {one?.detail && <Words text={one.detail} by="the check" charsMax={2_000} mono />}
          </div>
        );
      })}
      {detail.checks_detail && <p className={styles.note}>{detail.checks_detail.replaceAll("_", " ")}</p>}
    </div>
  );
}

/** A criterion in one line: its values without its kind. */
function gist(criterion: object): string {
  const rest = Object.entries(criterion).filter(
    ([name, value]) => name !== "kind" && value !== "" && value !== null,
  );
  return rest
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

/** How things stand: tiles that move, decisions by time left, alerts, what is about to happen, what happened meanwhile. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { Badge, levelWord, RiskBadge } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { Left } from "../parts/Left";
import { Name } from "../parts/Words";
import { Away } from "./Away";
import { Predictions } from "./Predictions";
import styles from "./situation.module.css";
import { Tiles } from "./Tiles";
import { awaySince, keepVisit, readVisit } from "./visits";
import { Welcome } from "./Welcome";

export default function SituationPage() {
  const [since] = useState(() => awaySince(readVisit(), Date.now()));
  const [told, setTold] = useState(false);
  const from = told ? 0 : since;
  const query = useQuery({
    queryKey: ["situation", from],
    meta: { apartMs: 500 }, // summed up when it is asked for
    queryFn: () => ask(api.GET("/api/v1/situation", { params: { query: from ? { since_seq: from } : {} } })),
    placeholderData: (before) => before,
  });
  const seq = query.data?.seq ?? 0;
  useEffect(() => {
    if (seq) keepVisit({ seq, at: Date.now() });
  }, [seq]);
  return (
    <Page title="Situation" lead="How things stand now, and what is about to happen.">
      <Answer of={query} what="the situation">
        {(now) => (
          <div className={styles.stack}>
            <Welcome />
            {now.away && <Away of={now.away} onTold={() => setTold(true)} />}
            <Trouble of={now.mode} />
            <Tiles of={now} />
            <Columns
              wide={
                <>
                  <Decisions of={now.decisions} />
                  <Alerts of={now.alerts} />
                </>
              }
              narrow={
                <>
                  <Fleet of={now.fleet} />
                  <Predictions of={now.predictions} />
                </>
              }
            />
          </div>
        )}
      </Answer>
    </Page>
  );
}

function Trouble({ of }: { of: Wire["Mode"] }) {
  if (of.name === "NORMAL" && !of.trouble.length) return null;
  return (
    <div className={styles.trouble} role="status">
      <Icon name="warning" />
      <span>
        <b>{of.name === "NORMAL" ? "Working" : of.name.toLowerCase().replaceAll("_", " ")}</b>
        {of.trouble.length > 0 && `, but not well: ${of.trouble.join(", ")}`}
      </span>
    </div>
  );
}

type Deciding = Wire["Situation"]["decisions"];

function Decisions({ of }: { of: Deciding }) {
  return (
    <Card
      title="Decisions, the least time left first"
      aside={of.pending > 0 && <Go to="/inbox">Open the inbox</Go>}
      flush
    >
      {of.items.length === 0 ? (
        <p className={styles.none}>Nothing waits for people.</p>
      ) : (
        <ul className={styles.list}>
          {of.items.map((one) => (
            <li key={one.decision_id}>
              <Go to={`/inbox/${one.decision_id}`} className={styles.row}>
                <span className={styles.grow}>
                  <b>
                    <Name text={one.type} />
                  </b>
                  <span className={styles.sub}>
                    {levelWord(one.level)}
                    {one.committee ? ` by ${one.committee}` : one.role && ` by a ${one.role}`}
                  </span>
                </span>
                <RiskBadge score={one.risk} />
                <Left at={one.deadline_at} />
              </Go>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Alerts({ of }: { of: Wire["Alerting"] }) {
  return (
    <Card title="Alerts" aside={of.items.length > 0 && <Go to="/alerts">All alerts</Go>} flush>
      {of.items.length === 0 ? (
        <p className={styles.none}>No alert is open.</p>
      ) : (
        <ul className={styles.list}>
          {of.items.map((one) => (
            <li key={one.alert_id}>
              <Go to={`/alerts/${one.alert_id}`} className={styles.row}>
                <Badge
                  tone={one.severity === "critical" ? "bad" : one.severity === "warning" ? "warn" : "info"}
                >
                  {one.severity}
                </Badge>
                <span className={styles.grow}>
                  <Name text={one.title} charsMax={200} />
                </span>
                <span className={styles.when}>
                  <Time at={one.raised_at} ago />
                </span>
              </Go>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

const ORDER = ["working", "assigned", "idle", "blocked", "degraded", "quarantined", "offline"] as const;

function Fleet({ of }: { of: Record<string, number> }) {
  const all = Object.values(of).reduce((sum, count) => sum + count, 0);
  const states = ORDER.filter((state) => of[state]);
  return (
    <Card title="Fleet" aside={all === 1 ? "1 agent" : `${all} agents`}>
      {all === 0 ? (
        <p className={styles.quiet}>
          No agents yet. <Go to="/agents">Register the first one</Go>
        </p>
      ) : (
        <>
          <div className={styles.fleet} aria-hidden="true">
            {states.map((state) => (
              <span key={state} data-state={state} style={{ flexGrow: of[state] }} />
            ))}
          </div>
          <ul className={styles.legend}>
            {states.map((state) => (
              <li key={state}>
                <Go to="/agents" search={{ state }}>
                  <i data-state={state} aria-hidden="true" />
                  {state} <b className="number">{of[state]}</b>
                </Go>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

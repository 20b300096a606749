/** One decision with everything one needs to judge it, and the bar to judge it with. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask, intention } from "../api/client";
import { useMay } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge, levelWord, RiskBadge, State } from "../parts/Badges";
import { Id } from "../parts/Facts";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Left } from "../parts/Left";
import { Card } from "../parts/Page";
import { Story } from "../parts/Story";
import { Time } from "../parts/Time";
import { Name, Words } from "../parts/Words";
import { Ballots } from "./Ballots";
import styles from "./decision.module.css";
import { Ended } from "./Ended";
import { Forced } from "./Forced";
import { Parameters } from "./Parameters";
import { type DecisionDetail, decisionQuery } from "./queries";
import { Reasons } from "./Reasons";
import { Similar } from "./Similar";
import { TrustImpact } from "./TrustImpact";
import { VoteBar } from "./VoteBar";
import { Waterfall } from "./Waterfall";

export interface DecisionViewProps {
  decision: string;
  phone: boolean;
  /** Place in the list from 1, 0 when it is not in it. */
  position: number;
  count: number;
  onDone: () => void;
  onBack: () => void;
}

export function DecisionView(props: DecisionViewProps) {
  const query = useQuery(decisionQuery(props.decision));
  return (
    <article className={styles.view} aria-label="The decision">
      <Answer of={query} what="the decision">
        {(detail) => <Detail {...props} detail={detail} />}
      </Answer>
    </article>
  );
}

/** So long it has to stand on the screen before it counts as seen. */
const SEEN_MS = 400;

/** Tells the server, once, that the person has it in front of them: review time is counted from here. */
function useSeen(detail: DecisionDetail): void {
  const { decision_id, status } = detail.decision;
  const waits = status === "pending" && detail.may_vote;
  useEffect(() => {
    if (!waits) return;
    const timer = setTimeout(() => {
      const params = { path: { decision: decision_id }, header: { "Idempotency-Key": intention() } };
      void ask(api.POST("/api/v1/decisions/{decision}/seen", { params })).catch(() => undefined);
    }, SEEN_MS);
    return () => clearTimeout(timer);
  }, [decision_id, waits]);
}

function Detail({ detail, ...props }: DecisionViewProps & { detail: DecisionDetail }) {
  useSeen(detail);
  const operator = useMay("operator");
  const { decision } = detail;
  const pending = decision.status === "pending";
  return (
    <>
      <div className={styles.scroll} tabIndex={0} role="group" aria-label="About the decision">
        <Head detail={detail} onBack={props.onBack} phone={props.phone} />
        {!pending && <Ended detail={detail} />}
        {decision.forced_by.length > 0 && <Forced detail={detail} />}
        <div className={styles.grid}>
          <div className={styles.wide}>
            <div className={styles.full}>
              <Card title={pending || decision.status === "approved" ? "What will run" : "What was asked"}>
                <Parameters of={detail.params} />
                <p className={styles.digest}>
                  Approving binds to exactly this, digest <Id of={decision.digest} short />
                </p>
              </Card>
            </div>
            {detail.edit && (
              <div className={styles.full}>
                <Card title="Edited by a person">
                  <Words
                    text={detail.edit.reason || "No reason was given."}
                    by={detail.edit.name || detail.edit.by}
                  />
                </Card>
              </div>
            )}
            {detail.words && (
              <div className={styles.full}>
                <Card title="Why the agent wants it">
                  <Words text={detail.words} />
                </Card>
              </div>
            )}
            <Card title="Why people are asked">
              <Reasons of={detail.trace} />
            </Card>
          </div>
          <div className={styles.narrow}>
            <Card title="Risk" aside={<RiskBadge score={detail.risk.score} />}>
              <Waterfall of={detail.risk} />
            </Card>
            <Card title="Who decides">
              <Ballots detail={detail} />
            </Card>
            {decision.agent_id && (
              <>
                <Card title="Trust">
                  <TrustImpact decision={decision} />
                </Card>
                <Card title="Earlier ones like this">
                  <Similar decision={decision} />
                </Card>
              </>
            )}
          </div>
        </div>
        <Card title="What happened so far">
          <Story items={detail.timeline} of={decision.decision_id} />
        </Card>
      </div>
      {pending && operator && (
        <VoteBar detail={detail} position={props.position} count={props.count} onDone={props.onDone} />
      )}
    </>
  );
}

function Head({ detail, onBack, phone }: { detail: DecisionDetail; onBack: () => void; phone: boolean }) {
  const { decision } = detail;
  const pending = decision.status === "pending";
  const Title = phone ? "h1" : "h2"; // beside the list, the inbox is the page's heading
  return (
    <header className={styles.head}>
      <div className={styles.titles}>
        {phone && (
          <button type="button" className={styles.back} onClick={onBack}>
            <Icon name="left" size={14} /> Inbox
          </button>
        )}
        <Title className={styles.title}>
          <Name text={decision.type} />
        </Title>
        <p className={styles.who}>
          {decision.agent_id ? (
            <Go to={`/agents/${decision.agent_id}`}>
              <Name text={decision.agent_name} />
            </Go>
          ) : (
            "the platform itself"
          )}
          {decision.tool && (
            <>
              {" "}
              with <Name text={decision.tool} />
            </>
          )}
          , asked <Time at={decision.opened_at} ago />
        </p>
        <p className={styles.badges}>
          <RiskBadge score={decision.risk} />
          <Badge>{levelWord(decision.level)}</Badge>
          {decision.urgency !== "normal" && (
            <Badge tone={decision.urgency === "low" ? "plain" : "warn"}>{decision.urgency} urgency</Badge>
          )}
          {!pending && <State of={decision.forced_by.length ? "forced" : decision.status} />}
          <Id of={decision.decision_id} />
        </p>
      </div>
      {pending && (
        <div className={styles.clock}>
          <Left at={decision.deadline_at} />
          <span>
            {decision.rung < decision.rungs ? "left, then others are told" : "left, then nothing runs"}
          </span>
        </div>
      )}
    </header>
  );
}

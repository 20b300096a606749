/** One action: what was asked, how the gate judged it, what became of it. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Wire } from "../api/client";
import { Parameters } from "../inbox/Parameters";
import { Reasons } from "../inbox/Reasons";
import { Waterfall } from "../inbox/Waterfall";
import { Answer } from "../parts/Answer";
import { Badge, levelWord, RiskBadge, State } from "../parts/Badges";
import { Facts, Id } from "../parts/Facts";
import { Go, pageOf } from "../parts/Go";
import { Card, Columns, Page } from "../parts/Page";
import { Story } from "../parts/Story";
import { Time } from "../parts/Time";
import { Name, Words } from "../parts/Words";
import { actionQuery, decidedBy } from "./acted";

export default function ActionPage() {
  const { action = "" } = useParams({ strict: false });
  return (
    <Answer of={useQuery(actionQuery(action))} what="the action">
      {(detail) => <Shown detail={detail} />}
    </Answer>
  );
}

function Shown({ detail }: { detail: Wire["ActionDetail"] }) {
  const { action } = detail;
  const decision = pageOf(action.decision_id);
  return (
    <Page
      title={<Name text={action.type} />}
      tab={action.type}
      back={{ to: "/decisions/actions", text: "Actions" }}
      lead={
        <>
          <State of={action.status} /> <RiskBadge score={action.risk} />{" "}
          <Badge>{levelWord(action.level)}</Badge>{" "}
          {action.reason && <Name text={action.reason.replaceAll("_", " ")} />}
        </>
      }
      actions={decision && <Go to={decision}>The decision of people</Go>}
    >
      <Columns
        wide={
          <>
            <Card title={action.verdict === "denied" ? "What was asked" : "What it is about"}>
              <Parameters of={detail.params} />
            </Card>
            {detail.words && (
              <Card title="Why the agent wants it">
                <Words text={detail.words} />
              </Card>
            )}
            <Card title="How the gate judged it">
              <Reasons of={detail.trace} />
            </Card>
            <Card
              title="Story"
              aside={detail.timeline.length === 1 ? "1 event" : `${detail.timeline.length} events`}
            >
              <Story items={detail.timeline} of={action.action_id} />
            </Card>
          </>
        }
        narrow={
          <>
            <Card title="About it">
              <Facts
                of={[
                  ["Agent", <Agent key="agent" of={action} />],
                  ["Tool", action.tool ? <Name key="tool" text={action.tool} /> : "none"],
                  ["Decided by", decidedBy(action)],
                  ["Asked", <Time key="asked" at={action.decided_at} />],
                  ["Changed", <Time key="changed" at={action.changed_at} />],
                  ...(action.task_id
                    ? ([
                        [
                          "Task",
                          <Go key="task" to={pageOf(action.task_id)}>
                            {action.task_id}
                          </Go>,
                        ],
                      ] as const)
                    : []),
                  ["Attempt", detail.attempts > 1 ? `${detail.attempt} of ${detail.attempts}` : "one only"],
                  ["Digest", <Id key="digest" of={detail.digest} short />],
                  ["Id", <Id key="id" of={action.action_id} />],
                ]}
              />
            </Card>
            <Card title="Risk" aside={<RiskBadge score={detail.risk.score} />}>
              <Waterfall of={detail.risk} />
            </Card>
          </>
        }
      />
    </Page>
  );
}

function Agent({ of }: { of: Wire["ActionItem"] }) {
  if (!of.agent_id) return <>the platform itself</>;
  return (
    <Go to={pageOf(of.agent_id)}>
      <Name text={of.agent_name || of.agent_id} />
    </Go>
  );
}

/** One task: its story, what the agent says and what the platform found, what it cost; pause, cancel, retry, review. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { Badge, State } from "../parts/Badges";
import { Document } from "../parts/Document";
import { Facts, Id } from "../parts/Facts";
import { Go } from "../parts/Go";
import { Card, Columns, Page } from "../parts/Page";
import { Story } from "../parts/Story";
import { Countdown, Time } from "../parts/Time";
import { Name, Words } from "../parts/Words";
import { Checks } from "./Checks";
import { Economics } from "./Economics";
import { taskQuery } from "./queries";
import { Switches } from "./Switches";
import styles from "./tasks.module.css";
import { Status } from "./TasksPage";

export default function TaskPage() {
  const { task = "" } = useParams({ strict: false });
  const query = useQuery(taskQuery(task));
  return (
    <Answer of={query} what="the task">
      {(detail) => <Task detail={detail} />}
    </Answer>
  );
}

function Task({ detail }: { detail: Wire["TaskDetail"] }) {
  const { task } = detail;
  return (
    <Page
      title={<Name text={task.title || "Task without a title"} />}
      tab={task.title || task.task_id}
      back={{ to: "/tasks", text: "Tasks" }}
      lead={
        <>
          <Status of={task} /> <Badge>{task.priority}</Badge>{" "}
          {task.reason && <Name text={task.reason.replaceAll("_", " ")} />}
        </>
      }
      actions={<Switches detail={detail} />}
    >
      <Columns
        wide={
          <>
            {detail.description && (
              <Card title="Description">
                <Words text={detail.description} by="whoever submitted it" />
              </Card>
            )}
            <Outcome detail={detail} />
            <Card title="Story" aside={`${detail.timeline.length} events`}>
              <Story items={detail.timeline} of={task.task_id} />
            </Card>
          </>
        }
        narrow={
          <>
            <About detail={detail} />
            {detail.economics && <Economics of={detail.economics} />}
            {detail.depends_on.length > 0 && <Dependencies of={detail.depends_on} />}
            {detail.input !== null && (
              <Card title="Input">
                <Document of={detail.input} by="whoever submitted it" />
              </Card>
            )}
          </>
        }
      />
    </Page>
  );
}

function Outcome({ detail }: { detail: Wire["TaskDetail"] }) {
  const { result, report, criteria, review } = detail;
  const nothing = result === null && report === null && !criteria.length && !review;
  if (nothing) return null;
  return (
    <Card title="Result">
      <div className={styles.checks}>
        {(criteria.length > 0 || detail.checks !== null) && <Checks detail={detail} />}
        {result !== null && <Document of={result} />}
        {report !== null && <Document of={report} />}
        {review && (
          <div>
            <Badge tone={review.verdict === "positive" ? "good" : "bad"}>rated {review.verdict}</Badge>{" "}
            <Time at={review.reviewed_at} ago />{" "}
            {review.reason && <Name text={review.reason} charsMax={500} />}
          </div>
        )}
      </div>
    </Card>
  );
}

function About({ detail }: { detail: Wire["TaskDetail"] }) {
  const { task } = detail;
  const facts: [string, ReactNode][] = [
    ["Id", <Id key="id" of={task.task_id} />],
    [
      "Agent",
      task.agent_id ? (
        <Go key="agent" to={`/agents/${task.agent_id}`}>
          {task.agent_id}
        </Go>
      ) : (
        "nobody yet"
      ),
    ],
    ["Needs", <Name key="needs" text={task.needs.join(", ") || "anybody"} />],
    ["Attempts", `${task.attempts} of ${task.attempts_max}, generation ${task.generation}`],
    ["Submitted", <Time key="at" at={task.submitted_at} />],
    ["Changed", <Time key="changed" at={task.changed_at} ago />],
  ];
  if (task.deadline_at) facts.push(["Deadline", <Countdown key="deadline" at={task.deadline_at} />]);
  if (task.not_before_at) facts.push(["Not before", <Time key="before" at={task.not_before_at} />]);
  if (task.stuck_at) facts.push(["Silent since", <Time key="stuck" at={task.stuck_at} ago />]);
  if (task.workflow) facts.push(["Workflow", <Name key="workflow" text={task.workflow} />]);
  if (task.over_budget) facts.push(["Waits for", <Id key="budget" of={task.over_budget} />]);
  return (
    <Card title="About">
      {task.status === "running" && (
        <div
          className={styles.progress}
          role="progressbar"
          aria-valuenow={task.percent}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-label="Progress, as the agent says"
        >
          <span style={{ width: `${task.percent}%` }} />
        </div>
      )}
      <Facts of={facts} />
    </Card>
  );
}

function Dependencies({ of }: { of: Wire["TaskDetail"]["depends_on"] }) {
  return (
    <Card title="Waits for">
      <Facts
        of={of.map((one) => [
          one.task_id,
          <Go key={one.task_id} to={`/tasks/${one.task_id}`}>
            <State of={one.met ? "succeeded" : one.status} />
          </Go>,
        ])}
      />
    </Card>
  );
}

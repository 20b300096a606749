/** What the last days suggest: budgets that run out, tasks that will be late, where work piles up. */
import type { Wire } from "../api/client";
import { Go } from "../parts/Go";
import { Card } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./situation.module.css";

const BOTTLENECKS_MAX = 5;

/** Where work piles up, as the end of a sentence. */
function Place({ of }: { of: Wire["Bottleneck"] }) {
  const name = (
    <b>
      <Name text={of.name} />
    </b>
  );
  if (of.kind === "lane") return <>in the lane {name}</>;
  if (of.kind === "approver") return <>for a {name}</>;
  return of.name === "any" ? <>for any agent at all</> : <>for an agent that can {name}</>;
}

export function Predictions({ of }: { of: Wire["Predictions"] }) {
  const nothing = !of.budgets.length && !of.tasks.length && !of.bottlenecks.length;
  return (
    <Card title="What is about to happen">
      {nothing && (
        <p className={styles.quiet}>Nothing that has to be prevented, as far as the last days tell.</p>
      )}
      <ul className={styles.soon}>
        {of.tasks.map((one) => (
          <li key={one.task_id}>
            <Go to={`/tasks/${one.task_id}`}>A task will be late</Go>: it is {one.why}, expected{" "}
            <Time at={one.expected_at} ago />, due <Time at={one.deadline_at} ago />.
          </li>
        ))}
        {of.budgets.map((one) => (
          <li key={one.budget_id}>
            The {one.period} budget of {one.measure} for{" "}
            {one.scope === "organisation" ? "the organisation" : one.scope} runs out{" "}
            <Time at={one.exhausted_at} ago />.
          </li>
        ))}
        {of.bottlenecks.slice(0, BOTTLENECKS_MAX).map((one) => (
          <li key={`${one.kind} ${one.name}`}>
            {one.waiting} {one.waiting === 1 ? "waits" : "wait"} <Place of={one} />, the oldest since{" "}
            <Time at={one.oldest_at} />;{" "}
            {one.able === 0 ? "nobody is there for it" : `${one.free} of ${one.able} free`}.
          </li>
        ))}
      </ul>
    </Card>
  );
}

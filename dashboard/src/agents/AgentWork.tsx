/** An agent's newest tasks and decisions, as short lists. */
import { useQuery } from "@tanstack/react-query";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./agents.module.css";
import { agentDecisionsQuery, agentTasksQuery } from "./queries";

export function AgentTasks({ agent }: { agent: string }) {
  return (
    <Answer of={useQuery(agentTasksQuery(agent))} what="tasks">
      {({ items }) =>
        items.length ? (
          <ul className={styles.list}>
            {items.map((task) => (
              <li key={task.task_id}>
                <Go to={`/tasks/${task.task_id}`} className={styles.row}>
                  <span className={styles.grow}>
                    <Name text={task.title || task.task_id} />
                  </span>
                  <State of={task.status} />
                  <span className={styles.when}>
                    <Time at={task.changed_at} ago />
                  </span>
                </Go>
              </li>
            ))}
          </ul>
        ) : (
          <Empty title="No tasks" icon="tasks">
            It has not been given any work.
          </Empty>
        )
      }
    </Answer>
  );
}

export function AgentDecisions({ agent }: { agent: string }) {
  return (
    <Answer of={useQuery(agentDecisionsQuery(agent))} what="decisions">
      {({ items }) =>
        items.length ? (
          <ul className={styles.list}>
            {items.map((one) => (
              <li key={one.decision_id}>
                <Go to={`/inbox/${one.decision_id}`} className={styles.row}>
                  <span className={styles.grow}>
                    <Name text={one.type} />
                  </span>
                  <State of={one.status} />
                  <span className={styles.when}>
                    <Time at={one.decided_at || one.opened_at} ago />
                  </span>
                </Go>
              </li>
            ))}
          </ul>
        ) : (
          <Empty title="No decisions" icon="decisions">
            Nothing it asked for needed people.
          </Empty>
        )
      }
    </Answer>
  );
}

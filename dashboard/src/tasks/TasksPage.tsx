/** The list of tasks: lanes, filters in the URL, changes to everything that matches, submitting. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge, State } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import { type Column, Listing } from "../parts/Listing";
import { Page } from "../parts/Page";
import { PickFilter, SearchFilter } from "../parts/Pick";
import { SavedViews } from "../parts/SavedViews";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { ChangeAll } from "./ChangeAll";
import { Lanes } from "./Lanes";
import { LANES, STATUSES, type Task, tasksQuery } from "./queries";
import { SubmitTask } from "./SubmitTask";

const columns: readonly Column<Task>[] = [
  {
    id: "title",
    title: "Task",
    value: (task) => task.title || task.task_id,
    cell: (task) => <Name text={task.title || task.task_id} />,
    width: "minmax(180px, 2.4fr)",
    phone: "title",
  },
  {
    id: "status",
    title: "Status",
    value: (task) => task.status,
    cell: (task) => <Status of={task} />,
    width: "148px",
    phone: "aside",
  },
  {
    id: "priority",
    title: "Lane",
    value: (task) => LANES.findIndex((lane) => lane === task.priority),
    cell: (task) => <Lane of={task.priority} />,
    width: "84px",
    phone: "line",
  },
  {
    id: "percent",
    title: "Done",
    value: (task) => task.percent,
    cell: (task) => (task.status === "running" ? `${task.percent} %` : ""),
    width: "64px",
    right: true,
  },
  {
    id: "attempts",
    title: "Attempts",
    value: (task) => task.attempts,
    cell: (task) => `${task.attempts} of ${task.attempts_max}`,
    width: "84px",
    right: true,
  },
  {
    id: "needs",
    title: "Needs",
    value: (task) => task.needs.join(" "),
    cell: (task) => <Name text={task.needs.join(", ") || "anybody"} />,
    width: "minmax(110px, 1fr)",
    phone: "line",
  },
  {
    id: "changed_at",
    title: "Changed",
    value: (task) => task.changed_at,
    cell: (task) => <Time at={task.changed_at} ago />,
    width: "112px",
    right: true,
    phone: "line",
  },
];

/** The status, and what a person should know besides. */
export function Status({ of: task }: { of: Task }) {
  if (task.stuck_at) return <Badge tone="bad">stuck</Badge>;
  if (task.over_budget) return <Badge tone="warn">no budget</Badge>;
  if (task.status === "queued" && task.waiting) return <Badge dot>waits for others</Badge>;
  return <State of={task.status} />;
}

function Lane({ of }: { of: string }) {
  return <Badge tone={of === "urgent" ? "bad" : of === "high" ? "warn" : "plain"}>{of}</Badge>;
}

export default function TasksPage() {
  const [filters] = useFilters();
  const [submitting, setSubmitting] = useState(false);
  const query = useInfiniteQuery(tasksQuery(filters));
  const wanted = (filters.q ?? "").toLowerCase();
  const narrowed = Boolean(wanted || filters.status || filters.lane || filters.agent);
  return (
    <Page
      title="Tasks"
      lead="Work that waits, runs and has ended. The most urgent goes first; nobody starves."
      actions={
        <Allowed role="operator">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setSubmitting(true)}>
            Submit a task
          </Button>
        </Allowed>
      }
    >
      <Lanes />
      <Answer of={query} what="tasks">
        {(data) => (
          <Listing
            name="tasks"
            rows={data.pages.flatMap((page) => page.items).filter((task) => matches(task, wanted))}
            columns={columns}
            idOf={(task) => task.task_id}
            to={(task) => `/tasks/${task.task_id}`}
            more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
            height="calc(100dvh - 340px)"
            toolbar={
              <>
                <SearchFilter label="Title, id or capability" />
                <PickFilter name="status" label="Status" options={STATUSES} />
                <PickFilter name="lane" label="Lane" options={LANES} width={110} />
                <SavedViews
                  list="tasks"
                  given={[
                    { name: "Dead letter", filters: { status: "dead_letter" } },
                    { name: "Running now", filters: { status: "running" } },
                    { name: "Urgent and waiting", filters: { status: "queued", lane: "urgent" } },
                  ]}
                />
                <ChangeAll filters={filters} />
              </>
            }
            empty={
              narrowed ? (
                <Empty title="No task matches" icon="filter">
                  Change the filters, or choose “Everything” among the saved views.
                </Empty>
              ) : (
                <Empty title="No tasks yet" icon="tasks">
                  Submit one here, with `watchfloor task submit`, or let an agent do it. It appears at once.
                </Empty>
              )
            }
          />
        )}
      </Answer>
      <SubmitTask open={submitting} onClose={() => setSubmitting(false)} />
    </Page>
  );
}

export function matches(task: Task, wanted: string): boolean {
  if (!wanted) return true;
  return [task.title, task.task_id, task.workflow, ...task.needs].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

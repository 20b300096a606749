/** What a person can do to a task now. */
import { Button, Menu } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Confirm } from "../parts/Confirm";
import { Icon } from "../parts/Icon";
import { isOver } from "./queries";

type Change = "cancel" | "pause" | "resume" | "retry" | "purge" | "positive" | "negative";

const SAID: Record<Change, { title: string; action: string; text: string; done: string; danger?: boolean }> =
  {
    cancel: {
      title: "Cancel this task?",
      action: "Cancel the task",
      text: "Whoever works on it is told to stop; tasks that wait for it fail or are skipped, as they were submitted.",
      done: "Cancelled",
      danger: true,
    },
    pause: {
      title: "Pause this task?",
      action: "Pause",
      text: "It keeps its agent and its place, its clocks stand still, until somebody resumes it.",
      done: "Paused",
    },
    resume: {
      title: "Resume this task?",
      action: "Resume",
      text: "It goes on where it was.",
      done: "Resumed",
    },
    retry: {
      title: "Retry this task?",
      action: "Retry",
      text: "It leaves the dead letter and gets new attempts.",
      done: "Back in the queue",
    },
    purge: {
      title: "Purge this task?",
      action: "Purge",
      text: "It is put away for good; the ledger keeps its story.",
      done: "Purged",
      danger: true,
    },
    positive: {
      title: "Rate this work positively?",
      action: "Rate positively",
      text: "Counts towards the trust of the agent. Once, and not for work of agents you own.",
      done: "Rated",
    },
    negative: {
      title: "Rate this work negatively?",
      action: "Rate negatively",
      text: "Counts against the trust of the agent. Once, and not for work of agents you own.",
      done: "Rated",
      danger: true,
    },
  };
const REASONLESS: readonly Change[] = ["resume", "retry"];

export function Switches({ detail }: { detail: Wire["TaskDetail"] }) {
  const { task } = detail;
  const [asked, setAsked] = useState<Change | null>(null);
  const change = useCommand({
    run: (input: { what: Change; reason: string }, key) => send(task.task_id, input.what, input.reason, key),
    touches: [["task", task.task_id], ["tasks"]],
    done: (_, input) => SAID[input.what].done,
    onDone: () => setAsked(null),
  });
  const said = asked ? SAID[asked] : null;
  const rateable = isOver(task) && task.status !== "cancelled" && !detail.review && task.agent_id;
  return (
    <Allowed role="operator">
      {task.status === "dead_letter" && (
        <Button leftSection={<Icon name="refresh" size={16} />} onClick={() => setAsked("retry")}>
          Retry
        </Button>
      )}
      {task.status === "paused" && (
        <Button leftSection={<Icon name="play" size={16} />} onClick={() => setAsked("resume")}>
          Resume
        </Button>
      )}
      {!isOver(task) && task.status !== "paused" && (
        <Button
          variant="default"
          leftSection={<Icon name="pause" size={16} />}
          onClick={() => setAsked("pause")}
        >
          Pause
        </Button>
      )}
      {!isOver(task) && (
        <Button variant="default" onClick={() => setAsked("cancel")}>
          Cancel
        </Button>
      )}
      {task.status === "dead_letter" && (
        <Button variant="default" onClick={() => setAsked("purge")}>
          Purge
        </Button>
      )}
      {rateable && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default">Rate</Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setAsked("positive")}>Good work</Menu.Item>
            <Menu.Item onClick={() => setAsked("negative")}>Bad work</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      <Confirm
        open={said !== null}
        onClose={() => setAsked(null)}
        title={said?.title ?? ""}
        action={said?.action ?? ""}
        danger={said?.danger ?? false}
        reason={asked && REASONLESS.includes(asked) ? "none" : "needed"}
        busy={change.isPending}
        onConfirm={(reason) => asked && change.mutate({ what: asked, reason })}
      >
        {said?.text}
      </Confirm>
    </Allowed>
  );
}

function send(task: string, what: Change, reason: string, key: string) {
  const params = { path: { task }, header: { "Idempotency-Key": key } };
  switch (what) {
    case "cancel":
      return ask(api.POST("/api/v1/tasks/{task}/cancel", { params, body: { reason } }));
    case "pause":
      return ask(api.POST("/api/v1/tasks/{task}/pause", { params, body: { reason } }));
    case "resume":
      return ask(api.POST("/api/v1/tasks/{task}/resume", { params }));
    case "retry":
      return ask(api.POST("/api/v1/tasks/{task}/retry", { params }));
    case "purge":
      return ask(api.POST("/api/v1/tasks/{task}/purge", { params, body: { reason } }));
    default:
      return ask(api.POST("/api/v1/tasks/{task}/review", { params, body: { verdict: what, reason } }));
  }
}

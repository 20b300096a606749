/** One change to every task that the filters name: cancel, pause, resume, retry, purge. Worked off in slices. */
import { Menu, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Confirm } from "../parts/Confirm";
import { Icon } from "../parts/Icon";
import listing from "../parts/Listing.module.css";
import { filterOf } from "./queries";

const CHANGES = {
  cancel: "Cancel all that match",
  pause: "Pause all that match",
  resume: "Resume all that match",
  retry: "Retry the dead letter that matches",
  purge: "Purge the dead letter that matches",
} as const;
type Change = keyof typeof CHANGES;

const MEANINGS: Record<Change, string> = {
  cancel:
    "Every task that the filters name and that has not ended is cancelled; agents that work on one are told to stop.",
  pause: "Every task that the filters name and that has not ended stands still until somebody resumes it.",
  resume: "Every paused task that the filters name goes on.",
  retry: "Every task of the dead letter that the filters name gets new attempts.",
  purge:
    "Every task of the dead letter that the filters name is put away for good. The ledger keeps its story.",
};

const ANY = {
  status: null,
  lane: null,
  agent: null,
  needs: null,
  text: null,
  depends_on: null,
  deadline_before: null,
  workflow: null,
};

export function ChangeAll({ filters }: { filters: Record<string, string> }) {
  const [asked, setAsked] = useState<Change | null>(null);
  const filter = filterOf(filters);
  const change = useCommand({
    run: (input: { operation: Change; reason: string }, key) =>
      ask(
        api.POST("/api/v1/tasks/change", {
          params: { header: { "Idempotency-Key": key } },
          body: {
            operation: input.operation,
            reason: input.reason,
            filter: { ...ANY, ...filter },
            task_ids: [],
            cursor: "",
          },
        }),
      ),
    touches: [["tasks"]],
    done: (out) =>
      `${out.matched.toLocaleString()} tasks are being changed${out.next ? "; there are more, ask again" : ""}`,
    onDone: () => setAsked(null),
  });
  const named = Object.entries(filter).map(
    ([name, value]) => `${name.replaceAll("_", " ")} ${String(value)}`,
  );
  return (
    <Allowed role="operator">
      <Menu position="bottom-start">
        <Menu.Target>
          <UnstyledButton
            className={listing.tool}
            aria-label="Change all that match"
            title="Change all that match"
          >
            <Icon name="more" size={16} />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          {(Object.keys(CHANGES) as Change[]).map((one) => (
            <Menu.Item
              key={one}
              color={one === "cancel" || one === "purge" ? "bad" : undefined}
              onClick={() => setAsked(one)}
            >
              {CHANGES[one]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Confirm
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={asked ? `${CHANGES[asked]}?` : ""}
        action={asked ? CHANGES[asked] : ""}
        danger={asked === "cancel" || asked === "purge"}
        reason="needed"
        busy={change.isPending}
        onConfirm={(reason) => asked && change.mutate({ operation: asked, reason })}
      >
        <p>{asked && MEANINGS[asked]}</p>
        <p>
          {named.length ? (
            <>
              Filters: <b>{named.join(", ")}</b>. The search field does not count.
            </>
          ) : (
            <b>No filter is set: this is about every task of the organisation.</b>
          )}
        </p>
      </Confirm>
    </Allowed>
  );
}

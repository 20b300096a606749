/** Lifting a stop in stages: one agent, type, action, tool or workflow is let through first. */
import { Button, Group, Modal, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { fieldErrors } from "../parts/fieldErrors";
import lines from "../parts/Lines.module.css";
import { NARROW, Scope } from "./Scope";

type Narrow = (typeof NARROW)[number];

export function EaseStop({ stop, open, onClose }: { stop: string; open: boolean; onClose: () => void }) {
  const [scope, setScope] = useState<Narrow>("agent");
  const [target, setTarget] = useState("");
  const [reason, setReason] = useState("");
  const [faults, setFaults] = useState<Record<string, string>>({});
  const ease = useCommand({
    run: (body: { scope: Narrow; target: string; reason: string }, key) =>
      ask(
        api.POST("/api/v1/stops/{stop}/ease", {
          params: { path: { stop }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    touches: [["stops"]],
    done: () => "Eased: this much is let through",
    onDone: () => {
      setTarget("");
      setReason("");
      setFaults({});
      onClose();
    },
    onProblem: (problem) => {
      setFaults(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  const ready = target.trim() !== "" && reason.trim() !== "";
  return (
    <Modal opened={open} onClose={onClose} title="Let a part through">
      <form
        className={lines.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) ease.mutate({ scope, target: target.trim(), reason: reason.trim() });
        }}
      >
        <p className={lines.quiet}>The stop stays in force for everything else.</p>
        <Scope
          scopes={NARROW}
          scope={scope}
          target={target}
          error={faults.target}
          onChange={(chosen, wanted) => {
            setScope(chosen);
            setTarget(wanted);
          }}
        />
        <Textarea
          label="Reason"
          description="Recorded for ever; name no secrets."
          withAsterisk
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!ready} loading={ease.isPending}>
            Let it through
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

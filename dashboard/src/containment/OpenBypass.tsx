/** Opening a bypass: whose actions, of which type, for how long, and why. */
import { Button, Group, Modal, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { fieldErrors } from "../parts/fieldErrors";
import lines from "../parts/Lines.module.css";
import { agentNamesQuery } from "../parts/names";
import { plain } from "../parts/odd";

const HOURS_MAX = 12;

interface Wanted {
  agent: string;
  type: string;
  hours: number;
  reason: string;
}

const NOTHING: Wanted = { agent: "", type: "", hours: 1, reason: "" };

export function OpenBypass({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [wanted, setWanted] = useState(NOTHING);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const agents = useQuery(agentNamesQuery);
  const set = (change: Partial<Wanted>) => setWanted({ ...wanted, ...change });
  const bypass = useCommand({
    run: (input: Wanted, key) =>
      ask(
        api.POST("/api/v1/bypasses", {
          params: { header: { "Idempotency-Key": key } },
          body: {
            ...(input.agent ? { agent_id: input.agent } : {}),
            type: input.type,
            reason: input.reason,
            expires_at: (Date.now() + input.hours * 3_600_000) * 1_000,
          },
        }),
      ),
    touches: [["bypasses"]],
    done: () => "Open: nobody is asked about level 2",
    onDone: () => {
      setWanted(NOTHING);
      setFaults({});
      onClose();
    },
    onProblem: (problem) => {
      setFaults(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  const said = { ...wanted, type: wanted.type.trim(), reason: wanted.reason.trim() };
  return (
    <Modal opened={open} onClose={onClose} title="Open a bypass of level 2">
      <form
        className={lines.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (said.reason) bypass.mutate(said);
        }}
      >
        <p className={lines.quiet}>
          What takes level 2 runs without being confirmed, and you answer for it. Levels 3 and 4, the envelope
          and kill switches hold as ever.
        </p>
        <Select
          label="Agent"
          placeholder="every agent"
          searchable
          clearable
          error={faults.agent_id}
          data={(agents.data?.items ?? []).map((one) => ({ value: one.agent_id, label: plain(one.name) }))}
          value={wanted.agent || null}
          onChange={(agent) => set({ agent: agent ?? "" })}
        />
        <TextInput
          label="Type of action"
          placeholder="every type"
          maxLength={128}
          error={faults.type}
          value={wanted.type}
          onChange={(event) => set({ type: event.currentTarget.value })}
        />
        <NumberInput
          label="For"
          suffix=" hours"
          min={1}
          max={HOURS_MAX}
          error={faults.expires_at}
          value={wanted.hours}
          onChange={(hours) => typeof hours === "number" && set({ hours })}
        />
        <Textarea
          label="Reason"
          description="Recorded for ever; name no secrets."
          withAsterisk
          autosize
          minRows={2}
          maxLength={500}
          error={faults.reason}
          value={wanted.reason}
          onChange={(event) => set({ reason: event.currentTarget.value })}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!said.reason} loading={bypass.isPending}>
            Open it
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

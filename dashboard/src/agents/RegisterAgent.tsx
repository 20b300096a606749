/** Registering an agent: a name and what it can do; its key is shown once. The model for other forms. */
import { Alert, Button, Group, Modal, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { fieldErrors } from "../parts/fieldErrors";
import { Go } from "../parts/Go";
import { ShownOnce } from "../parts/ShownOnce";

interface Draft {
  name: string;
  type: string;
  capabilities: string[];
  expires_in_days: number;
}

export function RegisterAgent({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [made, setMade] = useState<Wire["AgentRegistered"] | null>(null);
  const form = useForm<Draft>({
    initialValues: { name: "", type: "worker", capabilities: [], expires_in_days: 30 },
    validate: {
      name: (name) => (name.trim() ? null : "An agent needs a name"),
      capabilities: (all) => (all.length ? null : "At least one; tasks are matched by them"),
    },
  });
  const register = useCommand({
    run: (draft: Draft, key) =>
      ask(
        api.POST("/api/v1/agents/register", {
          params: { header: { "Idempotency-Key": key } },
          body: draft,
        }),
      ),
    touches: [["agents"]],
    onDone: setMade,
    onProblem: (problem) => {
      form.setErrors(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  const close = () => {
    setMade(null);
    form.reset();
    onClose();
  };
  return (
    <Modal opened={open} onClose={close} title={made ? `${made.name} is registered` : "Register an agent"}>
      {made ? (
        <Registered made={made} onClose={close} />
      ) : (
        <form onSubmit={form.onSubmit((draft) => register.mutate(draft))}>
          <TextInput
            label="Name"
            withAsterisk
            data-autofocus
            maxLength={128}
            {...form.getInputProps("name")}
          />
          <TextInput mt="sm" label="Type" maxLength={128} {...form.getInputProps("type")} />
          <TagsInput
            mt="sm"
            label="Capabilities"
            description="What it can do, such as python.lint; Enter after each."
            withAsterisk
            {...form.getInputProps("capabilities")}
          />
          <NumberInput
            mt="sm"
            label="Days until its key expires"
            min={1}
            max={365}
            {...form.getInputProps("expires_in_days")}
          />
          <Group justify="flex-end" mt="lg">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={register.isPending}>
              Register
            </Button>
          </Group>
        </form>
      )}
    </Modal>
  );
}

function Registered({ made, onClose }: { made: Wire["AgentRegistered"]; onClose: () => void }) {
  return (
    <>
      {made.api_key ? (
        <ShownOnce secret={made.api_key} />
      ) : (
        <Alert title="It existed already">Its key is not shown again; rotate it to get a new one.</Alert>
      )}
      <Group justify="flex-end" mt="lg">
        <Go to={`/agents/${made.agent_id}`}>Open its page</Go>
        <Button onClick={onClose}>Done</Button>
      </Group>
    </>
  );
}

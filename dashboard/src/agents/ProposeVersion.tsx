/** A further version: another prompt, other tools, and why. The gate is asked at once. */
import { Button, Group, Modal, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Answer } from "../parts/Answer";
import { fieldErrors } from "../parts/fieldErrors";
import { told } from "../parts/toasts";
import { versionQuery } from "./queries";
import { ruled, type Version } from "./Versions";

interface Props {
  agent: Wire["AgentItem"];
  active: Version;
  onClose: () => void;
}

export function ProposeVersion(props: Props) {
  const { agent, active, onClose } = props;
  return (
    <Modal opened onClose={onClose} title={`A version after ${active.number}`} size="lg">
      <Answer of={useQuery(versionQuery(agent.agent_id, active.number))} what="the version in force">
        {(found) => <Form {...props} prompt={found.prompt ?? ""} />}
      </Answer>
    </Modal>
  );
}

function Form({ agent, active, prompt, onClose }: Props & { prompt: string }) {
  const form = useForm({
    initialValues: { label: "", prompt, tools: [...active.tools], reason: "" },
    validate: { reason: (reason) => (reason.trim() ? null : "Say why; those who decide read it") },
  });
  const propose = useCommand({
    run: (draft: typeof form.values, key) =>
      ask(
        api.POST("/api/v1/agents/{agent}/versions", {
          params: { path: { agent: agent.agent_id }, header: { "Idempotency-Key": key } },
          // What is not said is as it was, so that a text that is only known by its digest stays pinned.
          body: {
            label: draft.label.trim(),
            reason: draft.reason.trim(),
            ...(draft.prompt === prompt ? {} : { prompt: draft.prompt }),
            tools: draft.tools,
          },
        }),
      ),
    touches: [["agent", agent.agent_id], ["decisions"]],
    onDone: (out) => {
      told(ruled(out));
      onClose();
    },
    onProblem: (problem) => {
      form.setErrors(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  return (
    <form onSubmit={form.onSubmit((draft) => propose.mutate(draft))}>
      <TextInput label="Label" placeholder={active.label} maxLength={128} {...form.getInputProps("label")} />
      <Textarea
        mt="sm"
        label="Prompt"
        description="Private; its digest pins what the agent may run with."
        autosize
        minRows={5}
        maxRows={16}
        {...form.getInputProps("prompt")}
      />
      <TagsInput
        mt="sm"
        label="Tools"
        description="What it may use; none: every tool."
        {...form.getInputProps("tools")}
      />
      <Textarea
        mt="sm"
        label="Reason"
        description="Recorded for ever; name no secrets."
        withAsterisk
        autosize
        minRows={2}
        maxLength={500}
        {...form.getInputProps("reason")}
      />
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={propose.isPending}>
          Propose, and ask for it
        </Button>
      </Group>
    </form>
  );
}

/** Submitting a task: what is to be done, who can do it, how urgent it is. */
import {
  Button,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { fieldErrors } from "../parts/fieldErrors";
import { LANES } from "./queries";

interface Draft {
  title: string;
  description: string;
  priority: (typeof LANES)[number];
  needs: string[];
  max_attempts: number;
  minutes: number;
}

export function SubmitTask({ open, onClose }: { open: boolean; onClose: () => void }) {
  const form = useForm<Draft>({
    initialValues: {
      title: "",
      description: "",
      priority: "normal",
      needs: [],
      max_attempts: 3,
      minutes: 30,
    },
    validate: { title: (title) => (title.trim() ? null : "A task needs a title") },
  });
  const close = () => {
    form.reset();
    onClose();
  };
  const submit = useCommand({
    run: ({ minutes, ...draft }: Draft, key) =>
      ask(
        api.POST("/api/v1/tasks", {
          params: { header: { "Idempotency-Key": key } },
          body: { ...draft, timeout_ms: minutes * 60_000 } as never,
        }),
      ),
    touches: [["tasks"]],
    done: () => "Submitted: it waits for an agent that can do it",
    onDone: close,
    onProblem: (problem) => {
      form.setErrors(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  return (
    <Modal opened={open} onClose={close} title="Submit a task">
      <form onSubmit={form.onSubmit((draft) => submit.mutate(draft))}>
        <TextInput
          label="Title"
          withAsterisk
          data-autofocus
          maxLength={128}
          {...form.getInputProps("title")}
        />
        <Textarea
          mt="sm"
          label="Description"
          description="The agent reads this. Name no secrets."
          autosize
          minRows={3}
          maxRows={10}
          {...form.getInputProps("description")}
        />
        <TagsInput
          mt="sm"
          label="Capabilities it needs"
          description="Enter after each; none: any agent may do it."
          {...form.getInputProps("needs")}
        />
        <fieldset style={{ border: 0, padding: 0, margin: "14px 0 0" }}>
          <legend style={{ fontSize: 14, fontWeight: 500, padding: 0, marginBottom: 4 }}>Lane</legend>
          <SegmentedControl fullWidth data={[...LANES]} {...form.getInputProps("priority")} />
        </fieldset>
        <Group mt="sm" grow>
          <NumberInput label="Attempts" min={1} max={20} {...form.getInputProps("max_attempts")} />
          <NumberInput label="Minutes at most" min={1} max={1_440} {...form.getInputProps("minutes")} />
        </Group>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={submit.isPending}>
            Submit
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

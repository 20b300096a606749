/** A schedule of one rotation; more layers are made with the command line or the API. */
import { Button, Group, Modal, MultiSelect, NumberInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { fieldErrors } from "../parts/fieldErrors";
import { plain } from "../parts/odd";
import lines from "../parts/Lines.module.css";
import { peopleQuery } from "../parts/names";

interface Draft {
  name: string;
  time_zone: string;
  members: string[];
  start: string;
  shift_hours: number;
}

export function MakeSchedule({ open, onClose }: { open: boolean; onClose: () => void }) {
  const people = useQuery(peopleQuery);
  const form = useForm<Draft>({
    initialValues: {
      name: "on_call",
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      members: [],
      start: `${new Date().toISOString().slice(0, 10)}T09:00`,
      shift_hours: 168,
    },
    validate: {
      name: (name) => (/^[a-z][a-z0-9_]*$/.test(name) ? null : "Small letters, digits and _"),
      members: (all) => (all.length ? null : "At least one person"),
    },
  });
  const make = useCommand({
    run: ({ name, time_zone, ...layer }: Draft, key) =>
      ask(
        api.POST("/api/v1/schedules", {
          params: { header: { "Idempotency-Key": key } },
          body: { name, time_zone, layers: [layer] },
        }),
      ),
    touches: [["schedules"]],
    done: (_, draft) => `${draft.name} is set`,
    onDone: () => {
      form.reset();
      onClose();
    },
    onProblem: (problem) => {
      const found = fieldErrors(problem);
      form.setErrors(
        Object.fromEntries(
          Object.entries(found).map(([field, text]) => [
            field.replace(/^layers\.0\./, "").replace(/\.\d+$/, ""),
            text,
          ]),
        ),
      );
      return problem.errors.length > 0;
    },
  });
  return (
    <Modal opened={open} onClose={onClose} title="New schedule">
      <form className={lines.form} onSubmit={form.onSubmit((draft) => make.mutate(draft))}>
        <div className={lines.halves}>
          <TextInput label="Name" {...form.getInputProps("name")} />
          <TextInput label="Time zone" {...form.getInputProps("time_zone")} />
        </div>
        <MultiSelect
          label="People, in turn"
          searchable
          data={(people.data?.items ?? [])
            .filter((one) => one.enabled)
            .map((one) => ({ value: one.person_id, label: plain(one.name || one.handle) }))}
          {...form.getInputProps("members")}
        />
        <div className={lines.halves}>
          <TextInput label="First shift begins" type="datetime-local" {...form.getInputProps("start")} />
          <NumberInput label="Each shift" suffix=" hours" min={1} {...form.getInputProps("shift_hours")} />
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={make.isPending}>
            Make it
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

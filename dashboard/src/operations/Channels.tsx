/** By what the person is told: channels in their order, each tried out and removed here. */
import { ActionIcon, Button, Group, Modal, NumberInput, Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { fieldErrors } from "../parts/fieldErrors";
import { Icon } from "../parts/Icon";
import { Card } from "../parts/Page";
import { Name } from "../parts/Words";
import styles from "./operations.module.css";

const KEY = ["notification channels"];

export function Channels() {
  const [adding, setAdding] = useState(false);
  const query = useQuery({ queryKey: KEY, queryFn: () => ask(api.GET("/api/v1/notifications/channels")) });
  return (
    <Card
      title="My channels"
      aside={
        <Button size="xs" variant="default" onClick={() => setAdding(true)}>
          Add
        </Button>
      }
    >
      <Answer of={query} what="channels">
        {({ items }) => (
          <ul className={styles.list}>
            {items.length === 0 && <li>None: nobody can tell you anything outside of this page.</li>}
            {items.map((one) => (
              <Channel key={one.name} of={one} />
            ))}
          </ul>
        )}
      </Answer>
      <Add open={adding} onClose={() => setAdding(false)} />
    </Card>
  );
}

function Channel({ of }: { of: Wire["NotifyChannelItem"] }) {
  const name = { name: of.name, person: "", shared: false };
  const test = useCommand({
    run: (_: null) => ask(api.POST("/api/v1/notifications/channels/test", { body: name })),
    done: (out) => (out.delivered ? "Delivered" : `Not delivered: ${out.error}`),
  });
  const remove = useCommand({
    run: (_: null, key) =>
      ask(
        api.POST("/api/v1/notifications/channels/remove", {
          params: { header: { "Idempotency-Key": key } },
          body: name,
        }),
      ),
    touches: [KEY],
    done: () => "Removed",
  });
  return (
    <li>
      <Badge>{of.shown || of.means}</Badge>
      <span className={styles.grow}>
        <Name text={of.name} /> <small>from {of.severity_min} on</small>
      </span>
      <Button size="compact-xs" variant="default" loading={test.isPending} onClick={() => test.mutate(null)}>
        Try
      </Button>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`Remove ${of.name}`}
        onClick={() => remove.mutate(null)}
      >
        <Icon name="cross" size={14} />
      </ActionIcon>
    </li>
  );
}

interface Draft {
  name: string;
  means: "webhook" | "apprise" | "console";
  url: string;
  severity_min: "info" | "warning" | "immediate";
  position: number;
}

function Add({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [secret, setSecret] = useState("");
  const form = useForm<Draft>({
    initialValues: { name: "", means: "apprise", url: "", severity_min: "warning", position: 0 },
    validate: { name: (name) => (name.trim() ? null : "A channel needs a name") },
  });
  const close = () => {
    form.reset();
    setSecret("");
    onClose();
  };
  const add = useCommand({
    run: (draft: Draft, key) =>
      ask(
        api.POST("/api/v1/notifications/channels", {
          params: { header: { "Idempotency-Key": key } },
          body: {
            ...draft,
            one_tap: null,
            quiet_from: "00:00",
            quiet_until: "00:00",
            time_zone: "UTC",
            person: "",
            shared: false,
          },
        }),
      ),
    touches: [KEY],
    done: () => "The channel is set; try it out",
    onDone: (out) => (out.signing_secret ? setSecret(out.signing_secret) : close()),
    onProblem: (problem) => {
      form.setErrors(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  return (
    <Modal opened={open} onClose={close} title={secret ? "The webhook's signing secret" : "Add a channel"}>
      {secret ? (
        <>
          <p>Shown this once; your receiver checks signatures with it.</p>
          <code style={{ overflowWrap: "anywhere" }}>{secret}</code>
          <Button mt="lg" fullWidth onClick={close}>
            Done
          </Button>
        </>
      ) : (
        <form onSubmit={form.onSubmit((draft) => add.mutate(draft))}>
          <TextInput
            label="Name"
            withAsterisk
            data-autofocus
            maxLength={32}
            {...form.getInputProps("name")}
          />
          <Select
            mt="sm"
            label="Means"
            allowDeselect={false}
            data={[
              { value: "apprise", label: "Slack, PagerDuty, mail, ntfy" },
              { value: "webhook", label: "Signed webhook" },
              { value: "console", label: "The server's log" },
            ]}
            {...form.getInputProps("means")}
          />
          <TextInput
            mt="sm"
            label="Address"
            description="slack://…, pagerduty://…, mailto://…, ntfy://…, or https://… It may hold secrets and is never shown again."
            {...form.getInputProps("url")}
          />
          <Group mt="sm" grow>
            <Select
              label="From severity"
              allowDeselect={false}
              data={["info", "warning", "immediate"]}
              {...form.getInputProps("severity_min")}
            />
            <NumberInput label="Place" min={0} max={100} {...form.getInputProps("position")} />
          </Group>
          <Button mt="lg" type="submit" fullWidth loading={add.isPending}>
            Add
          </Button>
        </form>
      )}
    </Modal>
  );
}

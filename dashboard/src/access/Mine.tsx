/** One's own sessions and tokens; a new token is shown once. */
import { Alert, Button, Code, CopyButton, Group, Modal, NumberInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Answer } from "../parts/Answer";
import { Icon } from "../parts/Icon";
import { Card } from "../parts/Page";
import { Credentials } from "./Credentials";
import { mineQuery } from "./queries";
import styles from "./access.module.css";

export function Mine() {
  return (
    <Card title="In force" aside={<NewToken />}>
      <Answer of={useQuery(mineQuery)} what="your sessions">
        {(items) => <Credentials items={items} touches={["me", "sessions"]} />}
      </Answer>
    </Card>
  );
}

function NewToken() {
  const [open, setOpen] = useState(false);
  const [label, setLabel] = useState("");
  const [days, setDays] = useState(90);
  const [made, setMade] = useState<Wire["TokenIssued"] | null>(null);
  const issue = useCommand({
    run: (input: { label: string; expires_in_days: number }, key) =>
      ask(
        api.POST("/api/v1/tokens", {
          params: { header: { "Idempotency-Key": key } },
          body: { ...input, scopes: [] },
        }),
      ),
    touches: [["me", "sessions"]],
    onDone: setMade,
  });
  const close = () => {
    setOpen(false);
    setMade(null);
    setLabel("");
  };
  return (
    <>
      <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setOpen(true)}>
        New token
      </Button>
      <Modal opened={open} onClose={close} title={made ? "Your token" : "New token"}>
        {made ? (
          <>
            <Alert color="warn" title="It is shown this once">
              It may do what you may, until you end it or it expires.
            </Alert>
            <Code block mt="md" className={styles.secret}>
              {made.token}
            </Code>
            <CopyButton value={made.token ?? ""}>
              {({ copied, copy }) => (
                <Button mt="md" variant="default" onClick={copy}>
                  {copied ? "Copied" : "Copy the token"}
                </Button>
              )}
            </CopyButton>
          </>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              issue.mutate({ label: label.trim(), expires_in_days: days });
            }}
          >
            <TextInput
              label="What it is for"
              data-autofocus
              maxLength={128}
              value={label}
              onChange={(event) => setLabel(event.currentTarget.value)}
            />
            <NumberInput
              mt="sm"
              label="Days until it expires"
              min={1}
              max={365}
              value={days}
              onChange={(value) => setDays(Number(value) || 90)}
            />
            <Group justify="flex-end" mt="lg">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" loading={issue.isPending}>
                Make it
              </Button>
            </Group>
          </form>
        )}
      </Modal>
    </>
  );
}

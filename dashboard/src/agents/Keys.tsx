/** The agent's keys: which there are and until when, a further one, one in place of another, the end of one. */
import { Alert, Button, Group, Modal, NumberInput, Select } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Id } from "../parts/Facts";
import { ShownOnce } from "../parts/ShownOnce";
import { Empty } from "../parts/states";
import { Time, useNow } from "../parts/Time";
import styles from "./rooms.module.css";

type Key = Wire["KeyItem"];
const HOUR_MS = 3_600_000;
const SOON_MS = 7 * 24 * HOUR_MS;
const OVERLAPS = [
  { value: String(HOUR_MS), label: "one hour" },
  { value: String(24 * HOUR_MS), label: "24 hours" },
  { value: String(3 * 24 * HOUR_MS), label: "three days" },
  { value: String(7 * 24 * HOUR_MS), label: "seven days" },
];

export function Keys({ agent, of }: { agent: string; of: readonly Key[] }) {
  const [renewing, setRenewing] = useState<Key | "further" | null>(null);
  const [ending, setEnding] = useState<Key | null>(null);
  const revoke = useCommand({
    run: (input: { id: string; reason: string }, key) =>
      ask(
        api.POST("/api/v1/agents/{agent}/keys/{key}/revoke", {
          params: { path: { agent, key: input.id }, header: { "Idempotency-Key": key } },
          body: { reason: input.reason },
        }),
      ),
    touches: [["agent", agent]],
    done: () => "Revoked: whoever uses it is out within two seconds",
    onDone: () => setEnding(null),
  });
  const now = useNow() * 1_000;
  return (
    <div className={styles.room}>
      <Allowed role="operator">
        <div className={styles.tools}>
          <Button size="xs" variant="default" onClick={() => setRenewing("further")}>
            Issue a further key
          </Button>
        </div>
      </Allowed>
      {of.length === 0 && <Empty title="No keys" icon="access" />}
      <ul className={styles.entries}>
        {of.map((key) => {
          const over = key.revoked_at > 0 || key.expires_at <= now;
          return (
            <li key={key.key_id} className={styles.entry} data-over={over || undefined}>
              <div className={styles.grow}>
                <div className={styles.line}>
                  <Id of={key.key_id} /> <Standing of={key} now={now} />
                </div>
                <div className={styles.small}>
                  since <Time at={key.created_at} ago />,{" "}
                  {key.last_used_at ? (
                    <>
                      used <Time at={key.last_used_at} ago />
                    </>
                  ) : (
                    "not used yet"
                  )}
                  , {key.revoked_at ? "ended" : "until"} <Time at={key.revoked_at || key.expires_at} />
                  {key.rotates && <> · in place of {key.rotates}</>}
                  {(key.scopes?.length ?? 0) > 0 && <> · only {key.scopes?.join(", ")}</>}
                </div>
              </div>
              {!over && (
                <Allowed role="operator">
                  <Button size="compact-sm" variant="default" onClick={() => setRenewing(key)}>
                    Rotate
                  </Button>
                  <Button size="compact-sm" variant="default" onClick={() => setEnding(key)}>
                    Revoke
                  </Button>
                </Allowed>
              )}
            </li>
          );
        })}
      </ul>
      <NewKey
        key={renewing === null ? "" : "open"}
        agent={agent}
        of={renewing}
        onClose={() => setRenewing(null)}
      />
      <Confirm
        open={ending !== null}
        onClose={() => setEnding(null)}
        title="Revoke this key?"
        action="Revoke"
        danger
        reason="needed"
        busy={revoke.isPending}
        onConfirm={(reason) => ending && revoke.mutate({ id: ending.key_id, reason })}
      >
        {ending?.key_id} ends at once, open connections included. A program that has no other key is out; to
        change keys without a gap, rotate it instead.
      </Confirm>
    </div>
  );
}

function Standing({ of, now }: { of: Key; now: number }) {
  if (of.revoked_at) return <Badge tone="bad">revoked</Badge>;
  if (of.expires_at <= now) return <Badge>expired</Badge>;
  if (of.expires_at - now < SOON_MS * 1_000) return <Badge tone="warn">ends soon</Badge>;
  return <Badge tone="good">in force</Badge>;
}

/** Asks for the terms of a new key, then shows it this once. */
function NewKey({ agent, of, onClose }: { agent: string; of: Key | "further" | null; onClose: () => void }) {
  const [days, setDays] = useState(30);
  const [overlap, setOverlap] = useState(String(24 * HOUR_MS));
  const [made, setMade] = useState<Wire["KeyIssued"] | null>(null);
  const old = of === "further" ? null : of;
  const issue = useCommand({
    run: (input: { rotates: string; days: number; overlap_ms: number }, key) => {
      const header = { "Idempotency-Key": key };
      return ask(
        input.rotates
          ? api.POST("/api/v1/agents/{agent}/keys/{key}/rotate", {
              params: { path: { agent, key: input.rotates }, header },
              body: { expires_in_days: input.days, overlap_ms: input.overlap_ms, form: "key" },
            })
          : api.POST("/api/v1/agents/{agent}/keys", {
              params: { path: { agent }, header },
              body: { expires_in_days: input.days, form: "key", scopes: [] },
            }),
      );
    },
    touches: [["agent", agent]],
    onDone: setMade,
  });
  return (
    <Modal
      opened={of !== null}
      onClose={onClose}
      title={made ? "The new key" : old ? "Rotate this key" : "A further key"}
    >
      {made ? (
        <>
          {made.api_key ? (
            <ShownOnce secret={made.api_key} />
          ) : (
            <Alert title="It was issued before">A key is shown once; rotate it to get another.</Alert>
          )}
          <Group justify="flex-end" mt="lg">
            <Button onClick={onClose}>Done</Button>
          </Group>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            issue.mutate({ rotates: old?.key_id ?? "", days, overlap_ms: Number(overlap) });
          }}
        >
          {old && (
            <Select
              label={`How long ${old.key_id} goes on beside it`}
              description="Give the program the new key in this time; then the old one ends by itself."
              data={OVERLAPS}
              allowDeselect={false}
              value={overlap}
              onChange={(value) => value && setOverlap(value)}
              data-autofocus
            />
          )}
          <NumberInput
            mt="sm"
            label="Days until the new key expires"
            min={1}
            max={365}
            value={days}
            onChange={(value) => setDays(Number(value) || 30)}
          />
          <Group justify="flex-end" mt="lg">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={issue.isPending}>
              {old ? "Rotate" : "Issue"}
            </Button>
          </Group>
        </form>
      )}
    </Modal>
  );
}

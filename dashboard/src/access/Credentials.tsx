/** Sessions and tokens in force, each with its end. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Id } from "../parts/Facts";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./access.module.css";
import type { Credential } from "./queries";

export function Credentials({
  items,
  touches,
}: {
  items: readonly Credential[];
  touches: readonly string[];
}) {
  const [asked, setAsked] = useState<Credential | null>(null);
  const revoke = useCommand({
    run: (one: Credential, key) =>
      ask(
        api.POST("/api/v1/tokens/{token}/revoke", {
          params: { path: { token: one.credential_id }, header: { "Idempotency-Key": key } },
        }),
      ),
    touches: [touches],
    done: (_, one) => `The ${one.purpose} has ended`,
    onDone: () => setAsked(null),
  });
  if (!items.length) return <p>None.</p>;
  return (
    <ul className={styles.list}>
      {items.map((one) => (
        <li key={one.credential_id}>
          <div>
            <Badge>{one.purpose}</Badge> <Name text={one.label} />{" "}
            {one.current && <Badge tone="info">this window</Badge>}
            <div className={styles.small}>
              <Id of={one.credential_id} /> since <Time at={one.issued_at} ago />
              {one.used_at !== null && <>, used {one.used_at ? <Time at={one.used_at} ago /> : "not yet"}</>},
              until <Time at={one.expires_at} />
            </div>
          </div>
          <Button size="xs" variant="default" onClick={() => setAsked(one)}>
            End
          </Button>
        </li>
      ))}
      <Confirm
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={`End this ${asked?.purpose ?? ""}?`}
        action="End it"
        danger
        busy={revoke.isPending}
        onConfirm={() => asked && revoke.mutate(asked)}
      >
        {asked?.current
          ? "It is the one of this window: you will be signed out."
          : "Whoever uses it is out within a second."}
      </Confirm>
    </ul>
  );
}

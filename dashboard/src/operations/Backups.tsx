/** Backups of the whole server: those there are, making one, when the next comes; how one is put back. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { bytes } from "../parts/amounts";
import { Card } from "../parts/Page";
import { Time } from "../parts/Time";
import styles from "./operations.module.css";

type Made = Wire["BackupPage"];

const RUNNING_MS = 500;
const QUIET_MS = 60_000;

export function Backups() {
  return (
    <Allowed role="operator">
      <Listed />
    </Allowed>
  );
}

function Listed() {
  const query = useQuery({
    queryKey: ["backups"],
    queryFn: () => ask(api.GET("/api/v1/backups")),
    refetchInterval: (found) => (found.state.data?.state === "running" ? RUNNING_MS : QUIET_MS),
  });
  const make = useCommand({
    run: (_: null) => ask(api.POST("/api/v1/backups")),
    touches: [["backups"]],
  });
  const running = query.data?.state === "running";
  return (
    <Card
      title="Backups"
      aside={
        <Allowed role="admin">
          <Button
            size="xs"
            variant="default"
            loading={make.isPending || running}
            onClick={() => make.mutate(null)}
          >
            Make one now
          </Button>
        </Allowed>
      }
    >
      <Answer of={query} what="backups">
        {(found) => <Shown of={found} />}
      </Answer>
    </Card>
  );
}

function Shown({ of }: { of: Made }) {
  const [newest] = of.items;
  return (
    <>
      <p className={styles.note} role="status">
        {of.state === "running"
          ? "One is being made: copied, restored elsewhere, verified."
          : "Copies of the whole server, each verified by restoring it."}{" "}
        The newest {of.kept} stay.{" "}
        {of.next_at > 0 ? (
          <>
            Every {of.every_hours} hours, next <Time at={of.next_at} />.
          </>
        ) : (
          "None is made by itself: set backup_hours."
        )}
      </p>
      {of.state === "failed" && (
        <p role="alert">
          <Badge tone="bad">not made</Badge> {of.detail}
        </p>
      )}
      <ul className={styles.list}>
        {of.items.length === 0 && <li>None yet.</li>}
        {of.items.map((one) => (
          <li key={one.name}>
            <Badge tone="good" dot>
              verified
            </Badge>
            <span className={styles.grow}>
              <Time at={one.created_at} />
              <small>
                {" "}
                {bytes(one.bytes)}, up to event {one.seq.toLocaleString()}
              </small>
            </span>
          </li>
        ))}
      </ul>
      {newest && <Restore name={newest.name} data={of.data || "DATA"} />}
    </>
  );
}

/** Restoring needs the server stopped, so it is done where the server runs. */
function Restore({ name, data }: { name: string; data: string }) {
  return (
    <details className={styles.restore}>
      <summary>Put one back</summary>
      <p className={styles.note}>
        On the machine, with the server stopped. What is there now is moved aside, never overwritten.
        {data === "DATA" && " DATA is the server's data directory."}
      </p>
      <code>
        watchfloor ledger restore {data}/backups/{name} --data {data} --replace
      </code>
      <p className={styles.note}>
        The ledger is then shorter than what was signed, so the server starts read-only until somebody says
        why:
      </p>
      <code>watchfloor ledger recover --data {data} --declare-rollback --reason &quot;…&quot;</code>
    </details>
  );
}

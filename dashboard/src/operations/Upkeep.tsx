/** What operators look after on this node: how near callers come to its rates, what its log holds, room given back. */
import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed, useMay } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { bytes } from "../parts/amounts";
import { Card } from "../parts/Page";
import styles from "./operations.module.css";

type Level = Wire["LogLevelNow"]["level"];

const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];
const RUNNING_MS = 500;
const QUIET_MS = 15_000;

/** What a class of requests is, for people. */
const CLASSES: Record<string, string> = {
  public: "without a credential",
  authenticated: "everything signed in",
  heavy: "exports, proofs, backups",
  queries: "own SQL, analytics",
  sign_in: "signing in",
  sign_in_person: "passwords tried",
  sign_in_code: "codes tried",
  failed: "credentials refused",
};

export function Rates() {
  const query = useQuery({
    queryKey: ["rates"],
    queryFn: () => ask(api.GET("/api/v1/rates")),
    refetchInterval: QUIET_MS,
  });
  return (
    <Card title="Rates of requests" aside="this node; nobody is named">
      <Answer of={query} what="the rates">
        {({ items }) => (
          <div className={styles.scroll} tabIndex={0} role="group" aria-label="Rates of requests">
            <table className={styles.rates}>
              <thead>
                <tr>
                  <th scope="col">Class</th>
                  <th scope="col">A minute</th>
                  <th scope="col">Nearest to its limit</th>
                  <th scope="col">Refused</th>
                </tr>
              </thead>
              <tbody>
                {items.map((one) => (
                  <Rate key={one.rate_class} of={one} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answer>
    </Card>
  );
}

function Rate({ of }: { of: Wire["RateItem"] }) {
  const share = of.burst ? Math.min(1, of.used / of.burst) : 0;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "plain";
  return (
    <tr>
      <th scope="row">
        {CLASSES[of.rate_class] ?? of.rate_class.replaceAll("_", " ")}
        <small> by {of.per}</small>
      </th>
      <td>{of.per_minute.toLocaleString()}</td>
      <td>
        <Badge tone={tone}>
          {of.used.toLocaleString()} of {of.burst.toLocaleString()}
        </Badge>
      </td>
      <td>{of.refused.toLocaleString()}</td>
    </tr>
  );
}

export function Log() {
  const may = useMay("admin");
  const query = useQuery({ queryKey: ["log-level"], queryFn: () => ask(api.GET("/api/v1/log-level")) });
  const set = useCommand({
    run: (level: Level) => ask(api.POST("/api/v1/log-level", { body: { level } })),
    touches: [["log-level"]],
    done: ({ level }) => `The log holds ${level} and above now`,
  });
  return (
    <Card title="Log">
      <Answer of={query} what="the log's level">
        {({ level, at_start }) => (
          <>
            {may ? (
              <SegmentedControl
                aria-label="What the log holds"
                size="xs"
                fullWidth
                disabled={set.isPending}
                data={[...LEVELS]}
                value={level}
                onChange={(wanted) => {
                  const chosen = LEVELS.find((one) => one === wanted);
                  if (chosen && chosen !== level) set.mutate(chosen);
                }}
              />
            ) : (
              <p className={styles.said}>
                It holds <Badge>{level}</Badge> and above.
              </p>
            )}
            <p className={styles.below}>
              On this node, until it restarts: then {at_start} again. Who changed it is in the log.
            </p>
          </>
        )}
      </Answer>
    </Card>
  );
}

export function Compaction() {
  const query = useQuery({
    queryKey: ["compaction"],
    queryFn: () => ask(api.GET("/api/v1/compaction")),
    refetchInterval: (found) => (found.state.data?.state === "running" ? RUNNING_MS : QUIET_MS * 4),
  });
  const start = useCommand({
    run: (_: null) => ask(api.POST("/api/v1/compaction")),
    touches: [["compaction"]],
  });
  const running = query.data?.state === "running";
  return (
    <Card title="Compaction">
      <Answer of={query} what="the ledger's file">
        {(found) => (
          <>
            <p className={styles.said} role="status">
              The ledger’s file has {bytes(found.bytes)};{" "}
              {found.free_bytes > 0
                ? `${bytes(found.free_bytes)} hold nothing any more.`
                : "none of it is free."}
              {found.freed_bytes > 0 && ` ${bytes(found.freed_bytes)} were given back last time.`}
            </p>
            <p className={styles.note}>
              Events stay for good. What was erased or has expired leaves room; this gives it back to the
              disk, a slice at a time beside the work.
            </p>
            <Allowed role="admin">
              <Button
                size="xs"
                variant="default"
                loading={start.isPending || running}
                disabled={found.free_bytes === 0}
                onClick={() => start.mutate(null)}
              >
                Give it back now
              </Button>
            </Allowed>
          </>
        )}
      </Answer>
    </Card>
  );
}

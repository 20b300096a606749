/** Is the server well? Components, backups, figures, and what became of notifications. */
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";
import { problemOf } from "../api/problem";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { bytes } from "../parts/amounts";
import { Badge } from "../parts/Badges";
import { Facts } from "../parts/Facts";
import { Card, Columns, Page } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { span } from "../parts/times";
import { Name } from "../parts/Words";
import { Backups } from "./Backups";
import { Channels } from "./Channels";
import styles from "./operations.module.css";
import { Compaction, Log, Rates } from "./Upkeep";

const EVERY_MS = 5_000;

/** What `/health` tells those who are signed in (docs/http.md); it is no part of the API's document. */
interface Health {
  status: string;
  version: string;
  uptime_seconds: number;
  memory_bytes: number;
  mode?: string;
  ledger_seq?: number;
  components?: { name: string; status: string; detail?: string; since_at?: number }[];
}

async function readHealth(): Promise<Health> {
  const answer = await fetch("/health", { credentials: "same-origin", cache: "no-store" });
  const body: unknown = await answer.json();
  if (body === null || typeof body !== "object" || !("status" in body)) throw problemOf(answer.status, body);
  return body as Health;
}

export default function OperationsPage() {
  const health = useQuery({
    queryKey: ["health"],
    queryFn: readHealth,
    refetchInterval: EVERY_MS,
  });
  const figures = useQuery({
    queryKey: ["figures"],
    queryFn: () => ask(api.GET("/api/v1/metrics")),
    refetchInterval: EVERY_MS,
  });
  return (
    <Page title="Operations" lead="Whether this server is well, what it has done, and who was told.">
      <Columns
        wide={
          <>
            <Answer of={health} what="health">
              {(found) => <Components of={found} />}
            </Answer>
            <Backups />
            <Allowed role="operator">
              <Rates />
            </Allowed>
            <Deliveries />
          </>
        }
        narrow={
          <>
            <Answer of={figures} what="figures">
              {(found) => <Figures of={found} />}
            </Answer>
            <Channels />
            <Allowed role="operator">
              <Log />
              <Compaction />
            </Allowed>
          </>
        }
      />
    </Page>
  );
}

function Components({ of }: { of: Health }) {
  return (
    <Card
      title="Server"
      aside={
        <>
          version {of.version}, up {span(of.uptime_seconds * 1_000)}
        </>
      }
    >
      <p>
        <Badge tone={of.status === "ok" ? "good" : "bad"} dot>
          {of.status}
        </Badge>{" "}
        {of.mode && (
          <Badge tone={of.mode === "NORMAL" ? "plain" : "warn"}>
            {of.mode.toLowerCase().replaceAll("_", " ")}
          </Badge>
        )}{" "}
        {bytes(of.memory_bytes)} of memory{of.ledger_seq ? `, ${of.ledger_seq.toLocaleString()} events` : ""}
      </p>
      <ul className={styles.list}>
        {(of.components ?? []).map((one) => (
          <li key={one.name}>
            <Badge tone={one.status === "ok" ? "good" : one.status === "degraded" ? "warn" : "bad"} dot>
              {one.status}
            </Badge>
            <b>{one.name.replaceAll("_", " ")}</b>
            <span className={styles.grow}>
              <Name text={one.detail ?? ""} charsMax={300} />
            </span>
            {(one.since_at ?? 0) > 0 && <Time at={one.since_at ?? 0} ago />}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Figures({ of }: { of: Wire["MetricsNow"] }) {
  const waiting = Object.values(of.tasks).reduce((sum, lane) => sum + (lane.queued ?? 0), 0);
  const agents = Object.entries(of.agents).map(([state, count]) => `${count} ${state}`);
  return (
    <Card title="Figures" aside={<Time at={of.at} ago />}>
      <Facts
        of={[
          ["Agents", agents.join(", ") || "none"],
          ["Tasks waiting", waiting.toLocaleString()],
          ["Decisions waiting", Object.values(of.decision_queue_depth).reduce((a, b) => a + b, 0)],
          ["Requests", `${of.http_requests.toLocaleString()}, ${of.http_errors.toLocaleString()} failed`],
          ["Answered in", `${of.http_p50_ms} / ${of.http_p95_ms} / ${of.http_p99_ms} ms (p50, p95, p99)`],
          ["Open sockets", of.websocket_connections.toLocaleString()],
          ["Open dashboards", of.streams.toLocaleString()],
        ]}
      />
    </Card>
  );
}

function Deliveries() {
  const query = useQuery({
    queryKey: ["deliveries"],
    queryFn: () => ask(api.GET("/api/v1/notifications/deliveries", { params: { query: { limit: 50 } } })),
    refetchInterval: 15_000,
  });
  return (
    <Card title="What I was told">
      <Answer of={query} what="notifications">
        {({ items }) =>
          items.length ? (
            <ul className={styles.list}>
              {items.map((one) => (
                <li key={`${one.event} ${one.person_id} ${one.created_at}`}>
                  <Badge tone={one.state === "delivered" ? "good" : one.state === "failed" ? "bad" : "plain"}>
                    {one.state.replaceAll("_", " ")}
                  </Badge>
                  <span className={styles.grow}>
                    <Name text={one.title} charsMax={200} />
                    {one.error && (
                      <small>
                        {" "}
                        <Name text={one.error} charsMax={200} />
                      </small>
                    )}
                  </span>
                  <small>
                    <Name text={one.channel} /> <Time at={one.created_at} ago />
                  </small>
                </li>
              ))}
            </ul>
          ) : (
            <Empty title="Nothing yet" icon="send">
              Decisions that wait for you, alerts and escalations are told by your channels.
            </Empty>
          )
        }
      </Answer>
    </Card>
  );
}

/** Kill switches: stop everything or a part, at once; lift it when that is safe. */
import { Button, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Confirm } from "../parts/Confirm";
import { Go, pageOf } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { EaseStop } from "./EaseStop";
import { PolicyNav } from "../policy/PolicyNav";
import styles from "./containment.module.css";
import { type Stop, stopsQuery } from "./queries";

const SCOPES = [
  { value: "agent", label: "one agent" },
  { value: "agent_type", label: "a type of agents" },
  { value: "action_type", label: "a type of actions" },
  { value: "tool", label: "a tool" },
  { value: "lineage", label: "a lineage of tasks" },
  { value: "workflow", label: "a workflow" },
] as const;
type Scope = Wire["RecordStopBody"]["scope"];
const LABELS: Record<string, string> = Object.fromEntries(SCOPES.map((one) => [one.value, one.label]));

export default function StopsPage() {
  const inForce = useQuery(stopsQuery("in_force"));
  const lifted = useQuery(stopsQuery("lifted"));
  return (
    <Page
      title="Kill switches"
      lead="What is stopped starts nothing: at once, whatever was approved, until somebody lifts it."
      back={{ to: "/policy", text: "Trust & policy" }}
    >
      <PolicyNav />
      <Columns
        wide={
          <>
            <Card title="In force" flush>
              <Answer of={inForce} what="kill switches">
                {({ items }) => <Stops of={items} none="Nothing is stopped." />}
              </Answer>
            </Card>
            <Card title="Lifted" flush>
              <Answer of={lifted} what="lifted kill switches">
                {({ items }) => <Stops of={items} none="None was ever lifted." />}
              </Answer>
            </Card>
          </>
        }
        narrow={
          <Allowed role="operator">
            <Throw />
          </Allowed>
        }
      />
    </Page>
  );
}

function Stops({ of, none }: { of: readonly Stop[]; none: string }) {
  if (!of.length) return <p className={styles.none}>{none}</p>;
  return (
    <ul className={styles.stops}>
      {of.map((one) => (
        <li key={one.stop_id}>
          <div>
            <b>{one.scope === "organisation" ? "Everything" : (LABELS[one.scope] ?? one.scope)}</b>{" "}
            {one.target &&
              (pageOf(one.target) ? (
                <Go to={pageOf(one.target)}>{one.target}</Go>
              ) : (
                <Name text={one.target} />
              ))}
            <div className={styles.note}>
              <Name text={one.reason} charsMax={300} />, <Time at={one.effective_at} ago />
              {(one.eased ?? []).map((stage) => (
                <span key={`${stage.scope} ${stage.target}`}>
                  {" "}
                  · let through: {LABELS[stage.scope] ?? stage.scope} <Name text={stage.target} />
                </span>
              ))}
            </div>
          </div>
          {one.lifted_at ? <Time at={one.lifted_at} ago /> : <Lift stop={one} />}
        </li>
      ))}
    </ul>
  );
}

function Lift({ stop }: { stop: Stop }) {
  const [asking, setAsking] = useState(false);
  const [easing, setEasing] = useState(false);
  const lift = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/stops/{stop}/lift", {
          params: { path: { stop: stop.stop_id }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches: [["stops"]],
    done: () => "Lifted",
    onDone: () => setAsking(false),
  });
  return (
    <Allowed role="supervisor">
      <Button size="xs" variant="default" onClick={() => setEasing(true)}>
        Ease
      </Button>
      <EaseStop stop={stop.stop_id} open={easing} onClose={() => setEasing(false)} />
      <Button size="xs" variant="default" onClick={() => setAsking(true)}>
        Lift
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Lift this kill switch?"
        action="Lift"
        reason="needed"
        busy={lift.isPending}
        onConfirm={(reason) => lift.mutate(reason)}
      >
        Whoever threw it cannot lift it alone: somebody else has to. Grants that were given before stay void
        where the stop revoked them; agents may ask again.
      </Confirm>
    </Allowed>
  );
}

function Throw() {
  const [scope, setScope] = useState<Scope>("agent");
  const [target, setTarget] = useState("");
  const [asking, setAsking] = useState<"everything" | "part" | null>(null);
  const record = useCommand({
    run: (body: Wire["RecordStopBody"], key) =>
      ask(api.POST("/api/v1/stops", { params: { header: { "Idempotency-Key": key } }, body })),
    touches: [["stops"]],
    done: () => "Stopped",
    onDone: () => {
      setAsking(null);
      setTarget("");
    },
  });
  return (
    <>
      <Card title="Stop everything">
        <p className={styles.note}>
          No agent of the organisation starts anything any more, within two seconds.
        </p>
        <Button
          mt="sm"
          fullWidth
          color="bad"
          leftSection={<Icon name="stop" size={16} />}
          onClick={() => setAsking("everything")}
        >
          Stop everything
        </Button>
      </Card>
      <Card title="Stop a part">
        <Select
          label="What"
          allowDeselect={false}
          data={[...SCOPES]}
          value={scope}
          onChange={(value) => setScope((value ?? "agent") as Scope)}
        />
        <TextInput
          mt="sm"
          label={scope === "agent" ? "Its id" : "Its name or id"}
          maxLength={128}
          value={target}
          onChange={(event) => setTarget(event.currentTarget.value)}
        />
        <Button
          mt="md"
          variant="outline"
          color="bad"
          fullWidth
          disabled={!target.trim()}
          onClick={() => setAsking("part")}
        >
          Stop it
        </Button>
      </Card>
      <Confirm
        open={asking !== null}
        onClose={() => setAsking(null)}
        title={asking === "everything" ? "Stop everything?" : `Stop ${LABELS[scope] ?? scope} ${target}?`}
        action="Stop now"
        danger
        reason="needed"
        busy={record.isPending}
        onConfirm={(reason) =>
          record.mutate(
            asking === "everything"
              ? { scope: "organisation", reason }
              : { scope, target: target.trim(), reason },
          )
        }
      >
        Running work is told to stop, nothing new starts. It stays so until somebody lifts it.
      </Confirm>
    </>
  );
}

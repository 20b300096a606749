/** One agent: what it is, how far it is trusted and why, its work, versions, limits and keys; chat, quarantine, release. */
import { Button, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { State, Tier } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Facts, Id } from "../parts/Facts";
import { useFilters } from "../parts/filters";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./agents.module.css";
import { AgentDecisions, AgentTasks } from "./AgentWork";
import { ChatBeside } from "./ChatBeside";
import { Keys } from "./Keys";
import { Limits } from "./Limits";
import { agentQuery } from "./queries";
import { Trust } from "./Trust";
import { Versions } from "./Versions";

export default function AgentPage() {
  const { agent = "" } = useParams({ strict: false });
  const query = useQuery(agentQuery(agent));
  return (
    <Answer of={query} what="the agent">
      {(detail) => <Agent detail={detail} />}
    </Answer>
  );
}

function Agent({ detail }: { detail: Wire["AgentDetail"] }) {
  const { agent } = detail;
  const [filters, setFilters] = useFilters();
  return (
    <Page
      title={<Name text={agent.name} />}
      tab={agent.name}
      back={{ to: "/agents", text: "Agents" }}
      lead={
        <>
          <State of={agent.state} /> <Tier of={agent.tier} />{" "}
          {detail.quarantine_reason && (
            <>
              · <Name text={detail.quarantine_reason} />
            </>
          )}
        </>
      }
      actions={
        <>
          {agent.state !== "retired" && <ChatBeside agent={agent} />}
          <Switches agent={agent} />
        </>
      }
    >
      <Columns
        wide={
          <>
            <Card title="Trust">
              <Trust agent={agent.agent_id} />
            </Card>
            <Card flush>
              <Tabs
                value={filters.tab ?? "tasks"}
                onChange={(tab) => setFilters({ tab: tab ?? "", version: "", against: "" })}
                keepMounted={false}
              >
                <Tabs.List px="md" className={styles.tabs}>
                  <Tabs.Tab value="tasks">Tasks</Tabs.Tab>
                  <Tabs.Tab value="decisions">Decisions</Tabs.Tab>
                  <Tabs.Tab value="versions">Versions</Tabs.Tab>
                  <Tabs.Tab value="limits">Limits</Tabs.Tab>
                  <Tabs.Tab value="keys">Keys</Tabs.Tab>
                </Tabs.List>
                <Tabs.Panel value="tasks">
                  <AgentTasks agent={agent.agent_id} />
                </Tabs.Panel>
                <Tabs.Panel value="decisions">
                  <AgentDecisions agent={agent.agent_id} />
                </Tabs.Panel>
                <Tabs.Panel value="versions">
                  <Versions agent={agent} />
                </Tabs.Panel>
                <Tabs.Panel value="limits">
                  <Limits agent={agent.agent_id} />
                </Tabs.Panel>
                <Tabs.Panel value="keys">
                  <Keys agent={agent.agent_id} of={detail.keys} />
                </Tabs.Panel>
              </Tabs>
            </Card>
          </>
        }
        narrow={<About detail={detail} />}
      />
    </Page>
  );
}

function About({ detail }: { detail: Wire["AgentDetail"] }) {
  const { agent } = detail;
  return (
    <Card title="About">
      <Facts
        of={[
          ["Id", <Id key="id" of={agent.agent_id} />],
          ["Code", agent.structured_id],
          ["Type", <Name key="type" text={agent.type} />],
          ["Capabilities", <Names key="can" of={agent.capabilities} />],
          ["Tools", <Names key="tools" of={agent.tools} />],
          ["Skills", <Names key="skills" of={detail.skills} />],
          ["Version", `${agent.version || "unnamed"} (number ${agent.version_number})`],
          ["Owner", agent.owner ? <Id key="owner" of={agent.owner} /> : "the system"],
          ["Registered", <Time key="at" at={agent.registered_at} />],
        ]}
      />
    </Card>
  );
}

function Names({ of }: { of: readonly string[] }) {
  if (!of.length) return <>none</>;
  return <Name text={of.join(", ")} charsMax={400} />;
}

function Switches({ agent }: { agent: Wire["AgentItem"] }) {
  const [asking, setAsking] = useState(false);
  const held = agent.state === "quarantined";
  const change = useCommand({
    run: (reason: string, key) => {
      const params = { path: { agent: agent.agent_id }, header: { "Idempotency-Key": key } };
      return ask(
        held
          ? api.POST("/api/v1/agents/{agent}/release", { params, body: { reason } })
          : api.POST("/api/v1/agents/{agent}/quarantine", { params, body: { reason } }),
      );
    },
    touches: [["agent", agent.agent_id], ["agents"]],
    done: () => (held ? "Released: it may work again" : "Quarantined: it starts nothing any more"),
    onDone: () => setAsking(false),
  });
  if (agent.state === "retired") return null;
  return (
    <Allowed role={held ? "supervisor" : "operator"}>
      <Button variant="default" onClick={() => setAsking(true)}>
        {held ? "Release" : "Quarantine"}
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={held ? "Release this agent?" : "Quarantine this agent?"}
        action={held ? "Release" : "Quarantine"}
        danger={!held}
        reason="needed"
        busy={change.isPending}
        onConfirm={(reason) => change.mutate(reason)}
      >
        {held
          ? "It may take tasks and ask for actions again."
          : "It keeps its connection but starts nothing: its tasks go back to the queue, and every action it asks for is denied."}
      </Confirm>
    </Allowed>
  );
}

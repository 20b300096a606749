/** What a stop is about: its scope, and the agent, type, tool or workflow where the scope asks for one. */
import { Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { plain } from "../parts/odd";
import { scopeSaid } from "./scopes";
import { agentNamesQuery } from "../parts/names";

export type ScopeName = Wire["RecordStopBody"]["scope"];
export const NARROW = ["agent", "agent_type", "lineage", "action_type", "tool", "workflow"] as const;

const TARGETS: Partial<Record<ScopeName, { label: string; placeholder: string }>> = {
  agent_type: { label: "Type of the agents", placeholder: "executor" },
  action_type: { label: "Type of the actions", placeholder: "payment.send" },
  tool: { label: "Tool", placeholder: "bank" },
  workflow: { label: "Workflow", placeholder: "its name or id" },
};

export function Scope<Chosen extends ScopeName>({
  scopes,
  scope,
  target,
  error,
  onChange,
}: {
  scopes: readonly Chosen[];
  scope: Chosen;
  target: string;
  error?: string | undefined;
  onChange: (scope: Chosen, target: string) => void;
}) {
  const agents = useQuery(agentNamesQuery);
  const words = TARGETS[scope];
  return (
    <>
      <Select
        label="What"
        allowDeselect={false}
        data={scopes.map((one) => ({ value: one, label: scopeSaid(one) }))}
        value={scope}
        onChange={(wanted) => {
          const chosen = scopes.find((one) => one === wanted);
          if (chosen) onChange(chosen, "");
        }}
      />
      {(scope === "agent" || scope === "lineage") && (
        <Select
          label="Agent"
          searchable
          placeholder="Name or id"
          nothingFoundMessage="No agent of that name"
          error={error}
          data={(agents.data?.items ?? []).map((one) => ({ value: one.agent_id, label: plain(one.name) }))}
          value={target || null}
          onChange={(wanted) => onChange(scope, wanted ?? "")}
        />
      )}
      {words && (
        <TextInput
          label={words.label}
          placeholder={words.placeholder}
          error={error}
          value={target}
          onChange={(event) => onChange(scope, event.currentTarget.value)}
        />
      )}
    </>
  );
}

/** What a stop is about, in words. */

const SCOPES: Record<string, string> = {
  organisation: "Everything",
  agent: "Agent",
  agent_type: "Agents of type",
  lineage: "An agent and all it has spawned",
  action_type: "Actions of type",
  tool: "Tool",
  workflow: "Workflow",
};

export function scopeSaid(scope: string): string {
  return SCOPES[scope] ?? scope;
}

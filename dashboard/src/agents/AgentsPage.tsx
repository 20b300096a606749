/** The list of agents: state, tier, load; filters in the URL. The model for other lists. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { State, Tier } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import { type Column, Listing } from "../parts/Listing";
import { Page } from "../parts/Page";
import { PickFilter, SearchFilter } from "../parts/Pick";
import { SavedViews } from "../parts/SavedViews";
import { Empty } from "../parts/states";
import { Name } from "../parts/Words";
import { type Agent, agentsQuery, states } from "./queries";
import { RegisterAgent } from "./RegisterAgent";

const columns: readonly Column<Agent>[] = [
  {
    id: "name",
    title: "Agent",
    value: (agent) => agent.name,
    cell: (agent) => <Name text={agent.name} />,
    width: "minmax(150px, 1.6fr)",
    phone: "title",
  },
  {
    id: "state",
    title: "State",
    value: (agent) => agent.state,
    cell: (agent) => <State of={agent.state} />,
    width: "128px",
    phone: "aside",
  },
  {
    id: "tier",
    title: "Tier",
    value: (agent) => agent.tier,
    cell: (agent) => <Tier of={agent.tier} />,
    width: "126px",
    phone: "line",
  },
  {
    id: "score",
    title: "Trust",
    value: (agent) => agent.score,
    width: "64px",
    right: true,
    phone: "line",
  },
  {
    id: "tasks_open",
    title: "Open tasks",
    value: (agent) => agent.tasks_open,
    width: "88px",
    right: true,
  },
  {
    id: "type",
    title: "Type",
    value: (agent) => agent.type,
    cell: (agent) => <Name text={agent.type} />,
    width: "minmax(80px, 0.8fr)",
    phone: "line",
  },
  {
    id: "capabilities",
    title: "Capabilities",
    value: (agent) => agent.capabilities.join(" "),
    cell: (agent) => <Name text={agent.capabilities.join(", ")} />,
    width: "minmax(140px, 1.6fr)",
  },
  { id: "structured_id", title: "Code", value: (agent) => agent.structured_id, width: "80px" },
];

export default function AgentsPage() {
  const [filters] = useFilters();
  const [registering, setRegistering] = useState(false);
  const query = useInfiniteQuery(agentsQuery({ state: filters.state, type: filters.type }));
  const wanted = (filters.q ?? "").toLowerCase();
  return (
    <Page
      title="Agents"
      lead="Who is connected, what they are doing, and how far each is trusted."
      actions={
        <Allowed role="operator">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setRegistering(true)}>
            Register
          </Button>
        </Allowed>
      }
    >
      <Answer of={query} what="agents">
        {(data) => (
          <Listing
            name="agents"
            rows={data.pages.flatMap((page) => page.items).filter((agent) => matches(agent, wanted))}
            columns={columns}
            idOf={(agent) => agent.agent_id}
            to={(agent) => `/agents/${agent.agent_id}`}
            more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
            toolbar={
              <>
                <SearchFilter label="Name, code or capability" />
                <PickFilter name="state" label="State" options={states} />
                <SavedViews
                  list="agents"
                  given={[{ name: "Quarantined", filters: { state: "quarantined" } }]}
                />
              </>
            }
            empty={
              wanted || filters.state ? (
                <Empty title="No agent matches" icon="filter">
                  Change the filters, or choose “Everything” among the saved views.
                </Empty>
              ) : (
                <Empty title="No agents yet" icon="agents">
                  Register one, give its key to your program, and it appears here as soon as it connects.
                </Empty>
              )
            }
          />
        )}
      </Answer>
      <RegisterAgent open={registering} onClose={() => setRegistering(false)} />
    </Page>
  );
}

export function matches(agent: Agent, wanted: string): boolean {
  if (!wanted) return true;
  return [agent.name, agent.structured_id, agent.agent_id, agent.type, ...agent.capabilities].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

/** Every action that was judged, newest first: what ran by itself, what people were asked, what was denied. */
import { Select } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Answer } from "../parts/Answer";
import { levelWord, State } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Go, pageOf } from "../parts/Go";
import { type Column, Listing } from "../parts/Listing";
import { agentNamesQuery } from "../parts/names";
import { plain } from "../parts/odd";
import { Page } from "../parts/Page";
import { PickFilter, SearchFilter } from "../parts/Pick";
import { SavedViews } from "../parts/SavedViews";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { type Action, actionsQuery, BY, decidedBy, narrows, SINCE, STATUSES } from "./acted";
import { judged } from "./columns";

const LEVELS = [0, 1, 2, 3, 4].map((level) => ({
  value: String(level),
  label: `${level} · ${levelWord(level)}`,
}));

const columns: readonly Column<Action>[] = [
  ...judged,
  { id: "by", title: "Decided by", value: decidedBy, width: "minmax(96px, 0.8fr)", phone: "line" },
  {
    id: "status",
    title: "Status",
    value: (one) => one.status,
    cell: (one) => <State of={one.status} />,
    width: "116px",
    phone: "aside",
  },
  {
    id: "decided_at",
    title: "Asked",
    value: (one) => one.decided_at,
    cell: (one) => <Time at={one.decided_at} ago />,
    width: "110px",
    phone: "line",
  },
];

export default function ActionsPage() {
  const [filters, change] = useFilters();
  const query = useInfiniteQuery(actionsQuery(filters));
  const wanted = (filters.q ?? "").toLowerCase();
  const matches = (one: Action) =>
    !wanted ||
    [one.type, one.tool, one.agent_name, one.action_id].some((text) => text.toLowerCase().includes(wanted));
  return (
    <Page
      title="Actions"
      lead="Everything agents asked to do, and what became of it."
      actions={<Go to="/decisions/analytics">Analytics</Go>}
      back={{ to: "/decisions", text: "Decisions" }}
    >
      <Answer of={query} what="actions">
        {(data) => (
          <Listing
            name="actions"
            rows={data.pages.flatMap((page) => page.items).filter(matches)}
            columns={columns}
            idOf={(one) => one.action_id}
            to={(one) => pageOf(one.decision_id) || pageOf(one.action_id)}
            more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
            toolbar={
              <>
                <SearchFilter label="Type, tool or agent" />
                <PickFilter name="status" label="Status" options={STATUSES} width={120} />
                <PickFilter name="level" label="Level" options={LEVELS} width={130} />
                <PickFilter name="by" label="Decided by" options={BY} width={120} />
                <AgentFilter />
                <SearchFilter name="type" label="Exactly this type" />
                {filters.day ? (
                  <Day day={filters.day} onClear={() => change({ day: "" })} />
                ) : (
                  <PickFilter name="since" label="Since" options={SINCE} width={140} />
                )}
                <SavedViews
                  list="actions"
                  given={[
                    { name: "Failed", filters: { status: "failed" } },
                    { name: "By themselves, today", filters: { by: "automatic", since: "24h" } },
                    { name: "Denied", filters: { status: "denied" } },
                  ]}
                />
              </>
            }
            empty={
              wanted || narrows(filters) ? (
                <Empty title="No action matches" icon="filter">
                  Change the filters, or choose “Everything” among the saved views.
                </Empty>
              ) : (
                <Empty title="No actions yet" icon="decisions">
                  What agents ask to do appears here, whoever decides on it.
                </Empty>
              )
            }
          />
        )}
      </Answer>
    </Page>
  );
}

function AgentFilter() {
  const [filters, change] = useFilters();
  const agents = useQuery(agentNamesQuery);
  return (
    <Select
      size="xs"
      w={150}
      aria-label="Agent"
      placeholder="Agent"
      clearable
      searchable
      nothingFoundMessage="No agent of that name"
      data={(agents.data?.items ?? []).map((one) => ({ value: one.agent_id, label: plain(one.name) }))}
      value={filters.agent ?? null}
      onChange={(agent) => change({ agent: agent ?? "" })}
    />
  );
}

/** The day that the analytics led here from. */
function Day({ day, onClear }: { day: string; onClear: () => void }) {
  return (
    <Select
      size="xs"
      w={140}
      aria-label="Day (UTC)"
      clearable
      data={[day]}
      value={day}
      onChange={(wanted) => wanted || onClear()}
    />
  );
}

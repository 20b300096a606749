/** Every decision, newest first; each leads to its page with the whole story. */
import { infiniteQueryOptions, useInfiniteQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Go } from "../parts/Go";
import { type Column, Listing } from "../parts/Listing";
import { Page } from "../parts/Page";
import { PickFilter, SearchFilter } from "../parts/Pick";
import { SavedViews } from "../parts/SavedViews";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { span } from "../parts/times";
import type { Decision } from "../inbox/queries";
import { judged } from "./columns";

const STATUSES = ["pending", "approved", "denied", "expired", "cancelled"] as const;
const URGENCIES = ["low", "normal", "high", "immediate"] as const;

function historyQuery(status: string | undefined, urgency: string | undefined) {
  const wanted = STATUSES.find((one) => one === status);
  return infiniteQueryOptions({
    queryKey: ["decisions", "history", wanted ?? "", urgency ?? ""],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/api/v1/decisions", {
          params: {
            query: {
              limit: 200,
              ...(pageParam ? { cursor: pageParam } : {}),
              ...(wanted ? { status: wanted } : {}),
              ...(urgency ? { urgency } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.next,
    // What waits is ordered by time left, which moves: only the others may be read by their pages.
    ...(wanted !== "pending" ? { meta: { rowId: "decision_id" } } : {}),
  });
}

function tookMs(one: Decision): number {
  return one.decided_at ? (one.decided_at - one.opened_at) / 1_000 : 0;
}

const columns: readonly Column<Decision>[] = [
  ...judged,
  {
    id: "status",
    title: "Status",
    value: (one) => one.status,
    cell: (one) => <State of={one.forced_by.length ? "forced" : one.status} />,
    width: "116px",
    phone: "aside",
  },
  {
    id: "opened_at",
    title: "Asked",
    value: (one) => one.opened_at,
    cell: (one) => <Time at={one.opened_at} ago />,
    width: "110px",
    phone: "line",
  },
  {
    id: "took",
    title: "Took",
    value: tookMs,
    cell: (one) => (one.decided_at ? span(tookMs(one)) : "waits"),
    width: "96px",
    right: true,
  },
];

export default function DecisionsPage() {
  const [filters] = useFilters();
  const query = useInfiniteQuery(historyQuery(filters.status, filters.urgency));
  const wanted = (filters.q ?? "").toLowerCase();
  const matches = (one: Decision) =>
    !wanted ||
    [one.type, one.tool, one.agent_name, one.decision_id].some((text) => text.toLowerCase().includes(wanted));
  return (
    <Page
      title="Decisions"
      lead="What people were asked, what they said, and how long it took."
      actions={
        <>
          <Go to="/decisions/actions">All actions</Go> <Go to="/decisions/analytics">Analytics</Go>
        </>
      }
    >
      <Answer of={query} what="decisions">
        {(data) => (
          <Listing
            name="decisions"
            rows={data.pages.flatMap((page) => page.items).filter(matches)}
            columns={columns}
            idOf={(one) => one.decision_id}
            to={(one) => `/inbox/${one.decision_id}`}
            more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
            toolbar={
              <>
                <SearchFilter label="Type, tool or agent" />
                <PickFilter name="status" label="Status" options={STATUSES} width={130} />
                <PickFilter name="urgency" label="Urgency" options={URGENCIES} width={130} />
                <SavedViews list="decisions" given={[{ name: "Denied", filters: { status: "denied" } }]} />
              </>
            }
            empty={
              wanted || filters.status || filters.urgency ? (
                <Empty title="No decision matches" icon="filter">
                  Change the filters, or choose “Everything” among the saved views.
                </Empty>
              ) : (
                <Empty title="No decisions yet" icon="decisions">
                  Nothing has needed people so far. What they decide is kept here for good.
                </Empty>
              )
            }
          />
        )}
      </Answer>
    </Page>
  );
}

/** The ledger: whether it is intact, its events, exports. */
import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import { type Column, Listing } from "../parts/Listing";
import { Columns, Page } from "../parts/Page";
import { SearchFilter } from "../parts/Pick";
import { SavedViews } from "../parts/SavedViews";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./audit.module.css";
import { Exports } from "./Exports";
import { envelope, eventsQuery, headQuery, type Recorded } from "./queries";
import { OnTheServer, Verification } from "./Verification";

const columns: readonly Column<Recorded>[] = [
  { id: "seq", title: "Seq", value: (item) => item.seq, width: "84px", right: true, phone: "aside" },
  {
    id: "type",
    title: "Event",
    value: (item) => envelope(item).type,
    cell: (item) => <Type of={envelope(item).type} />,
    width: "minmax(170px, 1.6fr)",
    phone: "title",
  },
  {
    id: "subject",
    title: "About",
    value: (item) => `${envelope(item).subject.kind} ${envelope(item).subject.id}`,
    width: "minmax(110px, 1fr)",
    phone: "line",
  },
  {
    id: "actor",
    title: "By",
    value: (item) => envelope(item).actor.id || envelope(item).actor.kind,
    cell: (item) => <Name text={envelope(item).actor.id || envelope(item).actor.kind} />,
    width: "minmax(120px, 1.2fr)",
    phone: "line",
  },
  {
    id: "at",
    title: "At",
    value: (item) => envelope(item).at,
    cell: (item) => <Time at={envelope(item).at} />,
    width: "140px",
    right: true,
    phone: "line",
  },
];

function Type({ of }: { of: string }) {
  const [name = of, version] = of.split("/");
  return (
    <>
      {name} {version && version !== "1" && <Badge>v{version}</Badge>}
    </>
  );
}

export default function AuditPage() {
  const navigate = useNavigate();
  return (
    <Page
      title="Audit"
      lead="The one record: append-only, chained, signed. Check it here, or export it and check it anywhere."
      actions={
        <Button
          variant="default"
          leftSection={<Icon name="clock" size={16} />}
          onClick={() => void navigate({ to: "/audit/replay" })}
        >
          As it was
        </Button>
      }
    >
      <div className={styles.top}>
        <Columns
          wide={<Verification />}
          narrow={
            <>
              <OnTheServer />
              <Exports />
            </>
          }
        />
      </div>
      <Events />
    </Page>
  );
}

/** As of when it was opened; what happened since is one click away, so that rows do not jump while they are read. */
function Events() {
  const head = useQuery(headQuery);
  const [from, setFrom] = useState(0);
  const newest = head.data?.seq ?? 0;
  const start = from || newest;
  const [filters] = useFilters();
  const query = useInfiniteQuery({ ...eventsQuery(start), enabled: start > 0 });
  const wanted = (filters.q ?? "").toLowerCase();
  return (
    <Answer of={query} what="events">
      {(data) => (
        <Listing
          name="events"
          rows={data.pages.flatMap((page) => page.items).filter((item) => matches(item, wanted))}
          columns={columns}
          idOf={(item) => String(item.seq)}
          to={(item) => `/audit/events/${item.seq}`}
          more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
          height="70dvh"
          toolbar={
            <>
              <SearchFilter label="Type, subject or actor" />
              <SavedViews
                list="events"
                given={[
                  { name: "Decisions of people", filters: { q: "decision." } },
                  { name: "Policy", filters: { q: "policy." } },
                  { name: "Who signed in", filters: { q: "person." } },
                ]}
              />
              {newest > start && (
                <Button size="xs" variant="default" onClick={() => setFrom(newest)}>
                  {newest - start} newer
                </Button>
              )}
            </>
          }
          empty={
            <Empty title="No event matches" icon="filter">
              Only what is loaded is searched; scroll for more, or export the ledger.
            </Empty>
          }
        />
      )}
    </Answer>
  );
}

export function matches(item: Recorded, wanted: string): boolean {
  if (!wanted) return true;
  const { type, subject, actor } = envelope(item);
  return [type, `${subject.kind} ${subject.id}`, actor.id, actor.kind].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

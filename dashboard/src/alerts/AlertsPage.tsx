/** What is wrong now, and what was: alerts, and the anomalies that were found in what agents do. */
import { SegmentedControl } from "@mantine/core";
import { type InfiniteData, useInfiniteQuery, type UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Answer } from "../parts/Answer";
import { Badge, State, type Tone } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { type Column, Listing } from "../parts/Listing";
import { Page } from "../parts/Page";
import { PickFilter } from "../parts/Pick";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { type Alert, alertsQuery, anomaliesQuery, type Anomaly, statuses } from "./queries";

const TONES: Record<string, Tone> = { critical: "bad", warning: "warn", info: "info" };

export function Severity({ of }: { of: string }) {
  return <Badge tone={TONES[of] ?? "plain"}>{of}</Badge>;
}

/** Where an alert and an anomaly stand, the same in both lists. */
function statusColumn<Row extends { status: string }>(): Column<Row> {
  return {
    id: "status",
    title: "Status",
    value: (one) => one.status,
    cell: (one) => <State of={one.status} />,
    width: "136px",
    phone: "aside",
  };
}

function instantColumn<Row>(id: string, title: string, at: (row: Row) => number): Column<Row> {
  return { id, title, value: at, cell: (one) => <Time at={at(one)} ago />, width: "120px", phone: "line" };
}

/** A text that somebody else may have written. */
function textColumn<Row>(column: {
  id: string;
  title: string;
  text: (row: Row) => string;
  width: string;
  phone?: NonNullable<Column<Row>["phone"]>;
  charsMax?: number;
  /** Said where there is no text. */
  none?: string;
}): Column<Row> {
  const { id, title, text, width, phone, charsMax, none = "" } = column;
  return {
    id,
    title,
    value: text,
    cell: (one) => <Name text={text(one) || none} {...(charsMax ? { charsMax } : {})} />,
    width,
    ...(phone ? { phone } : {}),
  };
}

const ALERTS: readonly Column<Alert>[] = [
  {
    id: "severity",
    title: "Severity",
    value: (one) => one.severity,
    cell: (one) => <Severity of={one.severity} />,
    width: "104px",
    phone: "line",
  },
  textColumn({
    id: "title",
    title: "Alert",
    text: (one) => one.title,
    width: "minmax(240px, 3fr)",
    phone: "title",
    charsMax: 200,
  }),
  statusColumn(),
  instantColumn("raised_at", "Raised", (one) => one.raised_at),
  textColumn({
    id: "acknowledged_by",
    title: "Looked after by",
    text: (one) => one.acknowledged_by,
    none: "nobody yet",
    width: "minmax(110px, 1fr)",
  }),
];

const ANOMALIES: readonly Column<Anomaly>[] = [
  {
    id: "what",
    title: "Anomaly",
    value: (one) => one.what,
    cell: (one) => one.what.replaceAll("_", " "),
    width: "minmax(150px, 1.5fr)",
    phone: "title",
  },
  textColumn({
    id: "about",
    title: "About",
    text: (one) => one.about,
    width: "minmax(110px, 1.2fr)",
    phone: "line",
  }),
  {
    id: "measured",
    title: "Measured",
    value: (one) => one.measured,
    cell: (one) => `${one.measured} of ${one.threshold} ${one.unit}`,
    width: "minmax(140px, 1fr)",
    phone: "line",
  },
  statusColumn(),
  instantColumn("found_at", "Found", (one) => one.found_at),
];

/** What both lists have in common: paging, the filter by status, ways to one. */
function Found<Row>({
  name,
  query,
  columns,
  idOf,
  folder,
  empty,
}: {
  name: string;
  query: UseInfiniteQueryResult<InfiniteData<{ items: Row[] }>>;
  columns: readonly Column<Row>[];
  idOf: (row: Row) => string;
  folder: string;
  empty: ReactNode;
}) {
  return (
    <Answer of={query} what={name}>
      {(data) => (
        <Listing
          name={name}
          rows={data.pages.flatMap((page) => page.items)}
          columns={columns}
          idOf={idOf}
          to={(one) => `${folder}/${idOf(one)}`}
          more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
          toolbar={<PickFilter name="status" label="Status" options={statuses} />}
          empty={empty}
        />
      )}
    </Answer>
  );
}

export default function AlertsPage() {
  const [filters, setFilters] = useFilters();
  const anomalies = filters.show === "anomalies";
  return (
    <Page
      title="Alerts"
      lead="What is wrong, what shows it, and who looks after it."
      actions={
        <SegmentedControl
          aria-label="What to show"
          value={anomalies ? "anomalies" : "alerts"}
          onChange={(show) => setFilters({ show: show === "alerts" ? "" : show, sort: "" })}
          data={[
            { value: "alerts", label: "Alerts" },
            { value: "anomalies", label: "Anomalies" },
          ]}
        />
      }
    >
      {anomalies ? <Anomalies /> : <Alerts />}
    </Page>
  );
}

function Alerts() {
  const [filters] = useFilters();
  return (
    <Found
      name="alerts"
      query={useInfiniteQuery(alertsQuery(filters.status))}
      columns={ALERTS}
      idOf={(one) => one.alert_id}
      folder="/alerts"
      empty={
        <Empty title={filters.status ? "None of this status" : "No alerts"} icon="check">
          When something needs somebody's eye, it appears here by itself and stays until it is over.
        </Empty>
      }
    />
  );
}

function Anomalies() {
  const [filters] = useFilters();
  return (
    <Found
      name="anomalies"
      query={useInfiniteQuery(anomaliesQuery(filters.status))}
      columns={ANOMALIES}
      idOf={(one) => one.anomaly_id}
      folder="/alerts/anomalies"
      empty={
        <Empty title={filters.status ? "None of this status" : "Nothing unusual"} icon="check">
          What agents do is compared with what they and others did before; what stands out appears here.
        </Empty>
      }
    />
  );
}

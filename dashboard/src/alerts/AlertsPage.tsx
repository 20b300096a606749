/** What is wrong now, and what was: alerts, and the anomalies that were found in what agents do. */
import { SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
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

const ALERTS: readonly Column<Alert>[] = [
  {
    id: "severity",
    title: "Severity",
    value: (one) => one.severity,
    cell: (one) => <Severity of={one.severity} />,
    width: "104px",
    phone: "line",
  },
  {
    id: "title",
    title: "Alert",
    value: (one) => one.title,
    cell: (one) => <Name text={one.title} charsMax={200} />,
    width: "minmax(240px, 3fr)",
    phone: "title",
  },
  {
    id: "status",
    title: "Status",
    value: (one) => one.status,
    cell: (one) => <State of={one.status} />,
    width: "136px",
    phone: "aside",
  },
  {
    id: "raised_at",
    title: "Raised",
    value: (one) => one.raised_at,
    cell: (one) => <Time at={one.raised_at} ago />,
    width: "120px",
    phone: "line",
  },
  {
    id: "acknowledged_by",
    title: "Looked after by",
    value: (one) => one.acknowledged_by,
    cell: (one) => <Name text={one.acknowledged_by || "nobody yet"} />,
    width: "minmax(110px, 1fr)",
  },
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
  {
    id: "about",
    title: "About",
    value: (one) => one.about,
    cell: (one) => <Name text={one.about} />,
    width: "minmax(110px, 1.2fr)",
    phone: "line",
  },
  {
    id: "measured",
    title: "Measured",
    value: (one) => one.measured,
    cell: (one) => `${one.measured} of ${one.threshold} ${one.unit}`,
    width: "minmax(140px, 1fr)",
    phone: "line",
  },
  {
    id: "status",
    title: "Status",
    value: (one) => one.status,
    cell: (one) => <State of={one.status} />,
    width: "136px",
    phone: "aside",
  },
  {
    id: "found_at",
    title: "Found",
    value: (one) => one.found_at,
    cell: (one) => <Time at={one.found_at} ago />,
    width: "120px",
  },
];

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
  const query = useInfiniteQuery(alertsQuery(filters.status));
  return (
    <Answer of={query} what="alerts">
      {(data) => (
        <Listing
          name="alerts"
          rows={data.pages.flatMap((page) => page.items)}
          columns={ALERTS}
          idOf={(one) => one.alert_id}
          to={(one) => `/alerts/${one.alert_id}`}
          more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
          toolbar={<PickFilter name="status" label="Status" options={statuses} />}
          empty={
            <Empty title={filters.status ? "None of this status" : "No alerts"} icon="check">
              When something needs somebody's eye, it appears here by itself and stays until it is over.
            </Empty>
          }
        />
      )}
    </Answer>
  );
}

function Anomalies() {
  const [filters] = useFilters();
  const query = useInfiniteQuery(anomaliesQuery(filters.status));
  return (
    <Answer of={query} what="anomalies">
      {(data) => (
        <Listing
          name="anomalies"
          rows={data.pages.flatMap((page) => page.items)}
          columns={ANOMALIES}
          idOf={(one) => one.anomaly_id}
          to={(one) => `/alerts/anomalies/${one.anomaly_id}`}
          more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
          toolbar={<PickFilter name="status" label="Status" options={statuses} />}
          empty={
            <Empty title={filters.status ? "None of this status" : "Nothing unusual"} icon="check">
              What agents do is compared with what they and others did before; what stands out appears here.
            </Empty>
          }
        />
      )}
    </Answer>
  );
}

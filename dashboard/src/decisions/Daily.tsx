/** A report by day: a chart whose points lead to what is behind them, and the same as a table. */
import { SegmentedControl } from "@mantine/core";
import { useInfiniteQuery, type UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { RiskBadge, State } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Go, pageOf } from "../parts/Go";
import { type Column, Listing } from "../parts/Listing";
import { Card } from "../parts/Page";
import { dayOf, type Line, Series } from "../parts/Series";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { behindQuery, fromAt } from "./analytics";
import styles from "./analytics.module.css";
import { byDay } from "./daily";

/** One line of the chart and one column of the table. */
export interface Figure<Row> {
  name: string;
  /** Null: there was nothing to measure. */
  value: (row: Row) => number | null;
  colour?: string;
  as?: Line["as"];
  /** Of a day on which nothing happened; default null. */
  nothing?: number;
}

interface DailyProps<Row> {
  of: UseQueryResult<{ items: readonly Row[] }>;
  days: number;
  title: string;
  /** What a screen reader calls it. */
  label: string;
  figures: readonly Figure<Row>[];
  say: (value: number) => string;
  max?: number;
  steps?: readonly number[];
  /** A line at this value: what is aimed at. */
  target?: number;
  report: Report;
  /** What can be looked at behind a day: the server's name of the number, and ours. */
  behind: readonly (readonly [string, string])[];
}

export type Report = "automation" | "decisions" | "overrides" | "reviewers";

export function Daily<Row extends { key: string }>(props: DailyProps<Row>) {
  const { of, days, title, label, figures, say, max, steps, target, report, behind } = props;
  const [filters, setFilters] = useFilters();
  const items = of.data?.items;
  const daily = useMemo(() => byDay(items ?? [], fromAt(days)), [items, days]);
  const lines = useMemo(() => {
    const measured: Line[] = figures.map((one) => ({
      name: one.name,
      values: daily.rows.map((row) => (row ? one.value(row) : (one.nothing ?? null))),
      ...(one.colour ? { colour: one.colour } : {}),
      ...(one.as ? { as: one.as } : {}),
    }));
    if (target === undefined) return measured;
    return [
      ...measured,
      { name: "target", values: daily.times.map(() => target), colour: "faint", as: "bound" as const },
    ];
  }, [daily, figures, target]);
  const choose = (name: string | undefined) => name && setFilters({ day: name, figure: "" });
  const chosen = daily.names.indexOf(filters.day ?? "");
  return (
    <Answer of={of} what="the chart">
      {({ items: found }) => (
        <>
          <Card title={title}>
            {found.length === 0 ||
            lines.every(
              (line) => line.as === "bound" || line.values.every((value) => !value && value !== 0),
            ) ? (
              <Empty title="Nothing to draw yet" icon="decisions">
                The first day with something to measure is the first point.
              </Empty>
            ) : (
              <>
                <Series
                  label={label}
                  times={daily.times}
                  lines={lines}
                  say={say}
                  daily
                  height={190}
                  {...(steps ? { steps } : {})}
                  min={0}
                  {...(max === undefined ? {} : { max })}
                  onPick={(point) => choose(daily.names[point])}
                />
                <details className={styles.details}>
                  <summary>The same as a table</summary>
                  <DayTable daily={daily} figures={figures} say={say} onPick={choose} />
                </details>
              </>
            )}
          </Card>
          {chosen >= 0 && (
            <Behind
              key={`${report} ${filters.day}`}
              report={report}
              day={daily.names[chosen] ?? ""}
              named={dayOf(daily.times[chosen] ?? 0)}
              figures={behind}
              days={days}
              onClose={() => setFilters({ day: "", figure: "" })}
            />
          )}
        </>
      )}
    </Answer>
  );
}

function DayTable<Row>({
  daily,
  figures,
  say,
  onPick,
}: {
  daily: ReturnType<typeof byDay<Row & { key: string }>>;
  figures: readonly Figure<Row>[];
  say: (value: number) => string;
  onPick: (name: string) => void;
}) {
  const known = daily.rows.flatMap((row, place) => (row ? [{ row, name: daily.names[place] ?? "" }] : []));
  return (
    <div className={styles.scroll} tabIndex={0} role="group" aria-label="Days">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Day (UTC)</th>
            {figures.map((one) => (
              <th key={one.name} scope="col">
                {one.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {known.reverse().map(({ row, name }) => (
            <tr key={name}>
              <th scope="row">
                <button type="button" className={styles.day} onClick={() => onPick(name)}>
                  {name}
                </button>
              </th>
              {figures.map((one) => {
                const value = one.value(row);
                return <td key={one.name}>{value === null ? "–" : say(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const COLUMNS: readonly Column<Wire["BehindItem"]>[] = [
  {
    id: "type",
    title: "What",
    value: (one) => one.type,
    cell: (one) => <Name text={one.type} />,
    width: "minmax(150px, 1.6fr)",
    phone: "title",
  },
  {
    id: "agent_id",
    title: "Agent",
    value: (one) => one.agent_id,
    cell: (one) => (one.agent_id ? <Go to={pageOf(one.agent_id)}>{one.agent_id}</Go> : "the platform itself"),
    width: "minmax(130px, 1.2fr)",
    phone: "line",
  },
  {
    id: "risk",
    title: "Risk",
    value: (one) => one.risk,
    cell: (one) => <RiskBadge score={one.risk} />,
    width: "112px",
    phone: "line",
  },
  {
    id: "status",
    title: "Status",
    value: (one) => one.status,
    cell: (one) => <State of={one.status} />,
    width: "116px",
    phone: "aside",
  },
  {
    id: "at",
    title: "Asked",
    value: (one) => one.at,
    cell: (one) => <Time at={one.at} />,
    width: "140px",
    phone: "line",
  },
];

/** Everything a number of a day counts, each leading to its decision where people decided, else to the action. */
function Behind({
  report,
  day,
  named,
  figures,
  days,
  onClose,
}: {
  report: Report;
  day: string;
  named: string;
  figures: readonly (readonly [string, string])[];
  days: number;
  onClose: () => void;
}) {
  const [filters, setFilters] = useFilters();
  const figure = (figures.find(([name]) => name === filters.figure) ?? figures[0])?.[0] ?? "";
  const query = useInfiniteQuery(behindQuery(report, figure, day, days));
  return (
    <Card
      title={`Behind ${named}`}
      aside={
        <button type="button" className={styles.day} onClick={onClose}>
          Hide
        </button>
      }
    >
      <div className={styles.choice}>
        <Go to="/decisions/actions" search={{ day, ...(report === "automation" ? {} : { by: "people" }) }}>
          All actions of that day
        </Go>
        <SegmentedControl
          aria-label="Which of them"
          size="xs"
          value={figure}
          onChange={(wanted) => setFilters({ figure: wanted })}
          data={figures.map(([value, label]) => ({ value, label }))}
        />
      </div>
      <Answer of={query} what="what is behind it">
        {(data) => (
          <Listing
            name="things"
            rows={data.pages.flatMap((page) => page.items ?? [])}
            columns={COLUMNS}
            idOf={(one) => one.id}
            to={(one) => pageOf(one.decision_id) || pageOf(one.id)}
            height="50dvh"
            more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
            empty={<Empty title="None on this day" icon="check" />}
          />
        )}
      </Answer>
    </Card>
  );
}

/** How much runs without people, how fast they decide, who does; every number leads to what is behind it. */
import { SegmentedControl, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { useFilters } from "../parts/filters";
import { Go, pageOf } from "../parts/Go";
import { type Column, Listing } from "../parts/Listing";
import { Card, Page, Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { span } from "../parts/times";
import { Name } from "../parts/Words";
import {
  automationQuery,
  DAYS,
  decidingQuery,
  percent,
  reviewersQuery,
  suggestionsQuery,
  trendsQuery,
} from "./analytics";
import styles from "./analytics.module.css";

export default function AnalyticsPage() {
  const [filters, setFilters] = useFilters();
  const days = DAYS.find((one) => String(one) === filters.days) ?? 30;
  const tab = filters.tab ?? "automation";
  return (
    <Page
      title="Analytics"
      lead="How much runs without people, how fast they decide, and what the numbers suggest."
      back={{ to: "/decisions", text: "Decisions" }}
      actions={
        <SegmentedControl
          aria-label="How far back"
          value={String(days)}
          onChange={(value) => setFilters({ days: value })}
          data={DAYS.map((one) => ({ value: String(one), label: `${one} days` }))}
        />
      }
    >
      <Stack>
        <Trends days={days} />
        <Tabs
          value={tab}
          onChange={(value) => setFilters({ tab: value ?? "", sort: "" })}
          keepMounted={false}
        >
          <Tabs.List mb="md">
            <Tabs.Tab value="automation">What runs by itself</Tabs.Tab>
            <Tabs.Tab value="deciding">How people decide</Tabs.Tab>
            <Tabs.Tab value="reviewers">Who decides</Tabs.Tab>
            <Tabs.Tab value="suggestions">Suggestions</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="automation">
            <Automation days={days} />
          </Tabs.Panel>
          <Tabs.Panel value="deciding">
            <Deciding days={days} />
          </Tabs.Panel>
          <Tabs.Panel value="reviewers">
            <Reviewers days={days} />
          </Tabs.Panel>
          <Tabs.Panel value="suggestions">
            <Suggestions days={days} />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Page>
  );
}

function said(trend: Wire["Trend"], value: number | null): string {
  if (value === null) return "–";
  return trend.unit === "permille"
    ? percent(value)
    : trend.unit === "ms"
      ? span(value)
      : value.toLocaleString("en-GB");
}

function Trends({ days }: { days: number }) {
  return (
    <Answer of={useQuery(trendsQuery(days))} what="trends">
      {({ items }) => (
        <div className={styles.trends}>
          {items.map((one) => (
            <div key={one.name} className={styles.trend}>
              <span className={styles.name}>{one.name.replaceAll("_", " ")}</span>
              <b className="number">{said(one, one.now)}</b>
              <span className={styles.before}>
                {said(one, one.before)} before
                {one.target !== null && `, target ${said(one, one.target)}`}
              </span>
            </div>
          ))}
        </div>
      )}
    </Answer>
  );
}

/** A count that opens the newest things behind it. */
function Behind({ count, ids }: { count: ReactNode; ids: readonly string[] }) {
  const first = ids[0];
  if (!first || !pageOf(first)) return <>{count}</>;
  return (
    <Go to={pageOf(first)} title={`the newest: ${first}`}>
      {count}
    </Go>
  );
}

const AUTOMATION: readonly Column<Wire["Automation"]>[] = [
  {
    id: "key",
    title: "Type of action",
    value: (one) => one.key,
    cell: (one) => <Name text={one.key || "all"} />,
    width: "minmax(170px, 2fr)",
    phone: "title",
  },
  {
    id: "actions",
    title: "Actions",
    value: (one) => one.actions,
    right: true,
    width: "84px",
    phone: "aside",
  },
  { id: "automatic", title: "By itself", value: (one) => one.automatic, right: true, width: "84px" },
  {
    id: "automatic_permille",
    title: "Share",
    value: (one) => one.automatic_permille,
    cell: (one) => percent(one.automatic_permille),
    right: true,
    width: "78px",
    phone: "line",
  },
  {
    id: "low_risk_automatic_permille",
    title: "Of low risk",
    value: (one) => one.low_risk_automatic_permille,
    cell: (one) => percent(one.low_risk_automatic_permille),
    right: true,
    width: "96px",
  },
  {
    id: "held",
    title: "Held",
    value: (one) => one.held,
    cell: (one) => <Behind count={one.held} ids={one.held_ids} />,
    right: true,
    width: "64px",
  },
  {
    id: "wrong",
    title: "Wrong",
    value: (one) => one.wrong,
    cell: (one) => <Behind count={one.wrong} ids={one.wrong_ids} />,
    right: true,
    width: "72px",
    phone: "line",
  },
];

function Automation({ days }: { days: number }) {
  return (
    <Answer of={useQuery(automationQuery(days))} what="the report">
      {({ items, target_permille }) => (
        <Stack>
          <p className={styles.note}>
            {percent(target_permille)} of what is of low risk should run by itself.
          </p>
          <Listing
            name="types"
            rows={items}
            columns={AUTOMATION}
            idOf={(one) => one.key}
            height="60dvh"
            empty={<Empty title="No actions in this time" icon="decisions" />}
          />
        </Stack>
      )}
    </Answer>
  );
}

const DECIDING: readonly Column<Wire["watchfloor.http.bodies.analytics.Deciding"]>[] = [
  { id: "key", title: "Risk", value: (one) => one.key, width: "minmax(110px, 1.4fr)", phone: "title" },
  {
    id: "decisions",
    title: "Asked",
    value: (one) => one.decisions,
    cell: (one) => <Behind count={one.decisions} ids={one.ids} />,
    right: true,
    width: "72px",
    phone: "aside",
  },
  {
    id: "approved",
    title: "Approved",
    value: (one) => one.approved,
    right: true,
    width: "84px",
    phone: "line",
  },
  { id: "denied", title: "Denied", value: (one) => one.denied, right: true, width: "72px", phone: "line" },
  { id: "expired", title: "Expired", value: (one) => one.expired, right: true, width: "72px" },
  { id: "escalated", title: "Escalated", value: (one) => one.escalated, right: true, width: "84px" },
  {
    id: "p50_ms",
    title: "Half within",
    value: (one) => one.p50_ms,
    cell: (one) => span(one.p50_ms),
    right: true,
    width: "104px",
  },
  {
    id: "p95_ms",
    title: "95 % within",
    value: (one) => one.p95_ms,
    cell: (one) => span(one.p95_ms),
    right: true,
    width: "104px",
  },
];

function Deciding({ days }: { days: number }) {
  return (
    <Answer of={useQuery(decidingQuery(days, "risk"))} what="the report">
      {({ items }) => (
        <Listing
          name="bands of risk"
          rows={items}
          columns={DECIDING}
          idOf={(one) => one.key}
          height="60dvh"
          empty={<Empty title="No decisions in this time" icon="decisions" />}
        />
      )}
    </Answer>
  );
}

const REVIEWERS: readonly Column<Wire["Reviewers"]>[] = [
  {
    id: "key",
    title: "Person",
    value: (one) => one.key,
    cell: (one) => <Go to={`/access/people/${one.key}`}>{one.key}</Go>,
    width: "minmax(150px, 1.6fr)",
    phone: "title",
  },
  { id: "votes", title: "Votes", value: (one) => one.votes, right: true, width: "68px", phone: "aside" },
  {
    id: "approved_permille",
    title: "Approves",
    value: (one) => one.approved_permille,
    cell: (one) => percent(one.approved_permille),
    right: true,
    width: "90px",
    phone: "line",
  },
  {
    id: "p50_ms",
    title: "Looks for",
    value: (one) => one.p50_ms,
    cell: (one) => (one.measured ? span(one.p50_ms) : "–"),
    right: true,
    width: "100px",
    phone: "line",
  },
  {
    id: "quick",
    title: "Under 3 s",
    value: (one) => one.quick,
    cell: (one) => <Behind count={one.quick} ids={one.quick_ids} />,
    right: true,
    width: "88px",
  },
  { id: "busiest_day", title: "Busiest day", value: (one) => one.busiest_day, right: true, width: "98px" },
  { id: "pending", title: "Waiting", value: (one) => one.pending, right: true, width: "78px" },
];

function Reviewers({ days }: { days: number }) {
  return (
    <Answer of={useQuery(reviewersQuery(days))} what="the report">
      {({ items }) => (
        <Listing
          name="people"
          rows={items}
          columns={REVIEWERS}
          idOf={(one) => one.key}
          height="60dvh"
          empty={<Empty title="Nobody voted in this time" icon="person" />}
        />
      )}
    </Answer>
  );
}

function Suggestions({ days }: { days: number }) {
  return (
    <Answer of={useQuery(suggestionsQuery(days))} what="suggestions">
      {({ items }) =>
        items.length ? (
          <Stack>
            {items.map((one) => (
              <Card key={one.path} title={one.path} aside={one.direction}>
                <p className={styles.text}>{one.text}</p>
                <p className={styles.note}>
                  Now <b>{one.now}</b>
                  {one.suggested && (
                    <>
                      , <b>{one.suggested}</b> would do
                    </>
                  )}
                  ; {percent(one.agreed_permille)} of{" "}
                  <Behind count={`${one.answers} answers`} ids={one.ids} /> speak for it. Nothing is applied
                  by itself: <Go to="/policy">try it with a backtest</Go>.
                </p>
              </Card>
            ))}
          </Stack>
        ) : (
          <Empty title="Nothing to suggest" icon="check">
            The thresholds fit what people answered, as far as there are answers.
          </Empty>
        )
      }
    </Answer>
  );
}

/** How much runs without people, how fast they decide, who does; every number leads to what is behind it. */
import { SegmentedControl, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { useFilters } from "../parts/filters";
import { Go } from "../parts/Go";
import { Card, Page, Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { span } from "../parts/times";
import { DAYS, percent, suggestionsQuery, trendsQuery } from "./analytics";
import styles from "./analytics.module.css";
import { Automation } from "./Automation";
import { Behind } from "./Behind";
import { Deciding } from "./Deciding";
import { Overrides } from "./Overrides";
import { Reviewers } from "./Reviewers";

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
          onChange={(value) => setFilters({ days: value, day: "", figure: "" })}
          data={DAYS.map((one) => ({ value: String(one), label: `${one} days` }))}
        />
      }
    >
      <Stack>
        <Trends days={days} />
        <Tabs
          value={tab}
          onChange={(value) => setFilters({ tab: value ?? "", sort: "", day: "", figure: "" })}
          keepMounted={false}
        >
          <Tabs.List mb="md" className={styles.tabs}>
            <Tabs.Tab value="automation">What runs by itself</Tabs.Tab>
            <Tabs.Tab value="deciding">How people decide</Tabs.Tab>
            <Tabs.Tab value="overrides">Against advice</Tabs.Tab>
            <Tabs.Tab value="reviewers">Who decides</Tabs.Tab>
            <Tabs.Tab value="suggestions">Suggestions</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="automation">
            <Automation days={days} />
          </Tabs.Panel>
          <Tabs.Panel value="deciding">
            <Deciding days={days} />
          </Tabs.Panel>
          <Tabs.Panel value="overrides">
            <Overrides days={days} />
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

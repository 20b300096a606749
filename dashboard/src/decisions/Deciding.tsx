/** How people decide and how fast, by day and by risk (spec 3.5). */
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";

import { type Column, Listing } from "../parts/Listing";
import { Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { span } from "../parts/times";
import { decidingQuery } from "./analytics";
import { Behind } from "./Behind";
import { Daily, type Figure } from "./Daily";

type Row = Wire["watchfloor.http.bodies.analytics.Deciding"];

const MINUTE = 60_000;
const STEPS = [
  ...[1, 5, 10, 20, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 3, 5, 10, 20, 30, 60, 120, 360, 720, 1_440, 2_880].map((minutes) => minutes * MINUTE),
];

/** Of a day without an answer there is no time. */
const answered = (one: Row, value: number) => (one.approved + one.denied ? value : null);
const TIMES: readonly Figure<Row>[] = [
  { name: "half within", value: (one) => answered(one, one.p50_ms) },
  { name: "95 % within", value: (one) => answered(one, one.p95_ms), colour: "warn" },
];

const DECIDING: readonly Column<Row>[] = [
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

export function Deciding({ days }: { days: number }) {
  return (
    <Stack>
      <Daily
        of={useQuery(decidingQuery(days, "day"))}
        days={days}
        title="How long answers take, by day"
        label="Time from asking to the answer, by day"
        figures={TIMES}
        say={span}
        steps={STEPS}
        report="decisions"
        behind={[
          ["decisions", "All"],
          ["approved", "Approved"],
          ["denied", "Denied"],
          ["expired", "Expired"],
          ["escalated", "Escalated"],
        ]}
      />
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
    </Stack>
  );
}

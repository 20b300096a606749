/** Who decides, how much and how long they look, by day and by person (spec 3.5). */
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { Go } from "../parts/Go";
import { type Column, Listing } from "../parts/Listing";
import { Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { span } from "../parts/times";
import { percent, reviewersQuery } from "./analytics";
import { Behind } from "./Behind";
import { Daily, type Figure } from "./Daily";

const count = (value: number) => value.toLocaleString("en-GB", { maximumFractionDigits: 1 });
/** There is no half vote. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000];
const LOAD: readonly Figure<Wire["Reviewers"]>[] = [
  { name: "votes", value: (one) => one.votes, as: "bars", nothing: 0 },
  { name: "under 3 s", value: (one) => one.quick, colour: "warn", nothing: 0 },
];

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

export function Reviewers({ days }: { days: number }) {
  return (
    <Stack>
      <Daily
        of={useQuery(reviewersQuery(days, "day"))}
        days={days}
        title="How much there is to review, by day"
        label="Votes, by day"
        figures={LOAD}
        say={count}
        steps={WHOLE}
        report="reviewers"
        behind={[
          ["votes", "All"],
          ["approved", "Approved"],
          ["denied", "Denied"],
          ["quick", "Under 3 s"],
        ]}
      />
      <Answer of={useQuery(reviewersQuery(days, "person"))} what="the report">
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
    </Stack>
  );
}

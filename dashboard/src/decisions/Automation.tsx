/** How much runs without people, by day and by type of action (spec 3.5). */
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";

import { type Column, Listing } from "../parts/Listing";
import { Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { Name } from "../parts/Words";
import { automationQuery, percent } from "./analytics";
import styles from "./analytics.module.css";
import { Behind } from "./Behind";
import { Daily, type Figure } from "./Daily";

const SHARES: readonly Figure<Wire["Automation"]>[] = [
  { name: "of low risk", value: (one) => one.low_risk_automatic_permille, colour: "good" },
  { name: "of all", value: (one) => one.automatic_permille },
];

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

export function Automation({ days }: { days: number }) {
  const daily = useQuery(automationQuery(days, "day"));
  return (
    <Answer of={useQuery(automationQuery(days, "type"))} what="the report">
      {({ items, target_permille }) => (
        <Stack>
          <Daily
            of={daily}
            days={days}
            title="What ran by itself, by day"
            label="Share of actions that ran by themselves, by day"
            figures={SHARES}
            say={percent}
            max={1_000}
            target={target_permille}
            report="automation"
            behind={[
              ["actions", "All"],
              ["automatic", "By itself"],
              ["held", "Held"],
              ["denied", "Denied"],
              ["wrong", "Wrong"],
            ]}
          />
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

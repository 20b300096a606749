/** How often people decided against advice, by day and by type of action (spec 3.5). */
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";

import { type Column, Listing } from "../parts/Listing";
import { Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { Name } from "../parts/Words";
import { overridesQuery, percent } from "./analytics";
import styles from "./analytics.module.css";
import { Behind } from "./Behind";
import { Daily, type Figure } from "./Daily";

const RATES: readonly Figure<Wire["Overrides"]>[] = [
  { name: "against the gate", value: (one) => one.gate_permille },
  { name: "against the tribunal", value: (one) => one.tribunal_permille, colour: "odd" },
];

const OVERRIDES: readonly Column<Wire["Overrides"]>[] = [
  {
    id: "key",
    title: "Type of action",
    value: (one) => one.key,
    cell: (one) => <Name text={one.key} />,
    width: "minmax(170px, 2fr)",
    phone: "title",
  },
  {
    id: "answered",
    title: "Answered",
    value: (one) => one.answered,
    right: true,
    width: "90px",
    phone: "aside",
  },
  {
    id: "gate_overridden",
    title: "Against the gate",
    value: (one) => one.gate_overridden,
    cell: (one) => <Behind count={one.gate_overridden} ids={one.gate_ids} />,
    right: true,
    width: "126px",
  },
  {
    id: "gate_permille",
    title: "Share",
    value: (one) => one.gate_permille,
    cell: (one) => percent(one.gate_permille),
    right: true,
    width: "78px",
    phone: "line",
  },
  { id: "forced", title: "Forced", value: (one) => one.forced, right: true, width: "74px" },
  {
    id: "tribunal_overridden",
    title: "Against the tribunal",
    value: (one) => one.tribunal_overridden,
    cell: (one) => <Behind count={one.tribunal_overridden} ids={one.tribunal_ids} />,
    right: true,
    width: "148px",
  },
  {
    id: "tribunal_permille",
    title: "Share",
    value: (one) => one.tribunal_permille,
    cell: (one) => percent(one.tribunal_permille),
    right: true,
    width: "78px",
    phone: "line",
  },
];

export function Overrides({ days }: { days: number }) {
  const daily = useQuery(overridesQuery(days, "day"));
  return (
    <Answer of={useQuery(overridesQuery(days, "type"))} what="the report">
      {({ items, target_permille }) => (
        <Stack>
          <Daily
            of={daily}
            days={days}
            title="Against advice, by day"
            label="Share of answers against advice, by day"
            figures={RATES}
            say={percent}
            target={target_permille}
            report="overrides"
            behind={[
              ["answered", "All answered"],
              ["gate_overridden", "Against the gate"],
              ["tribunal_overridden", "Against the tribunal"],
              ["forced", "Forced"],
            ]}
          />
          <p className={styles.note}>It should stay below {percent(target_permille)}.</p>
          <Listing
            name="types"
            rows={items.filter((one) => one.answered > 0)}
            columns={OVERRIDES}
            idOf={(one) => one.key}
            height="60dvh"
            empty={<Empty title="Nobody answered in this time" icon="decisions" />}
          />
        </Stack>
      )}
    </Answer>
  );
}

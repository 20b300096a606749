/** What the task was expected to take and what it took. */
import type { Wire } from "../api/client";
import { money, percent } from "../parts/amounts";
import { Facts } from "../parts/Facts";
import { Card } from "../parts/Page";
import { span } from "../parts/times";
import { Words } from "../parts/Words";

const or = (value: number | null, say: (value: number) => string): string =>
  value === null ? "no estimate" : say(value);

export function Economics({ of }: { of: Wire["TaskEconomics"] }) {
  const rows: [string, string][] = [
    ["Cost", `${money(of.cost_micro)} (${or(of.estimated_cost_micro, money)})`],
    ["Tokens", `${of.tokens.toLocaleString()} (${or(of.estimated_tokens, (n) => n.toLocaleString())})`],
    ["In hand", `${span(of.time_ms)} (${or(of.estimated_ms, span)})`],
    [
      "Worth",
      of.value_micro === null
        ? `not assessed (${or(of.estimated_value_micro, money)})`
        : money(of.value_micro),
    ],
  ];
  if (of.roi_permille !== null) rows.push(["Return", percent(of.roi_permille)]);
  if (of.unreported)
    rows.push(["Without report", of.unreported === 1 ? "1 attempt" : `${of.unreported} attempts`]);
  return (
    <Card title="Economics" aside="actual (expected)">
      <Facts of={rows} />
      {of.rationale && <Words text={of.rationale} by="whoever estimated it" />}
    </Card>
  );
}

/** Columns that lists of decisions and of actions share. */
import { levelWord, RiskBadge } from "../parts/Badges";
import type { Column } from "../parts/Listing";
import { Name } from "../parts/Words";

interface Judged {
  type: string;
  agent_name: string;
  risk: number;
  level: number;
}

/** What was asked, by whom, and how it was judged. */
export const judged: readonly Column<Judged>[] = [
  {
    id: "type",
    title: "What",
    value: (one) => one.type,
    cell: (one) => <Name text={one.type} />,
    width: "minmax(150px, 1.5fr)",
    phone: "title",
  },
  {
    id: "agent_name",
    title: "Agent",
    value: (one) => one.agent_name,
    cell: (one) => <Name text={one.agent_name || "the platform itself"} />,
    width: "minmax(120px, 1.2fr)",
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
    id: "level",
    title: "Level",
    value: (one) => one.level,
    cell: (one) => levelWord(one.level),
    width: "104px",
  },
];

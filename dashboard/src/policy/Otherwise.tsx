/** Decisions that would have gone otherwise: how many of each kind, and each with its reasons. */
import { useQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Badge, levelWord } from "../parts/Badges";
import { type Column, Listing } from "../parts/Listing";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { outcomeSaid } from "./draft";
import styles from "./editor.module.css";
import { agentNamesQuery } from "../parts/names";

type Row = Wire["BacktestDifference"];

const LEVELS = [0, 1, 2, 3, 4].map(levelWord);

export function Otherwise({ kinds, rows }: { kinds: readonly Wire["BacktestKind"][]; rows: readonly Row[] }) {
  const agents = useQuery(agentNamesQuery);
  const nameOf = (id: string) => agents.data?.items.find((one) => one.agent_id === id)?.name ?? id;
  if (!rows.length) return null;
  const columns: readonly Column<Row>[] = [
    {
      id: "type",
      title: "Action",
      value: (row) => row.type,
      cell: (row) => <Name text={row.type} />,
      width: "minmax(130px, 1.2fr)",
      phone: "title",
    },
    {
      id: "agent",
      title: "Agent",
      value: (row) => nameOf(row.agent_id),
      cell: (row) => <Name text={nameOf(row.agent_id)} />,
      width: "minmax(110px, 1fr)",
      phone: "line",
    },
    {
      id: "recorded",
      title: "It was",
      value: (row) => outcomeSaid(row.recorded, LEVELS),
      width: "minmax(120px, 1fr)",
      phone: "line",
    },
    {
      id: "candidate",
      title: "It would be",
      value: (row) => outcomeSaid(row.candidate, LEVELS),
      cell: (row) => (
        <Badge tone={row.stricter ? "info" : "warn"}>{outcomeSaid(row.candidate, LEVELS)}</Badge>
      ),
      width: "minmax(150px, 1fr)",
      phone: "aside",
    },
    {
      id: "why",
      title: "Because",
      value: (row) => row.why.join(" "),
      cell: (row) => <Name text={row.why.join("; ")} charsMax={160} />,
      width: "minmax(160px, 2fr)",
    },
    {
      id: "at",
      title: "When",
      value: (row) => row.at,
      cell: (row) => <Time at={row.at} ago />,
      width: "104px",
      right: true,
      phone: "line",
    },
  ];
  return (
    <>
      {kinds.length > 0 && (
        <div className={styles.kinds}>
          {kinds.map((kind) => (
            <Badge key={`${kind.recorded} ${kind.candidate}`} tone={kind.stricter ? "info" : "warn"}>
              <b className="number">{kind.count}</b> {kind.recorded} → {kind.candidate}
            </Badge>
          ))}
        </div>
      )}
      <Listing
        name="decisions that would go otherwise"
        rows={rows}
        columns={columns}
        idOf={(row) => String(row.seq)}
        to={(row) => `/audit/events/${row.seq}`}
        height="420px"
        empty={null}
      />
    </>
  );
}

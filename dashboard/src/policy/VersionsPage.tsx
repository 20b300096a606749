/** Every version of the policy and every proposal: who, when, why, who agreed. */
import { useInfiniteQuery } from "@tanstack/react-query";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { type Column, Listing } from "../parts/Listing";
import { Page, Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { PolicyNav } from "./PolicyNav";
import { Proposals } from "./Proposals";
import { useNames } from "../parts/names";
import { versionsQuery } from "./queries";

type Version = Wire["PolicyItem"];

export default function VersionsPage() {
  const query = useInfiniteQuery(versionsQuery);
  const nameOf = useNames();
  const columns: readonly Column<Version>[] = [
    {
      id: "version",
      title: "Version",
      value: (one) => one.version,
      cell: (one) => <b className="number">{one.version}</b>,
      width: "74px",
      phone: "title",
    },
    {
      id: "reason",
      title: "Reason",
      value: (one) => one.reason,
      cell: (one) => <Name text={one.reason || "none given"} />,
      width: "minmax(180px, 2fr)",
      phone: "title",
    },
    {
      id: "applied_by",
      title: "By",
      value: (one) => nameOf(one.applied_by),
      cell: (one) => <Name text={nameOf(one.applied_by) || "the system"} />,
      width: "minmax(110px, 1fr)",
      phone: "line",
    },
    {
      id: "basis",
      title: "How",
      value: (one) => one.basis,
      cell: (one) => (
        <Badge tone={one.basis === "alone" ? "warn" : "plain"}>
          {one.revert_to ? `revert to ${one.revert_to}` : one.basis || "founding"}
        </Badge>
      ),
      width: "128px",
      phone: "aside",
    },
    {
      id: "approved_by",
      title: "Agreed",
      value: (one) => one.approved_by.map(nameOf).join(" "),
      cell: (one) => <Name text={one.approved_by.map(nameOf).join(", ")} />,
      width: "minmax(100px, 1fr)",
    },
    {
      id: "loosens",
      title: "Loosens",
      value: (one) => one.loosens,
      width: "76px",
      right: true,
    },
    {
      id: "applied_at",
      title: "In force from",
      value: (one) => one.applied_at,
      cell: (one) => <Time at={one.applied_at} />,
      width: "150px",
      right: true,
      phone: "line",
    },
  ];
  return (
    <Page title="Versions" lead="Every policy that was ever in force. Any of them can come back.">
      <PolicyNav />
      <Stack>
        <Proposals nameOf={nameOf} />
        <Answer of={query} what="versions">
          {(data) => (
            <Listing
              name="versions"
              rows={data.pages.flatMap((page) => page.items)}
              columns={columns}
              idOf={(one) => String(one.version)}
              to={(one) => `/policy/versions/${one.version}`}
              more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
              empty={<Empty title="No versions">The first is written when an organisation is founded.</Empty>}
            />
          )}
        </Answer>
      </Stack>
    </Page>
  );
}

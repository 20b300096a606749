/** On-call schedules: who is on call now and until when, rotations, overrides; making, covering, removing one. */
import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Facts } from "../parts/Facts";
import { Icon } from "../parts/Icon";
import { Card, Page, Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { CoverShift } from "./CoverShift";
import { MakeSchedule } from "./MakeSchedule";
import { PolicyNav } from "../policy/PolicyNav";
import { useNames } from "../parts/names";
import { schedulesQuery } from "./queries";

type Schedule = Wire["ScheduleItem"];

export default function OnCallPage() {
  const query = useQuery(schedulesQuery);
  const [making, setMaking] = useState(false);
  const nameOf = useNames();
  return (
    <Page
      title="On call"
      lead="Who is asked first at which hour. A policy names a schedule as schedule:on_call."
      actions={
        <Allowed role="supervisor">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>
            New schedule
          </Button>
        </Allowed>
      }
    >
      <PolicyNav />
      <Answer of={query} what="schedules">
        {({ items }) => {
          const now = items.filter((one) => !one.removed_at);
          return now.length ? (
            <Stack>
              {now.map((one) => (
                <One key={one.schedule_id} of={one} nameOf={nameOf} />
              ))}
            </Stack>
          ) : (
            <Empty title="Nobody is on call" icon="clock">
              Until there is a schedule, everybody with the role is asked at once. Make one called on_call:
              the policy already names it.
            </Empty>
          );
        }}
      </Answer>
      <MakeSchedule open={making} onClose={() => setMaking(false)} />
    </Page>
  );
}

function One({ of, nameOf }: { of: Schedule; nameOf: (id: string) => string }) {
  const [asked, setAsked] = useState<"cover" | "remove" | null>(null);
  const remove = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/schedules/{schedule}/remove", {
          params: { path: { schedule: of.schedule_id }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches: [["schedules"]],
    done: () => "Removed",
    onDone: () => setAsked(null),
  });
  return (
    <Card
      title={<Name text={of.name} />}
      aside={
        <Group gap="xs">
          <Allowed role="operator">
            <Button size="xs" variant="default" onClick={() => setAsked("cover")}>
              Cover a shift
            </Button>
          </Allowed>
          <Allowed role="supervisor">
            <Button size="xs" variant="default" onClick={() => setAsked("remove")}>
              Remove
            </Button>
          </Allowed>
        </Group>
      }
    >
      <Facts
        of={[
          [
            "Now",
            of.on_call ? (
              <span key="now">
                <Badge tone="good" dot>
                  <Name text={of.on_call.name || of.on_call.person_id} />
                </Badge>{" "}
                until <Time at={of.on_call.until_at} />
              </span>
            ) : (
              <Badge key="now" tone="warn">
                nobody
              </Badge>
            ),
          ],
          ["Zone", of.time_zone],
          ...of.layers.map((layer, place): [string, React.ReactNode] => [
            of.layers.length > 1 ? `Rotation ${place + 1}` : "Rotation",
            <span key={place}>
              <Name text={layer.members.map(nameOf).join(" → ")} charsMax={200} />, {layer.shift_hours} h each
              {layer.days.length > 0 && `, ${layer.days.join(" ")}`}
              {layer.daily_from !== layer.daily_until && `, ${layer.daily_from} to ${layer.daily_until}`}
            </span>,
          ]),
          ...of.overrides.map((one, place): [string, React.ReactNode] => [
            `Cover ${place + 1}`,
            <span key={`cover ${place}`}>
              <Name text={one.name || nameOf(one.person_id)} />, <Time at={one.from_at} /> to{" "}
              <Time at={one.until_at} />
            </span>,
          ]),
        ]}
      />
      <CoverShift schedule={of.schedule_id} open={asked === "cover"} onClose={() => setAsked(null)} />
      <Confirm
        open={asked === "remove"}
        onClose={() => setAsked(null)}
        title={`Remove ${of.name}?`}
        action="Remove it"
        danger
        reason="needed"
        busy={remove.isPending}
        onConfirm={(reason) => remove.mutate(reason)}
      >
        Where a policy names it, everybody with the role is asked instead.
      </Confirm>
    </Card>
  );
}

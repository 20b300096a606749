/** Bypasses: for some hours nobody is asked about what takes level 2; who said so, why, until when; taking one back. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import lines from "../parts/Lines.module.css";
import { useNames } from "../parts/names";
import { Card, Page } from "../parts/Page";
import { Empty } from "../parts/states";
import { Countdown, Time, useNow } from "../parts/Time";
import { Name } from "../parts/Words";
import { PolicyNav } from "../policy/PolicyNav";
import { OpenBypass } from "./OpenBypass";
import { bypassesQuery } from "./queries";

type Bypass = Wire["BypassItem"];

export default function BypassesPage() {
  const query = useQuery(bypassesQuery);
  const [opening, setOpening] = useState(false);
  const nameOf = useNames();
  return (
    <Page
      title="Bypasses"
      lead="For some hours nobody is asked about what takes level 2. Everything else is asked and recorded as ever."
      actions={
        <Allowed role="director">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setOpening(true)}>
            Open one
          </Button>
        </Allowed>
      }
    >
      <PolicyNav />
      <Answer of={query} what="bypasses">
        {({ items }) =>
          items.length ? (
            <Card>
              <ul className={lines.lines}>
                {items.map((one) => (
                  <One key={one.bypass_id} of={one} nameOf={nameOf} />
                ))}
              </ul>
            </Card>
          ) : (
            <Empty title="There was none" icon="clock">
              A director opens one for a night of planned work, with a reason. It ends by itself.
            </Empty>
          )
        }
      </Answer>
      <OpenBypass open={opening} onClose={() => setOpening(false)} />
    </Page>
  );
}

function One({ of, nameOf }: { of: Bypass; nameOf: (id: string) => string }) {
  const [asking, setAsking] = useState(false);
  const now = useNow();
  const over = of.ended_at > 0 || of.expires_at / 1_000 <= now;
  const end = useCommand({
    run: (bypass: string, key) =>
      ask(
        api.POST("/api/v1/bypasses/{bypass}/end", {
          params: { path: { bypass }, header: { "Idempotency-Key": key } },
        }),
      ),
    touches: [["bypasses"]],
    done: () => "Taken back: people are asked again",
    onDone: () => setAsking(false),
  });
  return (
    <li className={lines.line}>
      {over ? <Badge>{of.ended_at ? "taken back" : "over"}</Badge> : <Badge tone="warn">in force</Badge>}
      <span className={lines.grow}>
        {of.agent_id ? (
          <Go to={`/agents/${of.agent_id}`}>
            <Name text={nameOf(of.agent_id)} />
          </Go>
        ) : (
          "Every agent"
        )}
        , {of.type ? <Name text={of.type} /> : "every type of action"}:{" "}
        <Name text={of.reason} charsMax={300} />
        <small>
          opened by <Name text={nameOf(of.person)} /> <Time at={of.opened_at} ago />
          {!over && (
            <>
              {" · "}
              <Countdown at={of.expires_at} /> left
            </>
          )}
          {of.ended_at > 0 && (
            <>
              {" · taken back by "}
              <Name text={nameOf(of.ended_by)} /> <Time at={of.ended_at} ago />
            </>
          )}
        </small>
      </span>
      {!over && (
        <Allowed role="operator">
          <Button size="xs" variant="default" onClick={() => setAsking(true)}>
            Take it back
          </Button>
        </Allowed>
      )}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Take this bypass back?"
        action="Take it back"
        busy={end.isPending}
        onConfirm={() => end.mutate(of.bypass_id)}
      >
        From the next action on people are asked again.
      </Confirm>
    </li>
  );
}

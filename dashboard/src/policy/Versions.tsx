/** Every version there was: by whom, why, and what it changed. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Diff } from "../parts/Diff";
import { Card, Columns } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./policy.module.css";
import { differenceQuery, versionsQuery } from "./queries";

export function Versions({ current }: { current: number }) {
  const query = useQuery(versionsQuery);
  const [chosen, setChosen] = useState(current);
  return (
    <Answer of={query} what="versions">
      {({ items }) => (
        <Columns
          wide={<Change newer={chosen} />}
          narrow={
            <Card title="Versions" flush>
              <ul className={styles.versions}>
                {items.map((one) => (
                  <li key={one.version} data-here={one.version === chosen || undefined}>
                    <button type="button" onClick={() => setChosen(one.version)}>
                      <span>
                        <b>Version {one.version}</b>{" "}
                        {one.version === current && <Badge tone="good">in force</Badge>}{" "}
                        {one.loosens > 0 && <Badge tone="warn">loosens</Badge>}
                      </span>
                      <span className={styles.note}>
                        <Name text={one.reason || one.basis.replaceAll("_", " ")} charsMax={160} />,{" "}
                        <Time at={one.applied_at} ago />
                      </span>
                    </button>
                    {one.version !== current && <Revert to={one.version} />}
                  </li>
                ))}
              </ul>
            </Card>
          }
        />
      )}
    </Answer>
  );
}

function Change({ newer }: { newer: number }) {
  const query = useQuery({ ...differenceQuery(newer - 1, newer), enabled: newer > 1 });
  if (newer <= 1) {
    return (
      <Card title="Version 1">
        <Empty title="The first one" icon="policy">
          There was nothing before it to compare with.
        </Empty>
      </Card>
    );
  }
  return (
    <Answer of={query} what="the difference">
      {(found) => (
        <Card
          title={`What version ${found.newer} changed`}
          aside={found.loosens ? `${found.loosens} loosen it` : "nothing is looser"}
        >
          {found.patch ? <Diff text={found.patch} /> : <p className={styles.note}>Nothing but its number.</p>}
        </Card>
      )}
    </Answer>
  );
}

function Revert({ to }: { to: number }) {
  const [asking, setAsking] = useState(false);
  const revert = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/policy/revert", {
          params: { header: { "Idempotency-Key": key } },
          body: { to, reason },
        }),
      ),
    touches: [["policy"]],
    done: (out) =>
      out.state === "applied" ? `Version ${out.version} is in force` : "Proposed: others have to agree",
    onDone: () => setAsking(false),
  });
  return (
    <Allowed role="director">
      <Button size="compact-xs" variant="default" onClick={() => setAsking(true)}>
        Go back to it
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={`Go back to version ${to}?`}
        action="Go back"
        reason="needed"
        busy={revert.isPending}
        onConfirm={(reason) => revert.mutate(reason)}
      >
        A new version with the terms of that one. Where it loosens something, others have to agree.
      </Confirm>
    </Allowed>
  );
}

/** Changes that loosen something: who proposed them, what became of them; withdrawing one that still waits. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { State } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Go } from "../parts/Go";
import lines from "../parts/Lines.module.css";
import { Card } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { proposalsQuery } from "./queries";

const SHOWN = 8;

export function Proposals({ nameOf }: { nameOf: (id: string) => string }) {
  const query = useQuery(proposalsQuery);
  const [all, setAll] = useState(false);
  const items = query.data?.items ?? [];
  if (!items.length) return null;
  return (
    <Card title="Proposals" aside="in force by themselves once other people have agreed">
      <ul className={lines.lines}>
        {(all ? items : items.slice(0, SHOWN)).map((one) => (
          <li key={one.number} className={lines.line}>
            <State of={one.state} />
            <span className={lines.grow}>
              <Name text={one.reason || "no reason given"} />
              <small>
                <Name text={nameOf(one.proposed_by)} />, <Time at={one.proposed_at} ago /> · {one.loosens}{" "}
                loosen
                {one.revert_to > 0 && ` · back to version ${one.revert_to}`}
              </small>
            </span>
            {one.decision_id ? (
              <Go to={`/inbox/${one.decision_id}`}>See the decision</Go>
            ) : (
              one.action_id && <Go to={`/actions/${one.action_id}`}>See what was asked</Go>
            )}
            {one.state === "pending" && <Withdraw proposal={one} />}
          </li>
        ))}
      </ul>
      {items.length > SHOWN && !all && (
        <Button size="compact-sm" variant="subtle" onClick={() => setAll(true)}>
          {items.length - SHOWN} more
        </Button>
      )}
    </Card>
  );
}

function Withdraw({ proposal }: { proposal: Wire["ProposalItem"] }) {
  const [asking, setAsking] = useState(false);
  const withdraw = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/actions/{action}/cancel", {
          params: { path: { action: proposal.action_id }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches: [["policy"], ["decisions"]],
    done: () => "Withdrawn: the policy stays as it is",
    onDone: () => setAsking(false),
  });
  return (
    <Allowed role="operator">
      <Button size="xs" variant="default" onClick={() => setAsking(true)}>
        Withdraw
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Withdraw this change?"
        action="Withdraw it"
        reason="needed"
        busy={withdraw.isPending}
        onConfirm={(reason) => withdraw.mutate(reason)}
      >
        The decision that waits on it ends, and the policy in force stays. It can be proposed again.
      </Confirm>
    </Allowed>
  );
}

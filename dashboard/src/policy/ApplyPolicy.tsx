/** Applies a draft with a reason: at once when it only tightens, else as a proposal that other people decide on. */
import { Button, Tooltip } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Confirm } from "../parts/Confirm";
import { toldProblem } from "../parts/toasts";
import type { Check } from "./queries";

export function ApplyPolicy({
  check,
  tried,
  onApplied,
}: {
  check: Check | undefined;
  tried: boolean;
  onApplied: (answer: Wire["PolicyApplied"]) => void;
}) {
  const [asking, setAsking] = useState(false);
  const apply = useCommand({
    run: (input: { check: Check; reason: string }, key) =>
      ask(
        api.PUT("/api/v1/policy", {
          params: {
            query: { reason: input.reason },
            header: { "Idempotency-Key": key, "If-Match": input.check.etag },
          },
          body: input.check.document,
        }),
      ),
    touches: [["policy"]],
    done: (answer) =>
      answer.state === "proposed" ? "Proposed: other people decide" : `Version ${answer.version} is in force`,
    onDone: (answer) => {
      setAsking(false);
      onApplied(answer);
    },
    onProblem: (problem) => {
      setAsking(false);
      toldProblem(problem);
      return true;
    },
  });
  const loosens = check?.loosens ?? 0;
  const ready = check !== undefined && check.differences.length > 0 && (tried || loosens === 0);
  return (
    <>
      <Tooltip label="Preview and backtest it first: it loosens something" disabled={ready || !loosens}>
        <Button size="xs" disabled={!ready} onClick={() => setAsking(true)}>
          Apply
        </Button>
      </Tooltip>
      {check && (
        <Confirm
          open={asking}
          onClose={() => setAsking(false)}
          title="Apply this policy?"
          action={loosens ? "Propose it" : "Apply it"}
          reason="needed"
          busy={apply.isPending}
          onConfirm={(reason) => apply.mutate({ check, reason })}
        >
          {loosens
            ? `${loosens} of ${check.differences.length} changes loosen, so it becomes a proposal: other people decide on it with the difference before them. Where nobody else is there, it is in force at once.`
            : "It only tightens: it is in force at once, and what waits now is judged by the stricter of both."}
        </Confirm>
      )}
    </>
  );
}

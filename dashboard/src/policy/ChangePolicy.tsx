/** Changing the policy: the few fields people turn most beside the whole document, and what it would do before it does. */
import { Alert, Button, Group, NumberInput, Select, Switch, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { asProblem } from "../api/problem";
import { useMay } from "../app/me";
import { Confirm } from "../parts/Confirm";
import { Go } from "../parts/Go";
import { Card, Columns } from "../parts/Page";
import { toldProblem } from "../parts/toasts";
import { Outlook } from "./Outlook";
import styles from "./policy.module.css";
import type { Policy } from "./queries";

const BACKTEST_LAST = 1_000;

/** The document of a text; a sentence when it is none. */
export function readDocument(text: string): Policy | string {
  try {
    const found: unknown = JSON.parse(text);
    if (found === null || typeof found !== "object" || Array.isArray(found))
      return "The document has to be an object.";
    return found as Policy;
  } catch (error) {
    return error instanceof Error ? error.message : "This is no JSON.";
  }
}

export function ChangePolicy({ now }: { now: Wire["PolicyNow"] }) {
  const original = JSON.stringify(now.document, null, 2);
  const [text, setText] = useState(original);
  const [asking, setAsking] = useState(false);
  const [applied, setApplied] = useState<Wire["PolicyApplied"] | null>(null);
  const director = useMay("director");
  const read = readDocument(text);
  const document = typeof read === "string" ? null : read;
  const changed = document !== null && JSON.stringify(document) !== JSON.stringify(now.document);
  const look = useMutation({
    mutationFn: async (wanted: Policy) => {
      const preview = await ask(api.POST("/api/v1/policy/preview", { body: { document: wanted } }));
      const backtest = await ask(
        api.POST("/api/v1/policy/backtest", { body: { document: wanted, last: BACKTEST_LAST } }),
      );
      return { preview, backtest };
    },
    onError: (error) => toldProblem(asProblem(error)),
  });
  const apply = useCommand({
    run: (input: { document: Policy; reason: string }, key) =>
      ask(
        api.PUT("/api/v1/policy", {
          params: {
            query: { reason: input.reason },
            header: { "If-Match": now.etag, "Idempotency-Key": key },
          },
          body: input.document,
        }),
      ),
    touches: [["policy"]],
    done: (out) =>
      out.state === "applied" ? `Version ${out.version} is in force` : "Proposed: others have to agree",
    onDone: (out) => {
      setAsking(false);
      setApplied(out);
    },
  });
  const set = (change: (draft: Policy) => Policy) => {
    if (document) setText(JSON.stringify(change(document), null, 2));
  };
  return (
    <Columns
      wide={
        <Card title="The whole document" aside={changed ? "changed" : "as in force"}>
          <Textarea
            aria-label="Policy as JSON"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            autosize
            minRows={18}
            maxRows={34}
            spellCheck={false}
            error={typeof read === "string" ? read : undefined}
            classNames={{ input: styles.document }}
          />
        </Card>
      }
      narrow={
        <>
          {document && <Common of={document} onSet={set} />}
          <Card title="Before it is in force">
            <p className={styles.note}>
              Looks at who would decide then, whose tier would move, and judges the last {BACKTEST_LAST}{" "}
              decisions again.
            </p>
            <Group mt="sm">
              <Button
                variant="default"
                disabled={!changed}
                loading={look.isPending}
                onClick={() => document && look.mutate(document)}
              >
                What would change?
              </Button>
              {director && (
                <Button disabled={!changed} onClick={() => setAsking(true)}>
                  Apply
                </Button>
              )}
              <Button
                variant="subtle"
                color="gray"
                disabled={text === original}
                onClick={() => setText(original)}
              >
                Undo
              </Button>
            </Group>
          </Card>
          {applied?.decision_id && (
            <Alert title="It waits for others">
              <Go to={`/inbox/${applied.decision_id}`}>See who has to agree</Go>
            </Alert>
          )}
          {look.data && <Outlook preview={look.data.preview} backtest={look.data.backtest} />}
          <Confirm
            open={asking}
            onClose={() => setAsking(false)}
            title={`Apply this in place of version ${now.version}?`}
            action="Apply"
            reason="needed"
            busy={apply.isPending}
            onConfirm={(reason) => document && apply.mutate({ document, reason })}
          >
            {look.data
              ? `Of ${look.data.backtest.decisions} decisions judged again, ${look.data.backtest.looser} would be looser and ${look.data.backtest.stricter} stricter.`
              : "Nobody has looked at what it would change."}
          </Confirm>
        </>
      }
    />
  );
}

const LEVEL_OPTIONS = ["autonomous", "notify", "confirm", "approve", "committee"].map((label, level) => ({
  value: String(level),
  label,
}));

/** Forms for the fields that are turned most; each writes into the document beside it. */
function Common({ of, onSet }: { of: Policy; onSet: (change: (draft: Policy) => Policy) => void }) {
  const { auto, levels } = of;
  return (
    <Card title="Turned most">
      {auto && (
        <>
          <NumberInput
            label="Runs by itself above a trust of"
            min={0}
            max={1_000}
            value={auto.score_min}
            onChange={(value) =>
              onSet((draft) => ({ ...draft, auto: { ...draft.auto!, score_min: Number(value) || 0 } }))
            }
          />
          <NumberInput
            mt="sm"
            label="At most so many an hour"
            min={0}
            value={auto.per_hour}
            onChange={(value) =>
              onSet((draft) => ({ ...draft, auto: { ...draft.auto!, per_hour: Number(value) || 0 } }))
            }
          />
          <Switch
            mt="md"
            label="Medium risk may run by itself too"
            checked={auto.medium_allowed}
            onChange={(event) => {
              const medium_allowed = event.currentTarget.checked;
              onSet((draft) => ({ ...draft, auto: { ...draft.auto!, medium_allowed } }));
            }}
          />
        </>
      )}
      {levels &&
        (["low", "medium", "high", "critical"] as const).map((band) => (
          <Select
            key={band}
            mt="sm"
            label={`Risk ${band} asks for`}
            allowDeselect={false}
            data={LEVEL_OPTIONS}
            value={String(levels[band])}
            onChange={(value) =>
              onSet((draft) => ({ ...draft, levels: { ...draft.levels!, [band]: Number(value) } }))
            }
          />
        ))}
    </Card>
  );
}

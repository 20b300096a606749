/** Before a policy is applied: who would move tier, who would decide, and which recorded decisions would go otherwise. */
import { Button, Progress, Select } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import { Badge, levelWord, Tier } from "../parts/Badges";
import { Go } from "../parts/Go";
import lines from "../parts/Lines.module.css";
import { Card } from "../parts/Page";
import { Refused } from "../parts/states";
import { toldProblem } from "../parts/toasts";
import { Name } from "../parts/Words";
import { Otherwise } from "./Otherwise";
import styles from "./editor.module.css";
import { backtestingQuery, type Policy } from "./queries";

export interface Tried {
  of: string;
  preview: Wire["Preview"];
  backtest: Wire["BacktestReport"];
}

const PERIODS = [
  { value: "7", label: "the last 7 days" },
  { value: "30", label: "the last 30 days" },
  { value: "0", label: "the last 10,000 rulings" },
];

export function TryOut({
  document,
  tried,
  onTried,
}: {
  document: Policy;
  tried: Tried | null;
  onTried: (tried: Tried) => void;
}) {
  const [days, setDays] = useState("30");
  const run = useMutation<Tried, Problem>({
    mutationFn: async () => {
      const preview = await ask(api.POST("/api/v1/policy/preview", { body: { document } }));
      const period = days === "0" ? { last: 10_000 } : { days: Number(days) };
      const backtest = await ask(api.POST("/api/v1/policy/backtest", { body: { document, ...period } }));
      return { of: JSON.stringify(document), preview, backtest };
    },
    onSuccess: onTried,
  });
  const stale = tried !== null && tried.of !== JSON.stringify(document);
  return (
    <Card
      title="Try it before it counts"
      aside={
        stale ? (
          <Badge tone="warn">of an earlier draft</Badge>
        ) : tried ? (
          <Badge tone="good">tried</Badge>
        ) : null
      }
    >
      <div className={styles.tryBar}>
        <Select
          size="xs"
          w={190}
          aria-label="Recorded decisions to try it on"
          allowDeselect={false}
          data={PERIODS}
          value={days}
          onChange={(value) => setDays(value ?? "30")}
        />
        <Button
          size="xs"
          variant={tried && !stale ? "default" : "filled"}
          loading={run.isPending}
          onClick={() => run.mutate()}
        >
          Preview and backtest
        </Button>
        {run.isPending && <Running />}
      </div>
      {run.error && <Refused problem={asProblem(run.error)} again={() => run.mutate()} />}
      {!tried && !run.error && (
        <p className={lines.quiet}>
          Judges recorded decisions again under this draft and lists every one that would have gone otherwise.
          Nothing is recorded.
        </p>
      )}
      {tried && <Outcome of={tried} />}
    </Card>
  );
}

function Running() {
  const progress = useQuery(backtestingQuery);
  const permille = progress.data?.permille ?? 0;
  const cancel = () => {
    ask(api.POST("/api/v1/policy/backtest/cancel", { body: {} })).catch((error: unknown) => {
      toldProblem(asProblem(error));
    });
  };
  return (
    <>
      <Progress className={styles.progress} value={permille / 10} aria-label="Decisions judged again" />
      <Button size="xs" variant="subtle" onClick={cancel}>
        Stop
      </Button>
    </>
  );
}

function Outcome({ of: { preview, backtest } }: { of: Tried }) {
  const deciders = preview.then.filter(
    (then) => JSON.stringify(then) !== JSON.stringify(preview.now.find((now) => now.level === then.level)),
  );
  const short = preview.then.filter((one) => one.missing > 0);
  return (
    <div className={styles.outcome}>
      <p className={styles.sentence}>
        Of <b className="number">{backtest.decisions.toLocaleString()}</b> recorded decisions{" "}
        <b className="number">{backtest.same.toLocaleString()}</b> would have gone the same way,{" "}
        <b className="number">{backtest.stricter.toLocaleString()}</b> stricter,{" "}
        <b className="number">{backtest.looser.toLocaleString()}</b> looser.
      </p>
      <Otherwise kinds={backtest.kinds ?? []} rows={backtest.differences} />
      <h3 className={styles.sub}>Tiers</h3>
      {preview.moves.length ? (
        <ul className={styles.moves}>
          {preview.moves.map((move) => (
            <li key={move.agent_id}>
              <Go to={`/agents/${move.agent_id}`}>
                <Name text={move.name} />
              </Go>
              <Tier of={move.tier} /> <span aria-hidden="true">→</span> <Tier of={move.tier_after} />
              <span className="number">
                {move.score} → {move.score_after}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className={lines.quiet}>
          None of {preview.agents} {preview.agents === 1 ? "agent" : "agents"} changes tier
          {preview.scores_changed > 0 && `; ${preview.scores_changed} change their score`}.
        </p>
      )}
      <h3 className={styles.sub}>Who decides</h3>
      {!deciders.length && <p className={lines.quiet}>The same people as now.</p>}
      {deciders.map((one) => (
        <p key={one.level} className={styles.sentence}>
          {levelWord(one.level)}: {one.needed} of {one.committee ? `committee ${one.committee}` : one.role} (
          {one.people.length} people)
        </p>
      ))}
      {short.map((one) => (
        <p key={`short ${one.level}`} className={styles.warning}>
          Level {one.level} is short of {one.missing} {one.missing === 1 ? "person" : "people"}: what it
          decides would be denied.
        </p>
      ))}
      {backtest.notes.length > 0 && (
        <details className={styles.notes}>
          <summary>How to read this</summary>
          {backtest.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
          {backtest.superseded > 0 && <p>{backtest.superseded} rulings of older rules are left out.</p>}
        </details>
      )}
    </div>
  );
}

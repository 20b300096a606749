/** What a changed policy would do: judged on what was asked lately, on tiers, and on who decides. */
import type { Wire } from "../api/client";
import { levelWord, Tier } from "../parts/Badges";
import { Go, pageOf } from "../parts/Go";
import { Card } from "../parts/Page";
import { Name } from "../parts/Words";
import styles from "./policy.module.css";

const SHOWN_MAX = 12;

export function Outlook({
  preview,
  backtest,
}: {
  preview: Wire["Preview"];
  backtest: Wire["BacktestReport"];
}) {
  return (
    <Card title="What would change" aside={`${backtest.decisions} decisions judged again`}>
      <div className={styles.counts}>
        <span>
          <b className="number">{backtest.same}</b> the same
        </span>
        <span data-tone={backtest.looser ? "warn" : undefined}>
          <b className="number">{backtest.looser}</b> looser
        </span>
        <span>
          <b className="number">{backtest.stricter}</b> stricter
        </span>
      </div>
      <ul className={styles.differences}>
        {backtest.differences.slice(0, SHOWN_MAX).map((one) => (
          <li key={one.action_id}>
            <Go to={pageOf(one.action_id) || "/decisions"}>
              <Name text={one.type} />
            </Go>
            : {one.candidate.verdict} at {levelWord(one.candidate.level)}, was {one.recorded.verdict} at{" "}
            {levelWord(one.recorded.level)}
          </li>
        ))}
      </ul>
      {backtest.notes.map((note) => (
        <p key={note} className={styles.note}>
          {note}
        </p>
      ))}
      {preview.moves.length > 0 && (
        <>
          <h3 className={styles.small}>Tiers that would move</h3>
          <ul className={styles.differences}>
            {preview.moves.slice(0, SHOWN_MAX).map((one) => (
              <li key={one.agent_id}>
                <Go to={`/agents/${one.agent_id}`}>
                  <Name text={one.name} />
                </Go>
                : <Tier of={one.tier} /> to <Tier of={one.tier_after} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

/** The trust score as a place on the scale, its course, what moved it, and what would lift the agent. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Wire } from "../api/client";
import { Answer } from "../parts/Answer";
import { Tier } from "../parts/Badges";
import { Go } from "../parts/Go";
import { dayOf, type Line, Series } from "../parts/Series";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./agents.module.css";
import { trustHistoryQuery, trustQuery } from "./queries";
import rooms from "./rooms.module.css";

const SCORE_MAX = 1_000;
const CHANGES_SHOWN = 8;

export function Trust({ agent }: { agent: string }) {
  const now = useQuery(trustQuery(agent));
  const history = useQuery(trustHistoryQuery(agent));
  return (
    <Answer of={now} what="trust">
      {(trust) => (
        <>
          <div className={styles.score}>
            <b className="number">{trust.score}</b>
            <span>
              {trust.next_tier
                ? `${trust.missing} points below ${trust.next_tier.toLowerCase()}`
                : "in the highest tier"}
            </span>
          </div>
          <div className={styles.band} aria-hidden="true">
            <span className={styles.pin} style={{ left: `${(trust.score / SCORE_MAX) * 100}%` }} />
          </div>
          <div className={styles.scale} aria-hidden="true">
            <span>0</span>
            <span>200</span>
            <span>400</span>
            <span>600</span>
            <span>800</span>
            <span>1000</span>
          </div>
          {trust.falls_at > 0 && (
            <p className={rooms.alarm} role="status">
              The score is too low for its tier; it falls <Time at={trust.falls_at} ago />.
            </p>
          )}
          <Answer of={history} what="changes of trust">
            {({ items }) => (
              <Course items={items} next={trust.next_tier ? trust.score + trust.missing : null} />
            )}
          </Answer>
          <Ways of={trust} />
        </>
      )}
    </Answer>
  );
}

function Course({ items, next }: { items: Wire["TrustHistory"]["items"]; next: number | null }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const upward = useMemo(() => [...items].reverse(), [items]);
  const times = useMemo(() => upward.map((one) => one.at), [upward]);
  const lines = useMemo<Line[]>(() => {
    const score = { name: "trust", values: upward.map((one) => one.score) };
    if (next === null) return [score];
    return [score, { name: "next tier", values: upward.map(() => next), colour: "faint", as: "bound" }];
  }, [upward, next]);
  if (!items.length) return <p className={rooms.small}>Nothing has moved it yet.</p>;
  const picked = chosen === null ? undefined : upward[chosen];
  const tiers = items.filter((one) => one.tier !== one.tier_before);
  return (
    <>
      {upward.length > 1 && (
        <div className={styles.course}>
          <Series
            label="Trust over time"
            times={times}
            lines={lines}
            min={0}
            max={SCORE_MAX}
            onPick={setChosen}
          />
        </div>
      )}
      {picked && (
        <div className={rooms.note} role="status">
          <Change of={picked} />
        </div>
      )}
      <div className={styles.changes}>
        {items.slice(0, CHANGES_SHOWN).map((one) => (
          <Change key={one.seq} of={one} />
        ))}
      </div>
      {tiers.length > 0 && (
        <section className={styles.tiers}>
          <h3 className={rooms.sub}>Tiers it has had</h3>
          <ul className={rooms.ways}>
            {tiers.map((one) => (
              <li key={one.seq}>
                <Tier of={one.tier_before} /> → <Tier of={one.tier} /> <Time at={one.at} ago />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Change({ of: one }: { of: Wire["TrustChange"] }) {
  return (
    <div className={styles.change}>
      <span className={one.score >= one.score_before ? styles.up : styles.down}>
        {one.score >= one.score_before ? "+" : "−"}
        {Math.abs(one.score - one.score_before)}
      </span>
      <span>
        <Go to={`/audit/events/${one.source_seq || one.seq}`}>{one.what.replaceAll("_", " ")}</Go>
        {one.reason && (
          <>
            {" "}
            · <Name text={one.reason} />
          </>
        )}
        {!one.counted && " · beyond the day's cap"}
      </span>
      <Time at={one.at} ago />
    </div>
  );
}

const REASONS_SHOWN = 6;

/** What still weighs, and what would lift the agent (spec 3.4). */
function Ways({ of }: { of: Wire["TrustNow"] }) {
  const heaviest = [...(of.reasons ?? [])]
    .sort((a, b) => Math.abs(b.points_milli) - Math.abs(a.points_milli))
    .slice(0, REASONS_SHOWN);
  return (
    <div className={styles.both}>
      {of.next_tier && (
        <section>
          <h3 className={rooms.sub}>What would lift it to {of.next_tier.toLowerCase()}</h3>
          {of.lifts?.length ? (
            <ul className={rooms.ways}>
              {of.lifts.map((one) => (
                <li key={one.what}>
                  {one.events.toLocaleString("en-GB")} × {one.what.replaceAll("_", " ")}
                  {one.days_min > 1 && `, over at least ${one.days_min} days`}
                </li>
              ))}
            </ul>
          ) : (
            <p className={rooms.small}>Only a person, by hand.</p>
          )}
        </section>
      )}
      <section>
        <h3 className={rooms.sub}>What weighs now</h3>
        <ul className={rooms.ways}>
          <li>{of.base} to begin with</li>
          {heaviest.map((one) => (
            <li key={`${one.what} ${one.day_at}`}>
              {one.points_milli > 0 ? "+" : "−"}
              {(Math.abs(one.points_milli) / 1_000).toLocaleString("en-GB", {
                maximumFractionDigits: 1,
              })}{" "}
              for{" "}
              {one.what === "manual"
                ? "what people gave or took"
                : `${one.events} × ${one.what.replaceAll("_", " ")}`}{" "}
              on {dayOf(one.day_at)}
              {one.gone_at > 0 && `, gone by ${dayOf(one.gone_at)}`}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

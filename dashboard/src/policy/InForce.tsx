/** A policy in words: by risk who has to agree, what runs by itself, how trust moves, what never runs. */
import { levelWord, RiskBadge, Tier } from "../parts/Badges";
import { Facts } from "../parts/Facts";
import { Card } from "../parts/Page";
import { span } from "../parts/times";
import { Name } from "../parts/Words";
import styles from "./inforce.module.css";
import type { Policy } from "./queries";

const BANDS = [
  ["low", 10],
  ["medium", 30],
  ["high", 60],
  ["critical", 90],
] as const;
const TIERS = ["UNTRUSTED", "PROBATIONARY", "TRUSTED", "VERIFIED", "CERTIFIED", "ELITE"] as const;

export function InForce({ of }: { of: Policy }) {
  return (
    <div className={styles.cards}>
      <Levels of={of} />
      <Routes of={of} />
      <Automatic of={of} />
      <Trust of={of} />
      <Classes of={of} />
      <Never of={of} />
    </div>
  );
}

function Levels({ of }: { of: Policy }) {
  const levels = of.levels;
  return (
    <Card title="What the risk asks for">
      <ul className={styles.rows}>
        {BANDS.map(([band, score]) => (
          <li key={band}>
            <span>
              <RiskBadge score={score} bare />
            </span>
            <span>{levels ? levelWord(levels[band]) : "as by default"}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Routes({ of }: { of: Policy }) {
  const routing = of.routing;
  if (!routing) return null;
  const routes = [
    ["confirm", routing.confirm],
    ["approve", routing.approve],
    ["committee", routing.committee],
  ] as const;
  return (
    <Card title="Who has to agree">
      <ul className={styles.rows}>
        {routes.map(([name, route]) => (
          <li key={name}>
            <span>{name}</span>
            <span>
              {route.needed} {route.committee ? `of the committee ${route.committee}` : route.role}
              {route.needed > 1 && !route.committee && "s"}, within {span(route.deadline_ms)}, else{" "}
              {route.unanswered}
            </span>
          </li>
        ))}
        <li>
          <span>bars</span>
          <span>
            Whoever loosens the policy does not decide on what it affects for {routing.loosened_days} days.
          </span>
        </li>
      </ul>
    </Card>
  );
}

function Automatic({ of }: { of: Policy }) {
  const auto = of.auto;
  if (!auto) return null;
  return (
    <Card title="What runs by itself">
      <Facts
        of={[
          ["Trust", `above ${auto.score_min}`],
          ["Risk", auto.medium_allowed ? "low and medium" : "low only"],
          ["At most", `${auto.per_hour} an hour and agent`],
          [
            "Hours",
            auto.usual_hour_from === 0 && auto.usual_hour_to === 24
              ? "all day"
              : `${auto.usual_hour_from} to ${auto.usual_hour_to} o'clock UTC`,
          ],
        ]}
      />
    </Card>
  );
}

function Trust({ of }: { of: Policy }) {
  const trust = of.trust;
  if (!trust) return null;
  return (
    <Card title="How trust moves">
      <ul className={styles.rows}>
        {Object.entries(trust.kinds ?? {}).map(([name, kind]) => (
          <li key={name}>
            <span>{name.replaceAll("_", " ")}</span>
            <span>
              <b className={kind.points < 0 ? styles.down : styles.up}>
                {kind.points < 0 ? "−" : "+"}
                {Math.abs(kind.points)}
              </b>{" "}
              for {kind.decay_days} days
            </span>
          </li>
        ))}
      </ul>
      <p className={styles.tiers}>
        {TIERS.map((tier, place) => (
          <span key={tier}>
            <Tier of={tier} /> from {trust.tiers[place] ?? 0}
          </span>
        ))}
      </p>
    </Card>
  );
}

function Classes({ of }: { of: Policy }) {
  return (
    <Card title="Classes of actions">
      <ul className={styles.rows}>
        {Object.entries(of.classes ?? {}).map(([name, terms]) => (
          <li key={name}>
            <span>
              <Name text={name.replaceAll("_", " ")} />
            </span>
            <span>
              {terms.base} points of risk, at most {span(terms.execution_timeout_ms)}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Never({ of }: { of: Policy }) {
  const envelope = of.envelope;
  if (!envelope) return null;
  const listed = (all: readonly string[]) =>
    all.length ? <Name text={all.join(", ")} charsMax={400} /> : "none";
  return (
    <Card title="What no approval lifts">
      <Facts
        of={[
          ["Types", listed(envelope.forbidden_types)],
          ["Tools", listed(envelope.forbidden_tools)],
          ["Hosts", listed(envelope.forbidden_hosts)],
          ["Paths", listed(envelope.forbidden_paths)],
          ["Spending", `at most ${(envelope.spend_per_day_micro / 1_000_000).toLocaleString("en-GB")} a day`],
        ]}
      />
    </Card>
  );
}

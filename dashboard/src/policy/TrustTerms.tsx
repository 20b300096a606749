/** Trust as the organisation sets it: what an agent begins with, what moves it, and which score is which tier (spec 3.4). */
import { NumberInput } from "@mantine/core";
import { Tier } from "../parts/Badges";
import { Field, useEditing } from "./Fields";
import styles from "./terms.module.css";

const TIERS = ["UNTRUSTED", "PROBATIONARY", "TRUSTED", "VERIFIED", "CERTIFIED", "ELITE"];
const TONES = ["bad", "warn", "sink", "info", "good", "good"];

export function TrustTerms() {
  return (
    <>
      <div className={styles.fields}>
        <Field
          of={{
            path: "/trust/base",
            label: "A new agent begins with",
            kind: { is: "number", min: 0, max: 1000 },
          }}
        />
        <Field
          of={{
            path: "/trust/successes_per_day",
            label: "Successes that count",
            kind: { is: "number", min: 0, unit: "a day" },
          }}
        />
        <Field
          of={{
            path: "/trust/hysteresis",
            label: "Falls a tier only after",
            kind: { is: "number", min: 0, unit: "points" },
          }}
        />
        <Field
          of={{
            path: "/trust/demotion_grace_ms",
            label: "… and after",
            kind: { is: "scaled", by: 3_600_000, unit: "hours", min: 0 },
          }}
        />
      </div>
      <Bounds />
      <Kinds />
    </>
  );
}

function Bounds() {
  const { document, faults, readOnly, change } = useEditing();
  const from = document.trust.tiers;
  return (
    <div>
      <h3 className={styles.sub}>Tiers begin at</h3>
      <div className={styles.band} aria-hidden="true">
        {TIERS.map((tier, place) => (
          <span
            key={tier}
            style={{
              flexGrow: Math.max(0, (from[place + 1] ?? 1000) - (from[place] ?? 0)),
              background: TONES[place] === "sink" ? "var(--sink)" : `var(--${TONES[place]}-wash)`,
            }}
          />
        ))}
      </div>
      <div className={styles.tiers}>
        {TIERS.map((tier, place) => (
          <div key={tier} className={styles.tier}>
            <Tier of={tier} />
            <NumberInput
              size="xs"
              aria-label={`${tier.toLowerCase()} begins at`}
              disabled={readOnly || place === 0}
              error={faults[`/trust/tiers/${place}`]}
              min={0}
              max={1000}
              value={from[place] ?? 0}
              onChange={(wanted) =>
                typeof wanted === "number" &&
                change(
                  "/trust/tiers",
                  from.map((one, at) => (at === place ? wanted : one)),
                )
              }
            />
          </div>
        ))}
      </div>
      {faults["/trust/tiers"] && <p className={styles.fault}>{faults["/trust/tiers"]}</p>}
    </div>
  );
}

function Kinds() {
  const { document, active, faults, readOnly, change } = useEditing();
  return (
    <div>
      <h3 className={styles.sub}>What moves it</h3>
      <table className={styles.kinds}>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Points</th>
            <th scope="col">Gone after</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(document.trust.kinds ?? {}).map(([kind, terms]) => {
            const was = active.trust.kinds?.[kind];
            const differs = was && (was.points !== terms.points || was.decay_days !== terms.decay_days);
            return (
              <tr key={kind}>
                <th scope="row">
                  {kind.replaceAll("_", " ")}
                  {differs && (
                    <b className={styles.was}>
                      was {was.points} in {was.decay_days} days
                    </b>
                  )}
                </th>
                <td>
                  <NumberInput
                    size="xs"
                    aria-label={`${kind}: points`}
                    disabled={readOnly}
                    error={faults[`/trust/kinds/${kind}/points`]}
                    value={terms.points}
                    onChange={(wanted) =>
                      typeof wanted === "number" && change(`/trust/kinds/${kind}/points`, wanted)
                    }
                  />
                </td>
                <td>
                  <NumberInput
                    size="xs"
                    aria-label={`${kind}: days`}
                    disabled={readOnly}
                    error={faults[`/trust/kinds/${kind}/decay_days`]}
                    suffix=" days"
                    min={1}
                    value={terms.decay_days}
                    onChange={(wanted) =>
                      typeof wanted === "number" && change(`/trust/kinds/${kind}/decay_days`, wanted)
                    }
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** What limits the agent now and how much of it is used up: rates, runaway, money, budgets, breaker, stops. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Wire } from "../api/client";
import { money } from "../parts/amounts";
import { Answer } from "../parts/Answer";
import { Go } from "../parts/Go";
import { Time } from "../parts/Time";
import { span } from "../parts/times";
import { Name } from "../parts/Words";
import { limitsQuery } from "./queries";
import styles from "./rooms.module.css";

type Limit = Wire["LimitNow"];

const RUNAWAY: Record<string, string> = {
  requests: "Requests in a second",
  executed: "Actions begun in 10 seconds",
  repeated: "The same request in a minute",
  throttled: "Rates used up in a minute",
};

function nameOf(one: Limit): ReactNode {
  if (one.kind === "tasks") return "Tasks in hand";
  if (one.kind === "rate") return `${one.name.charAt(0).toUpperCase()}${one.name.slice(1)} actions a minute`;
  if (one.kind === "runaway") return RUNAWAY[one.name] ?? one.name;
  if (one.kind === "money") return "Money today (UTC)";
  if (!one.name) return "By itself this hour, of one type";
  return (
    <>
      By itself this hour: <Name text={one.name} />
    </>
  );
}

const count = (value: number) => value.toLocaleString("en-GB");
const say = (one: Limit, value: number) => (one.unit === "micro" ? money(value) : count(value));

const MEASURES: Record<string, (value: number) => string> = { money, time: span };

export function Limits({ agent }: { agent: string }) {
  return (
    <Answer of={useQuery(limitsQuery(agent))} what="limits">
      {(now) => {
        const of = (...kinds: string[]) => now.items.filter((one) => kinds.includes(one.kind));
        return (
          <div className={styles.room}>
            {now.stops.length > 0 && (
              <p className={styles.alarm} role="status">
                A stop is in force for it: nothing is granted. <Go to="/policy/stops">See the stops</Go>
              </p>
            )}
            <Group title="What it may do">
              {of("tasks", "rate", "money", "automatic").map((one) => (
                <Bar
                  key={one.kind + one.name}
                  name={nameOf(one)}
                  used={one.used}
                  limit={one.limit}
                  say={(value) => say(one, value)}
                />
              ))}
            </Group>
            <Group title="Beyond this it is quarantined">
              {of("runaway").map((one) => (
                <Bar key={one.name} name={nameOf(one)} used={one.used} limit={one.limit} say={count} />
              ))}
            </Group>
            <Group title="Beyond this its actions are held back for a time">
              <Bar
                name={`Failures in ${span(now.breaker.window_ms)}`}
                used={now.breaker.failures}
                limit={now.breaker.failures_max}
                say={count}
              />
              {now.breaker.open_until_at > 0 && (
                <p className={styles.alarm} role="status">
                  Its breaker is open until <Time at={now.breaker.open_until_at} />.
                </p>
              )}
            </Group>
            <Group title="Budgets">
              {now.budgets.length === 0 && <p className={styles.small}>No budget counts what it does.</p>}
              {now.budgets.map((one) => (
                <Bar
                  key={one.budget_id}
                  name={`${one.measure}, ${one.period === "total" ? "in all" : `this ${one.period}`}, of ${
                    one.scope === "organisation"
                      ? "everybody"
                      : one.scope === "spawned"
                        ? "it and its own"
                        : "it alone"
                  }`}
                  used={one.spent + one.reserved}
                  limit={one.limit}
                  say={MEASURES[one.measure] ?? count}
                />
              ))}
            </Group>
          </div>
        );
      }}
    </Answer>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3 className={styles.sub}>{title}</h3>
      <div className={styles.bars}>{children}</div>
    </section>
  );
}

const NEAR = 0.8;

function Bar({
  name,
  used,
  limit,
  say: words,
}: {
  name: ReactNode;
  used: number;
  limit: number;
  say: (value: number) => string;
}) {
  const share = limit ? used / limit : 1;
  return (
    <div className={styles.bar} data-tone={share >= 1 ? "bad" : share >= NEAR ? "warn" : undefined}>
      <span>{name}</span>
      <span className="number">
        <b>{words(used)}</b> of {words(limit)}
      </span>
      <span className={styles.gauge} aria-hidden="true">
        <i style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
    </div>
  );
}

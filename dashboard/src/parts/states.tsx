/** What a page shows when it has nothing to show: empty, loading, error, forbidden. */
import { Button, Loader } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { Problem } from "../api/problem";
import { Icon, type IconName } from "./Icon";
import styles from "./states.module.css";

export function Empty({
  title,
  children,
  icon = "check",
  action,
}: {
  title: string;
  children?: ReactNode;
  icon?: IconName;
  action?: ReactNode;
}) {
  return (
    <div className={styles.state} data-state="empty">
      <span className={styles.icon}>
        <Icon name={icon} size={28} />
      </span>
      <h2 className={styles.title}>{title}</h2>
      <div className={styles.text}>{children}</div>
      {action}
    </div>
  );
}

/** Says nothing for 200 ms: most answers are there by then. */
export function Loading({ what = "" }: { what?: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className={styles.state} data-state="loading" role="status" aria-label={`Loading ${what}`.trim()}>
      {late && <Loader size="sm" color="var(--accent)" />}
    </div>
  );
}

/** A refusal in the place of what was asked for: why, and whether asking again makes sense. */
export function Refused({
  problem,
  again,
  title: told,
}: {
  problem: Problem;
  again?: () => void;
  /** Where the page knows better what was refused. */
  title?: string;
}) {
  const usual = problem.forbidden
    ? "This is not for your role"
    : problem.missing
      ? "There is no such thing"
      : problem.status === 0
        ? "The server cannot be reached"
        : "The server refused";
  const title = told ?? usual;
  return (
    <div className={styles.state} data-state={problem.forbidden ? "forbidden" : "error"} role="alert">
      <span className={problem.forbidden || problem.missing ? styles.icon : styles.bad}>
        <Icon name={problem.forbidden ? "access" : problem.missing ? "question" : "warning"} size={28} />
      </span>
      <h2 className={styles.title}>{title}</h2>
      <div className={styles.text}>
        {problem.detail}
        {problem.errors.map((one) => (
          <div key={one.field + one.code}>
            <code>{one.field}</code> {one.detail}
          </div>
        ))}
        <div className={styles.code}>
          {problem.code}
          {problem.trace && ` · trace ${problem.trace}`}
        </div>
      </div>
      {again && !problem.forbidden && !problem.missing && (
        <Button variant="default" onClick={again} leftSection={<Icon name="refresh" size={16} />}>
          Try again
        </Button>
      )}
    </div>
  );
}

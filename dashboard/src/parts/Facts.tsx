/** Names and values, and ids that can be copied. */
import { CopyButton, Tooltip, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon } from "./Icon";
import styles from "./Facts.module.css";

export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {of.map(([name, value]) => (
        <div key={name} className={styles.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Id({ of, short = false }: { of: string; short?: boolean }) {
  const shown = short && of.length > 16 ? `${of.slice(0, 12)}…` : of;
  return (
    <CopyButton value={of} timeout={1_500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "copied" : `copy ${of}`}>
          <UnstyledButton className={styles.id} onClick={copy} aria-label={`copy ${shown}`}>
            {shown}
            <Icon name={copied ? "check" : "copy"} size={12} />
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}

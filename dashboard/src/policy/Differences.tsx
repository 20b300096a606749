/** What differs between two policies: each place in words, both sides, and whether it loosens; the YAML diff below. */
import { Switch } from "@mantine/core";
import { useState } from "react";
import type { Wire } from "../api/client";
import { Badge } from "../parts/Badges";
import { Diff } from "../parts/Diff";
import { Name } from "../parts/Words";
import { said, sideOf } from "./draft";
import lines from "../parts/Lines.module.css";
import styles from "./editor.module.css";

const SHOWN_MAX = 60;

export function Differences({ of, patch }: { of: readonly Wire["DifferenceItem"][]; patch: string }) {
  const [text, setText] = useState(false);
  if (!of.length) return <p className={lines.quiet}>Nothing differs.</p>;
  return (
    <>
      <ul className={styles.differences}>
        {of.slice(0, SHOWN_MAX).map((one) => (
          <li key={one.path} className={styles.difference}>
            <span className={styles.where}>
              <Name text={said(one.path)} charsMax={120} />
            </span>
            <span className={styles.sides}>
              <del className={styles.before}>
                <Name text={sideOf(one.path, one.before)} charsMax={200} />
              </del>
              <span aria-hidden="true">→</span>
              <ins className={styles.after}>
                <Name text={sideOf(one.path, one.after)} charsMax={200} />
              </ins>
            </span>
            {one.loosens ? <Badge tone="warn">loosens</Badge> : <Badge tone="good">tightens</Badge>}
          </li>
        ))}
      </ul>
      {of.length > SHOWN_MAX && (
        <p className={lines.quiet}>… and {of.length - SHOWN_MAX} more, in the YAML.</p>
      )}
      <Switch
        mt="sm"
        size="xs"
        label="Show as YAML"
        checked={text}
        onChange={(event) => setText(event.currentTarget.checked)}
      />
      {text && <Diff text={patch} />}
    </>
  );
}

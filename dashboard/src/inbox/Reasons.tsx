/** The gate's trace as sentences: what raised it first, what passed on demand. */
import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import type { Wire } from "../api/client";
import { Badge, levelWord } from "../parts/Badges";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";

export function Reasons({ of }: { of: readonly Wire["RuleReason"][] }) {
  const [all, setAll] = useState(false);
  const passed = of.filter((one) => one.answer === "pass");
  const raised = of.filter((one) => one.answer !== "pass").sort((a, b) => b.level - a.level);
  return (
    <div>
      {raised.length === 0 && <p className={styles.quiet}>No rule says more than that people decide.</p>}
      <ul className={styles.reasons}>
        {raised.map((one) => (
          <Reason key={one.rule} of={one} />
        ))}
        {all && passed.map((one) => <Reason key={one.rule} of={one} />)}
      </ul>
      {passed.length > 0 && (
        <UnstyledButton className={styles.toggle} onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? "Hide" : "Show"} the {passed.length} rules that had nothing to say
        </UnstyledButton>
      )}
    </div>
  );
}

function Reason({ of }: { of: Wire["RuleReason"] }) {
  const tone =
    of.answer === "pass" || of.answer === "lifted" ? "good" : of.answer === "raise" ? "warn" : "bad";
  return (
    <li className={styles.reason} title={of.rule}>
      <Badge tone={tone}>{of.answer === "raise" ? levelWord(of.level) : of.answer}</Badge>
      <span>
        <Name text={of.text || `${of.rule.replaceAll("_", " ")}.`} charsMax={400} />
      </span>
    </li>
  );
}

/** The whole policy as text, YAML or JSON; every fault with its place, which a click goes to. */
import { Alert, Anchor, SegmentedControl, Textarea } from "@mantine/core";
import { useRef } from "react";
import type { Problem } from "../api/problem";
import { Card } from "../parts/Page";
import styles from "./editor.module.css";
import { lineOf, reachOf } from "./places";
import type { Notation } from "./queries";

export function TextPane({
  text,
  notation,
  typed,
  problem,
  readOnly,
  onType,
  onNotation,
}: {
  text: string;
  notation: Notation;
  /** Is what stands here what somebody typed? */
  typed: boolean;
  problem: Problem | null;
  readOnly: boolean;
  onType: (text: string) => void;
  onNotation: (notation: Notation) => void;
}) {
  const box = useRef<HTMLTextAreaElement>(null);
  const goTo = (line: number) => {
    const area = box.current;
    if (!area) return;
    const [from, to] = reachOf(area.value, line);
    area.focus();
    area.setSelectionRange(from, to);
    area.scrollTop = ((line - 4) * area.scrollHeight) / Math.max(1, area.value.split("\n").length);
  };
  return (
    <Card
      title="Text"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Written as"
          data={[
            { value: "yaml", label: "YAML" },
            { value: "json", label: "JSON" },
          ]}
          // What has faults cannot be written the other way: it would be lost.
          disabled={typed && problem !== null}
          value={notation}
          onChange={(wanted) => onNotation(wanted === "json" ? "json" : "yaml")}
        />
      }
    >
      <Textarea
        ref={box}
        aria-label={notation === "yaml" ? "The policy as YAML" : "The policy as JSON"}
        classNames={{ input: styles.yaml ?? "" }}
        spellCheck={false}
        readOnly={readOnly}
        rows={26}
        value={text}
        onChange={(event) => onType(event.currentTarget.value)}
      />
      {problem && (
        <Alert color="bad" mt="sm" title="This is no sound policy yet">
          {problem.errors.length ? (
            <ul className={styles.faults}>
              {problem.errors.map((one) => {
                const line = typed ? lineOf(text, one.field, one.detail) : 0;
                return (
                  <li key={one.field + one.detail}>
                    {line ? (
                      <Anchor
                        component="button"
                        type="button"
                        fz="inherit"
                        ta="left"
                        onClick={() => goTo(line)}
                      >
                        <code>{one.field}</code>, line {line}
                      </Anchor>
                    ) : (
                      <code>{one.field}</code>
                    )}{" "}
                    {one.detail}
                  </li>
                );
              })}
            </ul>
          ) : (
            problem.detail
          )}
        </Alert>
      )}
    </Card>
  );
}

/** What waits, one card each: what, who, how risky, how long. */
import { Checkbox } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { levelWord, RiskBadge } from "../parts/Badges";
import { Left } from "../parts/Left";
import { Name } from "../parts/Words";
import styles from "./inbox.module.css";
import type { Decision } from "./queries";

interface WaitingListProps {
  of: readonly Decision[];
  here: string;
  chosen: ReadonlySet<string>;
  onGo: (decision: string) => void;
  onChoose: (decision: string) => void;
  more: (() => void) | undefined;
}

export function WaitingList({ of, here, chosen, onGo, onChoose, more }: WaitingListProps) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: of.length,
    getScrollElement: () => box.current,
    estimateSize: () => 79,
    overscan: 8,
    getItemKey: (place) => of[place]!.decision_id,
    onChange: (instance) => {
      const last = instance.getVirtualItems().at(-1);
      if (last && last.index >= of.length - 20) more?.();
    },
  });
  const at = of.findIndex((one) => one.decision_id === here);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);
  return (
    <div ref={box} className={styles.list} tabIndex={0} role="group" aria-label="Decisions by time left">
      <ul className={styles.items} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const one = of[item.index]!;
          return (
            <li
              key={item.key}
              data-index={item.index}
              ref={virtual.measureElement}
              className={styles.place}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <div className={styles.item} data-here={one.decision_id === here || undefined}>
                {one.may_vote ? (
                  <Checkbox
                    size="xs"
                    className={styles.choose}
                    aria-label={`Choose ${one.type} of ${one.agent_name}`}
                    checked={chosen.has(one.decision_id)}
                    onChange={() => onChoose(one.decision_id)}
                  />
                ) : (
                  <span className={styles.choose} />
                )}
                <button
                  type="button"
                  className={styles.open}
                  aria-current={one.decision_id === here || undefined}
                  onClick={() => onGo(one.decision_id)}
                >
                  <span className={styles.first}>
                    <span className={styles.type}>
                      <Name text={one.type} />
                    </span>
                    <Left at={one.deadline_at} />
                  </span>
                  <span className={styles.second}>
                    <Name text={one.agent_name || "the platform itself"} />
                    {one.tool && (
                      <>
                        {" "}
                        with <Name text={one.tool} />
                      </>
                    )}
                  </span>
                  <span className={styles.third}>
                    <RiskBadge score={one.risk} />
                    <span>{levelWord(one.level)}</span>
                    {one.needed > 1 && (
                      <span>
                        {one.approvals} of {one.needed}
                      </span>
                    )}
                  </span>
                </button>
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

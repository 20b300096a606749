/** Several decisions at once: grouped by risk, one confirmation; critical ones are approved one by one. */
import { Button, Group, Modal, Progress } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "../api/problem";
import { useMe } from "../app/me";
import { bandOf, RiskBadge } from "../parts/Badges";
import { told } from "../parts/toasts";
import { Name } from "../parts/Words";
import styles from "./inbox.module.css";
import type { Decision } from "./queries";
import { cast, isOvertaken, type Say } from "./voting";

/** What may be said to all of them with one confirmation. */
export function allowed(of: readonly Decision[], say: Say): Decision[] {
  return of.filter((one) => say === "deny" || bandOf(one.risk) !== "critical");
}

/** Equal requests of one agent together, the riskiest first. */
export function grouped(of: readonly Decision[]): { one: Decision; count: number }[] {
  const found = new Map<string, { one: Decision; count: number }>();
  for (const one of [...of].sort((a, b) => b.risk - a.risk)) {
    const key = JSON.stringify([one.risk, one.type, one.tool, one.agent_id]);
    const group = found.get(key);
    if (group) group.count++;
    else found.set(key, { one, count: 1 });
  }
  return [...found.values()];
}

const AT_ONCE = 4;

export function Batch({ of, onDone }: { of: readonly Decision[]; onDone: () => void }) {
  const [asking, setAsking] = useState<Say | null>(null);
  return (
    <div className={styles.batch} role="group" aria-label="Chosen decisions">
      <b>{of.length} chosen</b>
      <Button
        size="xs"
        color="good"
        onClick={() => setAsking("approve")}
        disabled={!allowed(of, "approve").length}
      >
        Approve
      </Button>
      <Button size="xs" variant="outline" color="bad" onClick={() => setAsking("deny")}>
        Deny
      </Button>
      <Button size="xs" variant="subtle" color="gray" onClick={onDone}>
        Clear
      </Button>
      {asking && <Sure say={asking} of={of} onClose={() => setAsking(null)} onDone={onDone} />}
    </div>
  );
}

function Sure({
  say,
  of,
  onClose,
  onDone,
}: {
  say: Say;
  of: readonly Decision[];
  onClose: () => void;
  onDone: () => void;
}) {
  const me = useMe();
  const client = useQueryClient();
  const [done, setDone] = useState<number | null>(null);
  const these = allowed(of, say);
  const left = of.length - these.length;
  const run = async () => {
    setDone(0);
    const queue = [...these];
    let overtaken = 0;
    const failed: string[] = [];
    const work = async () => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        try {
          await cast(me.id, { decision: one.decision_id, digest: one.digest, say, comment: "" });
        } catch (error) {
          const problem = asProblem(error);
          if (isOvertaken(problem)) overtaken++;
          else failed.push(problem.detail);
        }
        setDone((before) => (before ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    void client.invalidateQueries({ queryKey: ["decisions"] });
    const counted = these.length - overtaken - failed.length;
    const more = overtaken ? ` Others were faster for ${overtaken}.` : "";
    const bad = failed.length ? ` ${failed.length} were refused: ${failed[0]}` : "";
    told(`${counted} ${say === "approve" ? "approved" : "denied"}.${more}${bad}`);
    onClose();
    onDone();
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={`${say === "approve" ? "Approve" : "Deny"} ${these.length} decisions?`}
      size="md"
    >
      <ul className={styles.sure}>
        {grouped(these).map(({ one, count }) => (
          <li key={one.decision_id}>
            <RiskBadge score={one.risk} />
            <span>
              <Name text={one.type} /> of <Name text={one.agent_name} />
            </span>
            {count > 1 && <b className="number">{count} times</b>}
          </li>
        ))}
      </ul>
      {left > 0 && (
        <p className={styles.note}>{left} of critical risk are left out: they are approved one by one.</p>
      )}
      {done !== null && <Progress value={(done / these.length) * 100} mt="sm" aria-label="Progress" />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose} disabled={done !== null}>
          Cancel
        </Button>
        <Button
          data-autofocus
          color={say === "approve" ? "good" : "bad"}
          loading={done !== null}
          onClick={() => void run()}
        >
          {say === "approve" ? "Approve" : "Deny"} {these.length}
        </Button>
      </Group>
    </Modal>
  );
}

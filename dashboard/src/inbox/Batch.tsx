/** Several decisions at once: grouped by risk, one confirmation; critical ones are approved one by one. */
import { Alert, Button, Group, Modal, Progress } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { intention } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import { Badge, bandOf, RiskBadge } from "../parts/Badges";
import { Go } from "../parts/Go";
import { told } from "../parts/toasts";
import { Name } from "../parts/Words";
import styles from "./inbox.module.css";
import type { Decision } from "./queries";
import { AT_ONCE_MAX, castMany, isOvertaken, type Say, type Voted } from "./voting";

const ALONE_LEVEL = 4;

/** What may be said to all of them with one confirmation. */
export function allowed(of: readonly Decision[], say: Say): Decision[] {
  return of.filter((one) => say === "deny" || (bandOf(one.risk) !== "critical" && one.level < ALONE_LEVEL));
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

interface Asked {
  say: Say;
  /** As they were when it was asked: what others decide meanwhile is told by the answer. */
  of: readonly Decision[];
}

/** Stays for its answer when nothing is chosen any more. */
export function Batch({ of, onDone }: { of: readonly Decision[]; onDone: () => void }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const approvable = allowed(of, "approve").length > 0;
  return (
    <>
      {of.length > 0 && (
        <div className={styles.batch} role="group" aria-label="Chosen decisions">
          <b>{of.length} chosen</b>
          <Button
            size="xs"
            color="good"
            onClick={() => setAsked({ say: "approve", of })}
            disabled={!approvable}
          >
            Approve
          </Button>
          <Button size="xs" variant="outline" color="bad" onClick={() => setAsked({ say: "deny", of })}>
            Deny
          </Button>
          <Button size="xs" variant="subtle" color="gray" onClick={onDone}>
            Clear
          </Button>
        </div>
      )}
      {asked && <Sure {...asked} onClose={() => setAsked(null)} onDone={onDone} />}
    </>
  );
}

const SAID: Record<Say, string> = { approve: "approved", deny: "denied", abstain: "abstained on" };

function Sure({ say, of, onClose, onDone }: Asked & { onClose: () => void; onDone: () => void }) {
  const client = useQueryClient();
  const [these] = useState(() => allowed(of, say));
  const [busy, setBusy] = useState(false);
  const [answers, setAnswers] = useState<Voted[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const keys = useRef<string[]>([]); // one for each request, the same when it is repeated
  const left = of.length - these.length;
  const verb = say === "approve" ? "Approve" : "Deny";
  const run = async () => {
    setBusy(true);
    setProblem(null);
    const found = [...answers];
    try {
      while (found.length < these.length) {
        const key = (keys.current[found.length / AT_ONCE_MAX] ??= intention());
        found.push(...(await castMany(these.slice(found.length, found.length + AT_ONCE_MAX), say, key)));
        setAnswers([...found]);
      }
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
    void client.invalidateQueries({ queryKey: ["decisions"] });
    if (found.length < these.length) return;
    onDone();
    if (found.some((one) => one.code)) return;
    told(`${found.length} ${SAID[say]}.`);
    onClose();
  };
  if (answers.length === these.length && !busy) {
    return <Became say={say} of={these} answers={answers} onClose={onClose} />;
  }
  return (
    <Modal opened onClose={onClose} title={`${verb} ${these.length} decisions?`} size="md">
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
        <p className={styles.note}>
          {left} of critical risk or level 4 {left === 1 ? "is" : "are"} left out: those are approved one by
          one.
        </p>
      )}
      {problem && (
        <Alert
          mt="sm"
          color="bad"
          title={answers.length ? `${answers.length} are done, the rest is not` : "Not done"}
        >
          {problem.detail} Trying again repeats no vote.
        </Alert>
      )}
      {busy && <Progress value={(answers.length / these.length) * 100} mt="sm" aria-label="Progress" />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose} disabled={busy}>
          Cancel
        </Button>
        <Button
          data-autofocus
          color={say === "approve" ? "good" : "bad"}
          loading={busy}
          onClick={() => void run()}
        >
          {problem ? "Try again" : `${verb} ${these.length}`}
        </Button>
      </Group>
    </Modal>
  );
}

/** What became of each that was not simply counted; of the others, how many they are. */
function Became({
  say,
  of,
  answers,
  onClose,
}: {
  say: Say;
  of: readonly Decision[];
  answers: readonly Voted[];
  onClose: () => void;
}) {
  const not = answers.filter((one) => one.code);
  const about = new Map(of.map((one) => [one.decision_id, one]));
  const taken = answers.length - not.length;
  return (
    <Modal opened onClose={onClose} title={`${taken} ${SAID[say]}, ${not.length} not`} size="md">
      <ul className={styles.sure}>
        {not.map((one) => {
          const decision = about.get(one.decision_id);
          return (
            <li key={one.decision_id}>
              <Badge tone={isOvertaken(one.code) ? "plain" : "bad"}>
                {isOvertaken(one.code) ? "overtaken" : "refused"}
              </Badge>
              <span>
                <Go to={`/inbox/${one.decision_id}`}>
                  <Name text={decision?.type ?? one.decision_id} />
                </Go>{" "}
                of <Name text={decision?.agent_name ?? ""} />
                <br />
                <span className={styles.why}>{whyNot(one)}</span>
              </span>
            </li>
          );
        })}
      </ul>
      <Group justify="flex-end" mt="md">
        <Button data-autofocus onClick={onClose}>
          Close
        </Button>
      </Group>
    </Modal>
  );
}

function whyNot(one: Voted): string {
  if (one.code === "late")
    return `Somebody else decided first: it was ${one.status}. Your vote is kept and changes nothing.`;
  if (one.code === "already_voted") return "You voted on it before, perhaps in another window.";
  return one.detail || one.code.replaceAll("_", " ");
}

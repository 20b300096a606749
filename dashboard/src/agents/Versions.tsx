/** Versions of the agent: what it was told and may use. Putting one in force goes through the gate, and that is shown. */
import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge, type Tone } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { useFilters } from "../parts/filters";
import { Go } from "../parts/Go";
import { Time } from "../parts/Time";
import { span } from "../parts/times";
import { told } from "../parts/toasts";
import { Name } from "../parts/Words";
import { Compare } from "./Compare";
import { ProposeVersion } from "./ProposeVersion";
import { versionsQuery, waitingQuery } from "./queries";
import styles from "./rooms.module.css";

export type Version = Wire["VersionItem"];

const TONES: Record<string, Tone> = { active: "good", activating: "warn", proposed: "info", refused: "bad" };
const WORDS: Record<string, string> = {
  active: "in force",
  activating: "being decided on",
  replaced: "was in force",
};

/** What the gate said, as a sentence. */
export function ruled(out: Wire["VersionAnswer"]): string {
  if (out.verdict === "permitted") return `Version ${out.number} is in force`;
  if (out.verdict === "denied") return `The gate denied version ${out.number}`;
  return out.verdict
    ? `Version ${out.number} waits for people to agree`
    : `Version ${out.number} is proposed`;
}

export function Versions({ agent }: { agent: Wire["AgentItem"] }) {
  const id = agent.agent_id;
  const query = useInfiniteQuery(versionsQuery(id));
  const [filters, setFilters] = useFilters();
  const [proposing, setProposing] = useState(false);
  return (
    <Answer of={query} what="versions">
      {(data) => {
        const items = data.pages.flatMap((page) => page.items);
        const active = items.find((one) => one.state === "active");
        const newer = items.find((one) => String(one.number) === filters.version) ?? items[0];
        const older = Number(filters.against) || newer?.previous || 0;
        return (
          <div className={styles.room}>
            {items.some((one) => one.state === "activating") && <Deciding agent={id} />}
            <Allowed role="operator">
              <div className={styles.tools}>
                <Button size="xs" variant="default" onClick={() => setProposing(true)}>
                  Propose a version
                </Button>
              </div>
            </Allowed>
            <ul className={styles.entries} aria-label="Versions">
              {items.map((one) => (
                <Entry
                  key={one.number}
                  agent={id}
                  of={one}
                  busy={items.some((other) => other.state === "activating")}
                  chosen={one.number === newer?.number}
                  onChoose={() => setFilters({ version: String(one.number), against: "" })}
                />
              ))}
            </ul>
            {query.hasNextPage && (
              <Button variant="subtle" size="xs" onClick={() => void query.fetchNextPage()}>
                Older versions
              </Button>
            )}
            {newer && <Compare agent={id} all={items} older={older} newer={newer.number} />}
            {active && proposing && (
              <ProposeVersion agent={agent} active={active} onClose={() => setProposing(false)} />
            )}
          </div>
        );
      }}
    </Answer>
  );
}

/** A version is on its way: the decision that it waits for. */
function Deciding({ agent }: { agent: string }) {
  const { data } = useQuery(waitingQuery(agent));
  const decision = data?.items.find((one) => one.type === "agent.activate_version");
  return (
    <p className={styles.note} role="status">
      A version is being decided on; what is in force stays until people agree.{" "}
      {decision && <Go to={`/inbox/${decision.decision_id}`}>See the decision</Go>}
    </p>
  );
}

function Entry({
  agent,
  of,
  busy,
  chosen,
  onChoose,
}: {
  agent: string;
  of: Version;
  busy: boolean;
  chosen: boolean;
  onChoose: () => void;
}) {
  return (
    <li className={styles.entry} data-here={chosen || undefined}>
      <div className={styles.grow}>
        <div className={styles.line}>
          <b>
            Version {of.number}
            {of.label && (
              <>
                {" "}
                · <Name text={of.label} />
              </>
            )}
          </b>
          <Badge tone={TONES[of.state] ?? "plain"}>{WORDS[of.state] ?? of.state}</Badge>
          {of.is_rollback && <Badge>back to {of.rollback_to}</Badge>}
        </div>
        <p className={styles.small}>
          {of.reason ? <Name text={of.reason} charsMax={300} /> : "came with the registration"},{" "}
          <Time at={of.proposed_at} ago />
          {of.proposed_by && <> by {of.proposed_by}</>}
          {of.approved_by.length > 0 && <>, agreed by {of.approved_by.join(", ")}</>}
        </p>
        <p className={styles.small}>
          Tools: {of.tools.length ? <Name text={of.tools.join(", ")} charsMax={300} /> : "every tool"}
          {(of.tasks ?? 0) > 0 && (
            <>
              {" · "}
              {of.tasks} tasks, {(of.success_milli ?? 0) / 10} % ended well
              {typeof of.completion_ms_mean === "number" && <>, {span(of.completion_ms_mean)} each</>}
            </>
          )}
          {((of.reviews_positive ?? 0) > 0 || (of.reviews_negative ?? 0) > 0) && (
            <>
              {" · "}rated {of.reviews_positive} up, {of.reviews_negative} down
            </>
          )}
        </p>
      </div>
      <Button
        size="compact-sm"
        variant={chosen ? "light" : "default"}
        aria-pressed={chosen}
        onClick={onChoose}
      >
        Look at it
      </Button>
      {!busy && (of.state === "proposed" || of.state === "refused" || of.state === "replaced") && (
        <Allowed role="operator">
          <PutInForce agent={agent} of={of} />
        </Allowed>
      )}
    </li>
  );
}

/** Asks the gate: for one never in force by its number, for an earlier one by going back to it. */
function PutInForce({ agent, of }: { agent: string; of: Version }) {
  const [asking, setAsking] = useState(false);
  const back = of.activated_at > 0;
  const command = useCommand({
    run: (reason: string, key) => {
      const header = { "Idempotency-Key": key };
      return ask(
        back
          ? api.POST("/api/v1/agents/{agent}/versions/rollback", {
              params: { path: { agent }, header },
              body: { to: of.number, reason },
            })
          : api.POST("/api/v1/agents/{agent}/versions/{number}/activate", {
              params: { path: { agent, number: of.number }, header },
              body: { reason },
            }),
      );
    },
    touches: [["agent", agent], ["decisions"]],
    onDone: (out) => {
      setAsking(false);
      told(ruled(out));
    },
  });
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
        {back ? "Go back to it" : "Put in force"}
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={back ? `Go back to version ${of.number}?` : `Put version ${of.number} in force?`}
        action={back ? "Ask to go back" : "Ask for it"}
        reason="needed"
        busy={command.isPending}
        onConfirm={(reason) => command.mutate(reason)}
      >
        {back
          ? "A new version with what that one had. It goes through the gate: others have to agree before it is in force."
          : "It goes through the gate: others have to agree before it is in force."}
      </Confirm>
    </>
  );
}

/** Candidates beside the policy in force, and what observing has shown: what would have been held, what fits. */
import { Button, Group, Modal, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge, levelWord } from "../parts/Badges";
import { fieldErrors } from "../parts/fieldErrors";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import lines from "../parts/Lines.module.css";
import { Card, Page, Stack } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { said } from "./draft";
import styles from "./editor.module.css";
import { PolicyNav } from "./PolicyNav";
import { useNames } from "../parts/names";
import { observedQuery, policyQuery, shadowsQuery, versionsQuery } from "./queries";

export default function ShadowsPage() {
  const [setting, setSetting] = useState(false);
  return (
    <Page
      title="Shadows & modes"
      lead="A shadow judges every decision beside the policy in force, and decides nothing."
      actions={
        <Allowed role="director">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setSetting(true)}>
            Set a shadow
          </Button>
        </Allowed>
      }
    >
      <PolicyNav />
      <Stack>
        <Shadows />
        <Modes />
        <Observed />
      </Stack>
      <SetShadow open={setting} onClose={() => setSetting(false)} />
    </Page>
  );
}

function Shadows() {
  const query = useQuery(shadowsQuery);
  const nameOf = useNames();
  return (
    <Answer of={query} what="shadows">
      {({ items }) => {
        const now = items.filter((one) => !one.ended_at);
        if (!now.length) {
          return (
            <Empty title="No shadow policy" icon="eye">
              Set one from an earlier version to see, decision by decision, what it would have done.
            </Empty>
          );
        }
        return (
          <Card title="Shadows">
            <ul className={lines.lines}>
              {now.map((one) => (
                <li key={one.name} className={lines.line}>
                  <span className={lines.grow}>
                    <Go to={`/policy/shadows/${one.name}`}>
                      <Name text={one.name} />
                    </Go>
                    <small>
                      <Name text={one.reason || "no reason given"} /> · set by{" "}
                      <Name text={nameOf(one.set_by)} /> <Time at={one.set_at} ago />
                    </small>
                  </span>
                  <Go to={`/policy/shadows/${one.name}`}>Compare</Go>
                </li>
              ))}
            </ul>
          </Card>
        );
      }}
    </Answer>
  );
}

function Modes() {
  const query = useQuery(policyQuery);
  const nameOf = useNames();
  return (
    <Answer of={query} what="modes">
      {({ document: { modes } }) => {
        const named = [...Object.entries(modes.agents), ...Object.entries(modes.types)];
        return (
          <Card title="Modes" aside={<Go to="/policy/edit">change it in the policy</Go>}>
            <p className={styles.sentence}>
              The organisation is in{" "}
              <Badge tone={modes.organisation === "observe" ? "warn" : "good"}>{modes.organisation}</Badge>
              {modes.organisation === "observe"
                ? ": everything is judged, nothing is held."
                : ": what needs people waits for people."}
            </p>
            {named.map(([id, mode]) => (
              <p key={id} className={lines.quiet}>
                <Name text={nameOf(id)} />: {mode}
              </p>
            ))}
          </Card>
        );
      }}
    </Answer>
  );
}

function Observed() {
  const query = useQuery(observedQuery(30));
  return (
    <Answer of={query} what="what was observed">
      {(report) => (
        <Card title="What people would have been asked" aside="30 days, in observe mode">
          {report.groups.length ? (
            <>
              <p className={styles.sentence}>
                <b className="number">{report.observed}</b> of {report.decisions} actions ran observed;{" "}
                {report.unheld} of them would have needed approval.
              </p>
              <ul className={lines.lines}>
                {report.groups.slice(0, 12).map((one) => (
                  <li key={`${one.type} ${one.level} ${one.role}`} className={lines.line}>
                    <b className="number">{one.count}</b>
                    <span className={lines.grow}>
                      <Name text={one.type} />
                      <small>
                        {levelWord(one.level)} by {one.needed} of {one.committee || one.role || "nobody"} ·{" "}
                        {one.completed} completed, {one.failed} failed
                      </small>
                    </span>
                    {one.unheld && <Badge tone="warn">unheld</Badge>}
                  </li>
                ))}
              </ul>
              {report.proposals.map((one) => (
                <p key={one.path} className={styles.sentence}>
                  <b>{said(one.path)}</b>: {one.now} → {one.proposed}. {one.because} {one.held_now} held now,{" "}
                  {one.held_then} then.
                </p>
              ))}
            </>
          ) : (
            <p className={lines.quiet}>
              Nothing ran observed. In observe mode this says what would have been held, and which thresholds
              fit.
            </p>
          )}
        </Card>
      )}
    </Answer>
  );
}

function SetShadow({ open, onClose }: { open: boolean; onClose: () => void }) {
  const versions = useInfiniteQuery({ ...versionsQuery, enabled: open });
  const [name, setName] = useState("");
  const [version, setVersion] = useState("");
  const [score, setScore] = useState<number | "">("");
  const [reason, setReason] = useState("");
  const [faults, setFaults] = useState<Record<string, string>>({});
  const now = useQuery(policyQuery);
  const set = useCommand({
    run: (_: string, key) => {
      const document =
        score === "" || !now.data
          ? null
          : { ...now.data.document, auto: { ...now.data.document.auto, score_min: score } };
      return ask(
        api.POST("/api/v1/policy/shadows", {
          params: { header: { "Idempotency-Key": key } },
          body: document ? { name, reason, document } : { name, reason, version: Number(version) },
        }),
      );
    },
    touches: [["policy"]],
    done: () => "Set: it judges from now on and decides nothing",
    onDone: onClose,
    onProblem: (problem) => {
      setFaults(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  const ready = name.trim() !== "" && (version !== "" || score !== "");
  return (
    <Modal opened={open} onClose={onClose} title="Set a shadow">
      <form
        className={lines.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) set.mutate(JSON.stringify([name, version, score, reason]));
        }}
      >
        <TextInput
          label="Name"
          placeholder="fewer_questions"
          error={faults.name}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Select
          label="An earlier version"
          clearable
          disabled={score !== ""}
          error={faults.version}
          data={(versions.data?.pages ?? [])
            .flatMap((page) => page.items)
            .map((one) => ({
              value: String(one.version),
              label: `${one.version} · ${one.reason || one.name}`,
            }))}
          value={version || null}
          onChange={(wanted) => setVersion(wanted ?? "")}
        />
        <NumberInput
          label="… or the policy in force with automatic approval above"
          suffix=" of 1000"
          min={0}
          max={1000}
          disabled={version !== ""}
          value={score}
          onChange={(wanted) => setScore(typeof wanted === "number" ? wanted : "")}
        />
        <Textarea
          label="Reason"
          autosize
          minRows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!ready} loading={set.isPending}>
            Set it
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

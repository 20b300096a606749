/** The policy in force, as forms and as text side by side: change either, see what it changes, try it, apply it. */
import { Accordion, Alert, Button } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { asProblem } from "../api/problem";
import type { Wire } from "../api/client";
import { Allowed, useMay } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Card, Page, Stack } from "../parts/Page";
import { Time } from "../parts/Time";
import { TrustTerms } from "./TrustTerms";
import { ApplyPolicy } from "./ApplyPolicy";
import { Committees } from "./Committees";
import { Differences } from "./Differences";
import { withAt } from "./draft";
import { Escalation } from "./Escalation";
import { EditingProvider, Field } from "./Fields";
import styles from "./editor.module.css";
import { Packs } from "./Packs";
import { Paces } from "./Paces";
import { PolicyNav } from "./PolicyNav";
import { checkQuery, type Draft, type Notation, policyQuery, proposalsQuery, yamlQuery } from "./queries";
import { SECTIONS } from "./sections";
import { TextPane } from "./TextPane";
import { type Tried, TryOut } from "./TryOut";

export default function EditPage() {
  const query = useQuery(policyQuery);
  return (
    <Page title="Change it" lead="The whole policy, changed here and tried before it counts.">
      <PolicyNav />
      <Answer of={query} what="the policy">
        {(now) => <Editor now={now} />}
      </Answer>
    </Page>
  );
}

function Editor({ now }: { now: Wire["PolicyNow"] }) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const [notation, setNotation] = useState<Notation>("yaml");
  const [tried, setTried] = useState<Tried | null>(null);
  const [sent, setSent] = useState<Wire["PolicyApplied"] | null>(null);
  const results = useRef<HTMLDivElement>(null);
  const mayDraft = useMay("operator");
  const [asked] = useDebouncedValue(draft, 250);
  const yaml = useQuery(yamlQuery(now.version));
  const check = useQuery(checkQuery(asked));
  const problem = draft && check.error ? asProblem(check.error) : null;
  const checked = draft && !check.isPlaceholderData && asked === draft ? check.data : undefined;
  const faults = Object.fromEntries((problem?.errors ?? []).map((one) => [one.field, one.detail]));
  const latest = draft && !problem ? check.data : undefined;
  const document = draft?.by === "form" ? draft.document : (latest?.document ?? now.document);
  const written = notation === "json" ? JSON.stringify(document, null, 2) : (latest?.text ?? yaml.data ?? "");
  const text = draft?.by === "text" ? draft.text : written;
  const unread = draft?.by === "text" && problem !== null;
  const drop = () => {
    setDraft(null);
    setTried(null);
  };
  const editing = {
    document,
    active: now.document,
    faults,
    readOnly: !mayDraft || unread,
    change: (path: string, value: unknown) =>
      setDraft({ by: "form", document: withAt(document, path, value) }),
  };
  return (
    <Stack>
      <Standing now={now} sent={sent}>
        {mayDraft && <Packs onChosen={(document) => setDraft({ by: "form", document })} />}
      </Standing>
      <div className={styles.beside}>
        <Card title="Forms" aside="what people change most">
          <EditingProvider value={editing}>
            <Forms />
          </EditingProvider>
        </Card>
        <div className={styles.pane}>
          <TextPane
            text={text}
            notation={notation}
            typed={draft?.by === "text"}
            problem={problem}
            readOnly={!mayDraft}
            onType={(typed) => setDraft({ by: "text", as: notation, text: typed })}
            onNotation={(wanted) => {
              if (draft?.by === "text" && latest) setDraft({ by: "form", document: latest.document });
              setNotation(wanted);
            }}
          />
        </div>
      </div>
      {draft && latest && (
        <div ref={results}>
          <Stack>
            <Card title="What the draft changes" aside={`against version ${latest.base}`}>
              <Differences of={latest.differences} patch={latest.patch} />
            </Card>
            <TryOut document={latest.document} tried={tried} onTried={setTried} />
          </Stack>
        </div>
      )}
      {draft && (
        <div className={styles.bar} role="region" aria-label="Draft">
          <span className={styles.barSaid}>
            {problem ? (
              <Badge tone="bad">has faults</Badge>
            ) : latest ? (
              <>
                <b className="number">{latest.differences.length}</b>{" "}
                {latest.differences.length === 1 ? "change" : "changes"}
                {latest.loosens > 0 && (
                  <>
                    {" "}
                    <Badge tone="warn">{latest.loosens} loosen</Badge>
                  </>
                )}
              </>
            ) : (
              "Reading the draft…"
            )}
          </span>
          <Button variant="default" size="xs" onClick={drop}>
            Discard
          </Button>
          <Button
            variant="default"
            size="xs"
            disabled={!latest}
            onClick={() => {
              results.current?.scrollIntoView({ block: "start" });
            }}
          >
            See what it changes
          </Button>
          <Allowed role="director">
            <ApplyPolicy
              check={checked}
              tried={Boolean(checked && tried?.of === JSON.stringify(checked.document))}
              onApplied={(answer) => {
                setSent(answer);
                drop();
              }}
            />
          </Allowed>
        </div>
      )}
    </Stack>
  );
}

function Forms() {
  return (
    <Accordion
      multiple
      defaultValue={["levels", "auto"]}
      order={3}
      variant="default"
      className={styles.forms}
    >
      {SECTIONS.map((section) => (
        <Accordion.Item key={section.id} value={section.id}>
          <Accordion.Control>{section.title}</Accordion.Control>
          <Accordion.Panel>
            <p className={styles.about}>{section.about}</p>
            <div className={styles.fields}>
              {section.fields.map((field) => (
                <Field key={field.path} of={field} />
              ))}
            </div>
            {section.id === "routing" && <Escalation />}
            {section.id === "rates" && <Paces />}
          </Accordion.Panel>
        </Accordion.Item>
      ))}
      <Accordion.Item value="committees">
        <Accordion.Control>Committees</Accordion.Control>
        <Accordion.Panel>
          <p className={styles.about}>Who decides what is critical. A committee short of people denies.</p>
          <Committees />
        </Accordion.Panel>
      </Accordion.Item>
      <Accordion.Item value="trust">
        <Accordion.Control>Trust</Accordion.Control>
        <Accordion.Panel>
          <p className={styles.about}>
            Scores are counted from events that fade; tiers say what a score allows.
          </p>
          <TrustTerms />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

/** Which version is in force, and the change that waits for other people. */
function Standing({
  now,
  sent,
  children,
}: {
  now: Wire["PolicyNow"];
  sent: Wire["PolicyApplied"] | null;
  children: ReactNode;
}) {
  const proposals = useQuery(proposalsQuery);
  const waiting = proposals.data?.items.find((one) => one.state === "pending");
  const decision =
    waiting?.decision_id || (sent?.state === "proposed" && !proposals.data ? sent.decision_id : "");
  return (
    <>
      <p className={styles.inForce}>
        <Badge tone="good" dot>
          version {now.version}
        </Badge>{" "}
        in force since <Time at={now.applied_at} /> · <Go to="/policy/versions">all versions</Go> {children}
      </p>
      {decision && (
        <Alert color="warn" title="A change waits for other people">
          It loosens something, so somebody else agrees first. Nothing is in force before.{" "}
          <Go to={`/inbox/${decision}`}>See the decision</Go>
        </Alert>
      )}
    </>
  );
}
